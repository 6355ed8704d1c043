"""The solver: a roofline over a model's operators, on one device or many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.accuracy import kind_of
from mlsysim.arrays import common_shape, for_each, ndim
from mlsysim.engine import memory, power, timing
from mlsysim.engine.timing import Times
from mlsysim.engine.workload import (
    DEFAULT_LENGTH,
    Collective,
    Workload,
    build,
    checked_pruning,
    checked_sparsity,
)
from mlsysim.errors import InvalidInput, require_number
from mlsysim.ledger import Performance
from mlsysim.models import ModelSpec
from mlsysim.optimizers import Optimizer
from mlsysim.precisions import Precision, Precisions
from mlsysim.runtimes import Runtime
from mlsysim.systems import Layout, System
from mlsysim.tracing import as_float

# A training step runs every operator once forward and does twice that work backward.
_PASSES_OF_TRAINING = 3.0

_LIMITS = {
    "arithmetic": "compute_time",
    "memory bandwidth": "memory_time",
    "communication": "communication_time",
    "pipeline bubble": "bubble_time",
    "launch overhead": "overhead_time",
}
_UNITS_OF_WORK = {"decode": "token", "prefill": "prompt", "training": "sequence"}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an execution takes, does and moves on each device."""

    times: Times
    device_flops: Any
    device_bytes: Any
    useful_flops: Any

    def plus(self, other: _Outcome, factor: Any) -> _Outcome:
        """Return this execution and `factor` times another one."""
        return _Outcome(
            self.times.plus(other.times.scaled(factor)),
            self.device_flops + other.device_flops * factor,
            self.device_bytes + other.device_bytes * factor,
            self.useful_flops + other.useful_flops * factor,
        )


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
        output_length: Any = None,
        precision: Precision | str | None = None,
        runtime: Runtime | str | None = None,
        layout: Layout | None = None,
        recomputation: str = "none",
        attention: str | None = None,
        collective: Collective | None = None,
        optimizer: Optimizer | str | None = None,
        sparsity: Any = 0.0,
        pruning: str = "unstructured",
    ) -> Performance:
        """Return the performance of one execution of a model on a system.

        t = Σ (t_compute³ + t_memory³)^⅓ + t_launch over operators + communication + bubble

        An execution is one batch of inputs, one prompt, one token of each of `batch_size`
        sequences ("decode"), or one optimizer step. "serving" is a decoding step in the steady
        state of continuous batching, where each of `batch_size` requests brings a prompt of
        `sequence_length` tokens every `output_length` steps. Left out, the phase is the model's
        first, the precision its own, the lengths 2,048 tokens, the runtime compiled PyTorch, and
        the layout that of the system; models other than transformers are replicated, not divided.
        `recomputation` is "none", "selective" or "full", `attention` "fused" or "plain", the
        `optimizer` Adam. `sparsity` is the share of weights that is pruned, singly
        ("unstructured") or by "channels"; a `pruning` by "2:4" removes one half.
        A workload that does not fit is solved all the same: compare `memory_used` with
        `memory_capacity`. Batch size, lengths and sparsity may be arrays that broadcast to one
        shape, which all that depends on them takes. A `collective` replaces what
        the engine would say of the group that shares gradients or activations, where its fabric
        was worked out apart.

        Raises `InvalidInput` for values out of range, `UnknownName` for unknown names.

        >>> from mlsysim import Models, Systems
        >>> run = Engine.solve(Models["ResNet-50"], Systems["H100 node"], batch_size=256)
        >>> run.binding_limit, run.model_flops_utilization_fraction < 1
        ('memory bandwidth', True)
        """
        chosen: dict[str, Any] = {
            "precision": precision,
            "runtime": runtime,
            "layout": layout,
            "recomputation": recomputation,
            "attention": attention,
            "collective": collective,
            "optimizer": optimizer,
        }
        if collective is not None and collective.shape:
            others = (sequence_length, context_length, output_length, sparsity)
            alone = common_shape(batch_size, *others)
            shape = np.broadcast_shapes(alone, collective.shape)
            batch_size = np.broadcast_to(batch_size, shape)
            chosen["collective"] = Collective(
                seconds=_flat(collective.seconds, shape),
                exposed_fraction=_flat(collective.exposed_fraction, shape),
            )
        given = (batch_size, sequence_length, context_length, output_length, sparsity)
        shape = common_shape(*given)
        if ndim(sparsity):
            # What follows from the batch alone then has an entry for each point as well.
            given = (np.broadcast_to(batch_size, shape), *given[1:])
        if shape:
            given = tuple(_flat(each, shape) for each in given)
        chosen |= {"sparsity": given[-1], "pruning": pruning}
        solved = _solve(model, system, phase, *given[:-1], chosen)
        return solved.reshaped(shape) if len(shape) > 1 else solved

    @staticmethod
    def file_size(
        model: ModelSpec,
        *,
        precision: Precision | str | None = None,
        sparsity: Any = 0.0,
        pruning: str = "unstructured",
    ) -> Any:
        """Return the bytes of a model's file, with pruned weights left out where that pays.

        M = Σ N · b over operators, b = min(b_dense, d · b_dense + b_index) for pruned weights

        >>> from mlsysim import Models
        >>> dense, half = (
        ...     Engine.file_size(Models["DS-CNN"], precision="int8", sparsity=share)
        ...     for share in (0.0, 0.5))
        >>> round(half / dense, 2)
        0.62
        """
        if not isinstance(precision, Precision):
            precision = Precisions[precision or model.default_precision]
        flat = sparsity.ravel() if isinstance(sparsity, np.ndarray) else sparsity
        given = checked_sparsity(flat)
        found = memory.file_bytes(model, precision, given, checked_pruning(pruning))
        if flat is sparsity:
            return as_float(found.item())
        return np.broadcast_to(found, given.shape).reshape(sparsity.shape)

    @staticmethod
    def largest_batch(
        model: ModelSpec,
        system: System,
        *,
        tokens_per_sequence: Any,
        share_of_memory: float = 0.9,
        precision: Precision | str | None = None,
        runtime: Runtime | str | None = None,
        layout: Layout | None = None,
    ) -> Any:
        """Return how many sequences fit when each reserves its cache, prompt and answer, in full.

        n = ⌊(s · M - M_weights) / (tokens · cache per token)⌋, at least 1

        >>> from mlsysim import Models, Systems
        >>> float(Engine.largest_batch(
        ...     Models["Llama-3.1 70B"], Systems["H100 node"], tokens_per_sequence=4096))
        355.0
        """
        require_number("share_of_memory", share_of_memory, maximum=1.0, exclusive=True)
        work = build(
            model,
            system,
            phase="decode",
            batch_size=1,
            lengths={},
            precision=precision,
            runtime=runtime,
            layout=layout,
            recomputation="none",
            attention=None,
        )
        fitting = memory.sequences_that_fit(work, tokens_per_sequence, share_of_memory)
        return as_float(fitting) if ndim(fitting) == 0 else fitting


