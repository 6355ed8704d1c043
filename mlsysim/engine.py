"""The solver: a roofline over a model's operators, on one device or many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mlsysim import formulas
from mlsysim.errors import InvalidInput, require_number
from mlsysim.ledger import Performance
from mlsysim.models import ModelSpec, Transformer
from mlsysim.models.operators import OperatorColumns, OperatorTable
from mlsysim.precisions import Precision, Precisions
from mlsysim.runtimes import Runtime, Runtimes
from mlsysim.systems import Layout, System

DEFAULT_LENGTH = 2048
DEFAULT_RUNTIME = "PyTorch compiled"

# A training step runs every operator once forward and does twice that work backward.
_PASSES_OF_TRAINING = 3.0
# Adam in mixed precision keeps a master copy and two moments, 4 bytes each (ZeRO, section 3.1).
_OPTIMIZER_BYTES_PER_PARAMETER = 12.0
# Tensor parallelism sums activations once after attention and once after the feed-forward layer.
_ALL_REDUCES_PER_LAYER = 2.0

# Kinds whose operands a compiler can keep on chip, and those that need nothing kept for backward.
_FUSIBLE = ("elementwise", "movement", "normalization")
_LINEAR = ("movement", "embedding")

_UNITS_OF_WORK = {"decode": "token", "prefill": "prompt", "training": "sequence"}


@dataclass(frozen=True, slots=True)
class _Workload:
    """One execution as one device sees it: its model, how often, and how many samples each time.

    `samples` is what one device works off at a time (a microbatch), `rounds` how many of those
    follow each other in one execution, `passes` how often each goes through the operators.
    """

    model: ModelSpec
    phase: str
    table: OperatorTable
    columns: OperatorColumns
    length: Any
    batch_size: Any
    samples: Any
    rounds: Any
    passes: float
    precision: Precision
    layout: Layout

    @property
    def tokens(self) -> Any:
        """Tokens that go through an operator at once: what a mixture of experts routes."""
        per_sample = 1.0 if self.phase == "decode" or self.length is None else self.length
        return self.samples * per_sample

    @property
    def division(self) -> float:
        """Devices among which one microbatch of the model is divided."""
        return float(self.layout.tensor * self.layout.pipeline)


class _Limits(NamedTuple):
    """What one device reaches: its peaks, times the fractions its runtime attains."""

    peak_rate: float
    peak_bandwidth: float
    rate: float
    bandwidth: float


class _Times(NamedTuple):
    """Where the time of one execution goes; the parts add up to the latency."""

    compute: Any
    memory: Any
    overhead: Any
    communication: Any
    bubble: Any

    @property
    def total(self) -> Any:
        return self.compute + self.memory + self.overhead + self.communication + self.bubble


class Engine:
    """Predicts how a model runs on a system; the one place where that question is answered."""

    @staticmethod
    def solve(
        model: ModelSpec,
        system: System,
        *,
        phase: str | None = None,
        batch_size: Any = 1,
        sequence_length: Any = None,
        context_length: Any = None,
        precision: str | None = None,
        runtime: Runtime | str | None = None,
        layout: Layout | None = None,
    ) -> Performance:
        """Return the performance of one execution of a model on a system.

        t = Σ max(W / R, Q / B, t_launch) over operators + communication + bubble + overhead

        An execution is one batch of inputs, one prompt, one token of each of `batch_size`
        sequences (decode), or one optimizer step. Left out, the phase is the model's first,
        the precision its own, the lengths 2,048 tokens, the runtime compiled PyTorch, and the
        layout that of the system; models other than transformers are replicated, not divided.
        A workload that does not fit is solved all the same: compare `memory_used` with
        `memory_capacity`. Batch size and lengths may be arrays.

        Raises `InvalidInput` for values out of range, `UnknownName` for unknown names.

        >>> from mlsysim import Models, Systems
        >>> run = Engine.solve(Models["ResNet-50"], Systems["H100 node"], batch_size=256)
        >>> run.binding_limit, run.model_flops_utilization_fraction < 1
        ('memory bandwidth', True)
        """
        _require_kind("model", model, ModelSpec)
        _require_kind("system", system, System)
        if not isinstance(runtime, Runtime):
            runtime = Runtimes[DEFAULT_RUNTIME if runtime is None else runtime]
        work = _workload(
            model,
            system,
            phase=phase,
            batch_size=batch_size,
            lengths={"sequence_length": sequence_length, "context_length": context_length},
            precision=precision,
            layout=layout,
        )
        limits = _limits(system, runtime, work.precision)
        flops, traffic = _work_and_traffic(work, runtime)
        times = _times(work, system, runtime, limits, flops, traffic)
        return Performance(
            **_speed(work, system, limits, times, flops, traffic),
            **_power(work, system, times),
            **_memory(work, system),
        )


def _workload(
    model: ModelSpec,
    system: System,
    *,
    phase: str | None,
    batch_size: Any,
    lengths: dict[str, Any],
    precision: str | None,
    layout: Layout | None,
) -> _Workload:
    phase = phase or model.phases[0]
    table = model.operators(phase)
    layout = layout or _usual_layout(model, system)
    batch = _whole_number("batch_size", batch_size)
    length = _length(table, lengths, broadcast=batch.ndim > 0)
    replica_batch = np.ceil(batch / layout.data)
    training = phase == "training"
    samples = replica_batch
    if training and layout.microbatch_size is not None:
        samples = np.minimum(replica_batch, layout.microbatch_size)
    return _Workload(
        model=model,
        phase=phase,
        table=table,
        columns=table.at(length),
        length=length,
        batch_size=batch,
        samples=samples,
        rounds=np.ceil(replica_batch / samples),
        passes=_PASSES_OF_TRAINING if training else 1.0,
        precision=Precisions[precision or model.default_precision],
        layout=layout,
    )


def _usual_layout(model: ModelSpec, system: System) -> Layout:
    divided = system.layout.tensor > 1 or system.layout.pipeline > 1
    replicated = divided and not isinstance(model, Transformer)
    return Layout(data=system.devices) if replicated else system.layout


def _whole_number(field: str, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf":
        if value.size and (np.isfinite(value) & (value >= 1) & (value == np.floor(value))).all():
            return value.astype(float)
    elif not isinstance(value, np.ndarray):
        number = require_number(field, value, minimum=1.0)
        if number == math.floor(number):
            return np.float64(number)
    raise InvalidInput(field, value, "a whole number of at least 1, or an array of such numbers")


def _length(table: OperatorTable, lengths: dict[str, Any], *, broadcast: bool) -> Any:
    """Return the length the operators depend on, as an array when the batch sizes are one."""
    if table.length_name is None:
        return np.ones(1) if broadcast else None
    length = lengths[table.length_name]
    length = DEFAULT_LENGTH if length is None else length
    return np.array([length]) if broadcast and np.ndim(length) == 0 else length


def _limits(system: System, runtime: Runtime, precision: Precision) -> _Limits:
    rate = system.hardware.peak_flop_per_s(precision.name)
    bandwidth = system.hardware.memory_bandwidth_byte_per_s
    return _Limits(
        rate, bandwidth, rate * runtime.compute_fraction, bandwidth * runtime.bandwidth_fraction
    )


def _work_and_traffic(work: _Workload, runtime: Runtime) -> tuple[Any, Any]:
    """Return FLOP and bytes of every operator: one device, one microbatch, all passes."""
    columns, precision = work.columns, work.precision
    share = work.passes / work.layout.tensor
    flops = columns.flops * work.samples * share
    values = columns.input_elements + columns.output_elements
    values = np.where(_are(work, _FUSIBLE), values * runtime.elementwise_traffic_fraction, values)
    moved = (values + columns.cache_elements) * work.samples
    weights = formulas.parameter_bytes(_parameters_read(work), precision.bytes_per_value)
    traffic = weights + formulas.element_bytes(moved, precision.activation_bytes)
    return flops, traffic * share


def _parameters_read(work: _Workload) -> Any:
    """Return the weights each operator reads: of experts, those its tokens are routed to."""
    columns = work.columns
    experts = np.maximum(columns.experts, 1.0)
    active = formulas.expected_active_experts(
        experts=experts,
        experts_per_token=np.minimum(columns.experts_per_token, experts),
        tokens=work.tokens,
    )
    return columns.parameters * np.where(columns.experts > 0, active / experts, 1.0)


def _times(
    work: _Workload, system: System, runtime: Runtime, limits: _Limits, flops: Any, traffic: Any
) -> _Times:
    compute = formulas.compute_time(flops, limits.rate)
    memory = formulas.memory_time(traffic, limits.bandwidth)
    launch = runtime.overhead_per_operator_s * work.passes
    busy = formulas.roofline_time(compute=compute, memory=memory)
    waiting = np.maximum(launch - busy, 0.0)
    # Stages of a pipeline each hold their share of the layers and work one microbatch at a time.
    executions = work.columns.count * work.rounds / work.layout.pipeline
    in_compute = (np.where(compute >= memory, busy, 0.0) * executions).sum(axis=0)
    in_memory = (np.where(compute < memory, busy, 0.0) * executions).sum(axis=0)
    in_overhead = (waiting * executions).sum(axis=0) + runtime.overhead_per_execution_s
    bubble = formulas.pipeline_bubble_fraction(
        stages=float(work.layout.pipeline),
        microbatches=work.rounds,
        virtual_stages=float(work.layout.virtual_stages),
    )
    worked = in_compute + in_memory + in_overhead
    return _Times(
        compute=in_compute,
        memory=in_memory,
        overhead=in_overhead,
        communication=_communication(work, system, runtime)
        * runtime.communication_exposed_fraction,
        bubble=bubble * worked,
    )


def _communication(work: _Workload, system: System, runtime: Runtime) -> Any:
    """Return the time links are busy in one execution, hidden or not."""
    layout, value = work.layout, work.precision.activation_bytes
    time: Any = 0.0
    if layout.tensor > 1:
        if not isinstance(work.model, Transformer):
            raise InvalidInput("layout", layout, f"tensor=1: {work.model.name} is no transformer")
        message = formulas.element_bytes(work.tokens * work.model.hidden, value)
        reductions = _ALL_REDUCES_PER_LAYER * work.model.layers / layout.pipeline * work.rounds
        backward = 2.0 if work.phase == "training" else 1.0
        time = time + reductions * backward * _all_reduce(system, runtime, message, layout.tensor)
    if layout.data > 1 and work.phase == "training":
        held = work.model.parameters / work.division
        gradients = formulas.parameter_bytes(held, value)
        time = time + _all_reduce(system, runtime, gradients, layout.data)
    if layout.data > 1 and layout.sharding == "full":
        read = (_parameters_read(work) * work.columns.count).sum(axis=0) / work.division
        gathered = formulas.parameter_bytes(read, work.precision.bytes_per_value)
        away = gathered * (layout.data - 1.0) / layout.data
        forward_and_backward = min(work.passes, 2.0)
        link = system.link_byte_per_s(layout.data)
        time = time + formulas.memory_time(away, link) * forward_and_backward * work.rounds
    return time


def _all_reduce(system: System, runtime: Runtime, message: Any, devices: int) -> Any:
    return formulas.ring_all_reduce_time(
        message,
        devices=float(devices),
        bandwidth=system.link_byte_per_s(devices),
        latency=runtime.collective_latency_s,
    )


def _speed(
    work: _Workload, system: System, limits: _Limits, times: _Times, flops: Any, traffic: Any
) -> dict[str, Any]:
    executions = work.columns.count * work.rounds
    device_flops = (flops * executions).sum(axis=0) / work.layout.pipeline
    device_traffic = (traffic * executions).sum(axis=0) / work.layout.pipeline
    # Replicas beyond the batch stand idle, and a last round may not be full: useful work counts.
    useful = work.batch_size / (work.samples * work.rounds * work.layout.data)
    latency = times.total
    rate = formulas.throughput(device_flops * useful, latency)
    return {
        "latency": latency,
        "throughput": formulas.throughput(work.batch_size, latency),
        "compute_time": times.compute,
        "memory_time": times.memory,
        "communication_time": times.communication if work.layout.devices > 1 else None,
        "bubble_time": times.bubble if work.layout.pipeline > 1 else None,
        "overhead_time": times.overhead,
        "model_flops_utilization": formulas.model_flops_utilization(
            device_flops * useful, latency, limits.peak_rate
        ),
        "arithmetic_intensity": formulas.arithmetic_intensity(device_flops, device_traffic),
        "ridge_point": formulas.ridge_point(limits.peak_rate, limits.peak_bandwidth),
        "achieved_flop_rate": rate,
        "peak_flop_rate": limits.peak_rate,
        "memory_bandwidth": limits.peak_bandwidth,
        "binding_limit": _binding_limit(times),
        "unit_of_work": _unit_of_work(work),
        "precision": work.precision.name,
        "hardware": system.hardware.name,
    }


def _unit_of_work(work: _Workload) -> str:
    if work.table.length_name:
        return _UNITS_OF_WORK.get(work.phase, "inference")
    return "sample" if work.phase == "training" else "inference"


def _binding_limit(times: _Times) -> str | None:
    parts = {
        "arithmetic": times.compute,
        "memory bandwidth": times.memory,
        "communication": times.communication,
        "pipeline bubble": times.bubble,
        "launch overhead": times.overhead,
    }
    if any(np.ndim(part) for part in parts.values()):
        return None
    return max(parts, key=lambda name: float(parts[name]))


def _power(work: _Workload, system: System, times: _Times) -> dict[str, Any]:
    hardware, latency = system.hardware, times.total
    busy = (times.compute + times.memory) / latency
    device = formulas.power_at_load(
        idle=hardware.idle_power_w, maximum=hardware.max_power_w, load=busy
    )
    power = (device + system.host_power_w) * work.layout.devices
    energy = formulas.energy(power, latency)
    return {
        "power": power,
        "energy": energy,
        "energy_per_sample": formulas.energy_per_sample(energy, work.batch_size),
    }


def _memory(work: _Workload, system: System) -> dict[str, Any]:
    """Return what must be in memory on the fullest device, and what there is."""
    hardware, precision, layout = system.hardware, work.precision, work.layout
    held = work.model.parameters / work.division
    replicas = float(layout.data)
    weights = formulas.parameter_bytes(held, precision.bytes_per_value)
    weights = weights / (replicas if layout.sharding == "full" else 1.0)
    state = _training_state(work, held, replicas) if work.phase == "training" else 0.0
    cache = formulas.element_bytes(
        _cached_elements(work) / work.division, precision.activation_bytes
    )
    activations = formulas.element_bytes(
        _live_elements(work) / layout.tensor, precision.activation_bytes
    )
    in_flash = hardware.flash_bytes is not None
    resident = activations + cache + state + (0.0 if in_flash else weights)
    return {
        "memory_used": resident + np.zeros_like(work.batch_size),
        "memory_capacity": hardware.memory_bytes,
        "weight_memory": weights,
        "activation_memory": activations,
        "cache_memory": cache if np.any(cache) else None,
        "state_memory": state if work.phase == "training" else None,
        "flash_used": weights if in_flash else None,
        "flash_capacity": hardware.flash_bytes,
    }


def _cached_elements(work: _Workload) -> Any:
    """Return the keys, values or states kept: those decode reads, those prefill leaves for it."""
    columns = work.columns
    if work.phase == "prefill":
        columns = work.model.operators("decode").at(0.0 if work.length is None else work.length)
    return columns.total("cache_elements") * work.samples


def _training_state(work: _Workload, held: float, replicas: float) -> float:
    sharding = work.layout.sharding
    gradients = formulas.parameter_bytes(held, work.precision.activation_bytes)
    optimizer = formulas.parameter_bytes(held, _OPTIMIZER_BYTES_PER_PARAMETER)
    return float(
        gradients / (replicas if sharding == "full" else 1.0)
        + optimizer / (1.0 if sharding == "none" else replicas)
    )


def _live_elements(work: _Workload) -> Any:
    """Return activations alive at once: the largest step, or in training all kept for backward.

    Backward needs the inputs of every operator that is not linear, or that has weights. A pipeline
    keeps as many microbatches in flight as it has stages, of its share of the layers each:
    together one microbatch of the whole model.
    """
    if work.phase != "training":
        return work.model.peak_activation_elements(work.phase, work.length) * work.samples
    columns = work.columns
    needed = np.where(_are(work, _LINEAR), 0.0, columns.input_elements)
    return (needed * columns.count).sum(axis=0) * work.samples


def _are(work: _Workload, kinds: tuple[str, ...]) -> Any:
    """Tell which operators are of some kinds, shaped to broadcast with their columns."""
    chosen = np.array([kind in kinds for kind in work.table.kinds])
    return chosen.reshape(work.columns.count.shape)


def _require_kind(field: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidInput(field, value, f"a {kind.__name__}")


__all__ = ["DEFAULT_LENGTH", "DEFAULT_RUNTIME", "Engine"]