def _flat(given: Any, shape: tuple[int, ...]) -> Any:
    return given if ndim(given) == 0 else np.broadcast_to(given, shape).ravel()


def _solve(
    model: ModelSpec,
    system: System,
    phase: str | None,
    batch_size: Any,
    sequence_length: Any,
    context_length: Any,
    output_length: Any,
    chosen: dict[str, Any],
) -> Performance:
    lengths = {"sequence_length": sequence_length, "context_length": context_length}
    if phase == "serving":
        return _serve(model, system, batch_size, lengths, output_length, chosen)
    work = build(model, system, phase=phase, batch_size=batch_size, lengths=lengths, **chosen)
    return _performance(work, _run(work), phase=work.phase)


def _run(work: Workload) -> _Outcome:
    passes = work.passes + np.where(work.traits.matrix, 1.0, 0.0) if work.training else work.passes
    runs = passes * work.executions
    repeated = work.rounds / work.layout.pipeline
    flops = work.total(work.flops * runs) * repeated
    moved = work.total((work.weight_bytes + work.value_bytes) * runs) * repeated
    useful = work.total(work.columns.flops * work.kept * work.columns.count) * work.batch_size
    return _Outcome(
        timing.solve(work),
        flops,
        moved,
        useful * (_PASSES_OF_TRAINING if work.training else 1.0),
    )


def _serve(
    model: ModelSpec,
    system: System,
    batch_size: Any,
    lengths: dict[str, Any],
    output_length: Any,
    chosen: dict[str, Any],
) -> Performance:
    prompt = lengths["sequence_length"]
    prompt = DEFAULT_LENGTH if prompt is None else prompt
    output = DEFAULT_LENGTH if output_length is None else output_length
    if not (np.isfinite(output).all() and np.min(output) >= 1):
        raise InvalidInput("output_length", output_length, "a number of at least 1")
    context = lengths["context_length"]
    context = prompt + output / 2.0 if context is None else context
    decode = build(
        model, system, phase="decode", batch_size=batch_size,
        lengths={"context_length": context}, **chosen,
    )  # fmt: skip
    outcome = _run(decode)
    if decode.runtime.interleaves_prompts:
        waiting = decode.batch_size / decode.layout.data
        together: Any = np.maximum(np.floor(decode.runtime.prompt_batch_tokens / prompt), 1.0)
        together = np.minimum(together, np.maximum(np.floor(waiting), 1.0))
        together = together if ndim(together) and together.size > 1 else together.item()
        prefill = build(
            model, system, phase="prefill", batch_size=together * decode.layout.data,
            lengths={"sequence_length": prompt}, **chosen,
        )  # fmt: skip
        outcome = outcome.plus(_run(prefill), waiting / output / together)
    return _performance(decode, outcome, phase="serving")


def _performance(work: Workload, outcome: _Outcome, *, phase: str) -> Performance:
    values = {
        **_speed(work, outcome, phase),
        **power.solve(work, outcome.times, outcome.device_flops, outcome.device_bytes),
        **memory.solve(work),
    }
    if work.scalar:
        values = {
            name: value.item() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
        }
        values["binding_limit"] = max(_LIMITS, key=lambda limit: values[_LIMITS[limit]] or 0.0)
    time, energy, values["accuracy"] = _accuracy(work, phase)
    return Performance(**values).within(
        latency=time, throughput=time, power=energy, energy=energy, energy_per_sample=energy
    )


def _accuracy(work: Workload, phase: str) -> tuple[Any, Any, str]:
    """Return by what factor time and energy may be off, and what such predictions rest on."""
    hardware = work.system.hardware
    batched = work.batch_size > work.layout.data
    ends = (np.min(batched), np.max(batched)) if ndim(batched) else (batched,)
    kinds = [
        kind_of(phase, hardware.tier, fixed_size=work.table.length_name is None, together=bool(end))
        for end in ends
    ]
    alone, together = kinds[0], kinds[-1]
    bands = dict.fromkeys((alone.time, together.time))
    words = (band.describe(work.runtime.name, hardware.architecture) for band in bands)
    time: Any = together.time.factor
    if len(bands) > 1:
        time = np.where(batched, time, alone.time.factor)
    return time, together.energy.factor, "; ".join(words)


def _speed(work: Workload, outcome: _Outcome, phase: str) -> dict[str, Any]:
    hardware, times, layout = work.system.hardware, outcome.times, work.layout
    latency = times.execution_time
    if not work.scalar:
        times = Times(*(for_each(part, latency) for part in times))
    peak = hardware.peak_flop_per_s(work.precision)
    bandwidth = hardware.memory_bandwidth_byte_per_s
    useful = outcome.useful_flops / layout.devices
    return {
        "latency": latency,
        "throughput": formulas.throughput(work.batch_size, latency),
        "compute_time": times.compute,
        "memory_time": times.memory,
        "communication_time": times.communication if layout.devices > 1 else None,
        "bubble_time": times.bubble if layout.pipeline > 1 else None,
        "overhead_time": times.overhead,
        "model_flops_utilization": formulas.model_flops_utilization(useful, latency, peak),
        "arithmetic_intensity": formulas.arithmetic_intensity(
            outcome.device_flops, outcome.device_bytes
        ),
        "ridge_point": formulas.ridge_point(peak, bandwidth),
        "achieved_flop_rate": formulas.throughput(useful, latency),
        "peak_flop_rate": peak,
        "memory_bandwidth": bandwidth,
        "unit_of_work": _unit_of_work(work, phase),
        "precision": work.precision.name,
        "hardware": hardware.name,
    }


def _unit_of_work(work: Workload, phase: str) -> str:
    if work.table.length_name:
        return _UNITS_OF_WORK.get("decode" if phase == "serving" else phase, "inference")
    return "sample" if work.training else "inference"
