"""Where the time of one execution goes: operators, launches, links and waiting for stages."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlsysim import formulas
from mlsysim.arrays import for_each
from mlsysim.calibration import fitted
from mlsysim.engine import communication
from mlsysim.engine.workload import Workload
from mlsysim.models import Transformer
from mlsysim.optimizers import MASTER_BYTES
from mlsysim.tracing import as_float

# Scores of plain attention: written by the first product, read and written by softmax and by
# dropout or mask, read by the second product.
_SCORE_PASSES = 6.0
# Gradients of weights are added in 32 bits: read and written.
_GRADIENT_ACCUMULATION_BYTES = 8.0
# An optimizer reads a gradient of 4 bytes and writes a weight of 2; its state comes and goes.
_GRADIENT_AND_WEIGHT_BYTES = 6.0
# Matrix units take operands in groups of 16 bytes: 8 values of 16 bits.
_ALIGNED_HEAD_WIDTH = 8
# Of their peak, vector units reach about what matrix units reach of theirs.
_VECTOR_SHARE = 0.8


class Times(NamedTuple):
    """Where the time of one execution goes; the parts add up to the latency."""

    compute: Any
    memory: Any
    overhead: Any
    communication: Any
    bubble: Any

    @property
    def execution_time(self) -> Any:
        """The latency."""
        return self.compute + self.memory + self.overhead + self.communication + self.bubble

    def scaled(self, factor: Any) -> Times:
        """Return all parts times a factor."""
        return Times(*(part * factor for part in self))

    def plus(self, other: Times) -> Times:
        """Return the sum, part by part."""
        return Times(*(one + another for one, another in zip(self, other, strict=True)))


class _Rates(NamedTuple):
    """What one device reaches, in each operator."""

    matrix: Any
    bandwidth: float


class _Parts(NamedTuple):
    """Time of operators in one microbatch, by what limits them."""

    compute: Any
    memory: Any
    overhead: Any

    @property
    def operator_time(self) -> Any:
        return self.compute + self.memory + self.overhead


def solve(work: Workload) -> Times:
    """Return where the time of one execution goes."""
    operators = _operators(work)
    return _training(work, operators) if work.training else _inference(work, operators)


def _operators(work: Workload) -> _Parts:
    """Return the time of each operator in one microbatch, by what limits it."""
    rates = _rates(work)
    runtime, traits = work.runtime, work.traits
    values = work.value_bytes
    compute = _compute_time(work, rates)
    memory = _memory_time(work, work.weight_bytes + values, rates.bandwidth)
    latency = runtime.overhead_per_operator_s
    if runtime.overhead_per_expert_s and work.training:
        latency = latency + runtime.overhead_per_expert_s * (work.experts_here - 1.0)
    busy = formulas.overlapped_time(one=compute, other=memory) + _score_time(work, rates.bandwidth)
    busy = busy * work.passes
    launches = latency * np.where(_fused_away(work), 0.0, work.kernels)
    if work.training:
        gradients = work.parameters_read * _GRADIENT_ACCUMULATION_BYTES
        added = _memory_time(work, gradients + values, rates.bandwidth)
        weights = formulas.overlapped_time(one=compute, other=added)
        busy = busy + np.where(traits.matrix, weights, 0.0)
        launches = launches + np.where(traits.matrix, latency, 0.0)
    executions = work.executions
    busy = busy * executions
    arithmetic = np.where(compute >= memory, busy, 0.0)
    return _Parts(arithmetic, busy - arithmetic, launches * executions)


def _rates(work: Workload) -> _Rates:
    hardware, runtime, traits = work.system.hardware, work.runtime, work.traits
    stored = hardware.compute_precision(work.precision)
    wide = next(
        (name for name in work.precision.of_activations if name in hardware.peak_dense_flop_per_s),
        stored,
    )
    reached = _reached(work, stored)
    if wide == stored:
        matrix = np.where(traits.attention, reached * _attention_share(work), reached)
    else:
        elsewhere = _reached(work, wide)
        in_wide = traits.head if work.training else np.False_
        matrix = np.where(in_wide, elsewhere, reached)
        matrix = np.where(traits.attention, elsewhere * _attention_share(work), matrix)
    if _misaligned(work):
        matrix = np.where(
            traits.attention, hardware.peak_dense_flop_per_s["fp32"] * _VECTOR_SHARE, matrix
        )
    bandwidth = hardware.memory_bandwidth_byte_per_s
    if work.on_chip:
        bandwidth = hardware.link_byte_per_s_per_direction or bandwidth
    return _Rates(matrix=matrix, bandwidth=bandwidth * runtime.bandwidth_fraction)


def _reached(work: Workload, precision: str) -> float:
    hardware, runtime = work.system.hardware, work.runtime
    share = hardware.plateau(precision) * runtime.compute_fraction
    if work.training and precision in ("fp16", "bf16", "tf32"):
        share *= work.architecture.sustained_fraction
    rate = hardware.peak_dense_flop_per_s[precision] * share
    cores = hardware.cores or 1.0
    busy = cores if runtime.threads is None else min(as_float(runtime.threads), cores)
    if runtime.flop_per_core_cycle is not None and hardware.clock_hz:
        rate = min(rate, runtime.flop_per_core_cycle * hardware.clock_hz * cores)
    return rate * busy / cores


def _fused_away(work: Workload) -> Any:
    """Tell which operators the runtime merges into those before them: they move nothing."""
    return work.traits.elementwise & (work.runtime.elementwise_passes == 0.0)


def _attention_share(work: Workload) -> Any:
    """Return what attention over sequences reaches of a matrix product; a cache limits by bytes."""
    architecture = work.architecture
    if architecture.exponentials_per_core_cycle is None and architecture.tile_fill_s == 0.0:
        return 1.0
    return np.where(work.columns.cache_elements > 0, 1.0, fitted("attention_compute_fraction"))


def _misaligned(work: Workload) -> bool:
    model = work.model
    return (
        isinstance(model, Transformer)
        and model.latent is None
        and model.attention.head_width % _ALIGNED_HEAD_WIDTH > 0
        and work.architecture.vector_lanes_per_core is not None
        and "fp32" in work.system.hardware.peak_dense_flop_per_s
    )


def _compute_time(work: Workload, rates: _Rates) -> Any:
    hardware, traits, runtime = work.system.hardware, work.traits, work.runtime
    architecture = work.architecture
    computing = formulas.compute_time(_costs(work), rates.matrix)
    if architecture.exponentials_per_core_cycle and hardware.core_cycles_per_s:
        rate = architecture.exponentials_per_core_cycle * hardware.core_cycles_per_s
        share = work.samples / (work.layout.tensor * work.layout.context * work.parts)
        scores = np.where(work.columns.cache_elements > 0, 0.0, work.computed_scores)
        exponentials = scores * share / rate
        computing = computing + exponentials
    if architecture.tile_fill_s:
        tiled = work.columns.cache_elements == 0
        filling = formulas.tile_fill_time(
            ideal=computing * runtime.compute_fraction, fill=architecture.tile_fill_s
        )
        computing = computing + np.where(tiled, filling, 0.0)
    if runtime.unpacking_flop_per_weight and work.phase == "decode" and work.stored_only:
        vector = hardware.peak_dense_flop_per_s.get("fp32", rates.matrix)
        work_of_unpacking = work.parameters_read * runtime.unpacking_flop_per_weight
        unpacking = formulas.compute_time(work_of_unpacking, vector)
        others = np.where(traits.matrix, unpacking, 0.0)
        computing = formulas.overlapped_time(one=computing, other=others)
    return computing


def _costs(work: Workload) -> Any:
    """Return the arithmetic of each operator in the currency of ordinary convolution."""
    architecture, traits = work.architecture, work.traits
    flops = work.flops
    if architecture.depthwise_cost != 1.0:
        flops = np.where(traits.depthwise, flops * architecture.depthwise_cost, flops)
    if architecture.linear_cost != 1.0:
        dense = traits.linear | traits.attention
        flops = np.where(dense, flops * architecture.linear_cost, flops)
    if architecture.output_cost_flop:
        share = work.samples / (work.layout.tensor * work.layout.context * work.parts)
        outputs = work.columns.output_elements * share
        flops = flops + np.where(_fused_away(work), 0.0, outputs * architecture.output_cost_flop)
    return flops


def _memory_time(work: Workload, moved: Any, bandwidth: float) -> Any:
    runtime, hardware = work.runtime, work.system.hardware
    time = formulas.memory_time(moved, bandwidth)
    load = runtime.load_byte_per_core_cycle
    if load is not None and work.phase == "decode" and hardware.core_cycles_per_s:
        loading = formulas.memory_time(work.weight_bytes, load * hardware.core_cycles_per_s)
        time = formulas.overlapped_time(one=time, other=np.where(work.traits.matrix, loading, 0.0))
    return time


def _score_time(work: Workload, bandwidth: float) -> Any:
    if work.attention == "fused" or work.phase == "decode":
        return 0.0
    share = work.samples / (work.layout.tensor * work.layout.context * work.parts)
    scores = work.computed_scores * share * _SCORE_PASSES
    return formulas.memory_time(formulas.element_bytes(scores, work.activation_bytes), bandwidth)


def _training(work: Workload, operators: _Parts) -> Times:
    layout, runtime = work.layout, work.runtime
    stages, rounds = as_float(layout.pipeline), work.rounds
    each = operators.operator_time
    layer_time = work.total(np.where(work.traits.in_layer, each, 0.0))
    outside_layers = work.total(np.where(work.traits.in_layer, 0.0, each))
    mean_stage = (layer_time + outside_layers) / stages
    slowest_stage = layer_time * _largest_share(work) + outside_layers
    floor = runtime.launch_interval_s * _launches(work) / stages
    stalled = np.maximum(floor - slowest_stage, 0.0)
    fill = (stages - 1.0) / layout.virtual_stages
    optimizer = _optimizer_time(work)
    links = communication.links_in_training(work, hidden_behind=rounds * (slowest_stage + stalled))
    return Times(
        compute=rounds * work.total(operators.compute) / stages,
        memory=rounds * work.total(operators.memory) / stages + optimizer,
        overhead=rounds * (work.total(operators.overhead) / stages + stalled),
        communication=links,
        bubble=rounds * slowest_stage + fill * mean_stage - rounds * mean_stage,
    )


def _largest_share(work: Workload) -> float:
    """Return the share of all layers that the fullest pipeline stage holds."""
    layout = work.layout
    if layout.pipeline == 1 or not isinstance(work.model, Transformer):
        return 1.0
    layers = work.model.layers
    chunks = layout.pipeline * layout.virtual_stages
    share: float = as_float(np.ceil(layers / chunks) * layout.virtual_stages / layers)
    return share


def _launches(work: Workload) -> Any:
    gradients = np.where(work.traits.matrix & work.training, 1.0, 0.0)
    return work.total((work.kernels + gradients) * work.executions)


def _optimizer_time(work: Workload) -> Any:
    shards = 1.0 if work.layout.sharding == "none" else as_float(work.layout.data)
    held = work.parameters_held / shards
    each = _GRADIENT_AND_WEIGHT_BYTES + 2.0 * (MASTER_BYTES + work.optimizer.moment_bytes)
    moved = formulas.parameter_bytes(held, each)
    hardware = work.system.hardware
    return formulas.memory_time(
        moved, hardware.memory_bandwidth_byte_per_s * work.runtime.bandwidth_fraction
    )


def _inference(work: Workload, operators: _Parts) -> Times:
    runtime = work.runtime
    stretch = _pipeline_stretch(work)
    arithmetic = work.total(operators.compute) * stretch
    memory = work.total(operators.memory) * stretch
    launches = work.total(operators.overhead) * stretch
    stalled: Any = 0.0
    if runtime.launch_interval_s:
        floor = runtime.launch_interval_s * _launches(work) * stretch
        stalled = np.maximum(floor - (arithmetic + memory + launches), 0.0)
    host = runtime.overhead_per_execution_s
    if work.phase == "decode":
        host = host + runtime.overhead_per_sequence_s * work.batch_size / work.layout.data
    return Times(
        compute=arithmetic,
        memory=memory,
        overhead=launches + stalled + host,
        communication=communication.links_in_inference(work) * stretch,
        bubble=for_each(0.0, work.batch_size),
    )


def _pipeline_stretch(work: Workload) -> Any:
    """Return how many times one microbatch's way through all stages an execution takes.

    In decoding, microbatches follow each other around without a gap. The parts of a prompt that
    are handed in together fill and drain the stages once.
    """
    stages, runtime = as_float(work.layout.pipeline), work.runtime
    if stages == 1.0 or work.phase == "decode":
        return 1.0
    together = work.parts
    if runtime.prompt_part_tokens is not None:
        most = max(runtime.prompt_batch_tokens / runtime.prompt_part_tokens, 1.0)
        together = np.minimum(together, most)
    pieces = work.rounds * together
    return work.rounds * (pieces + stages - 1.0) / (stages * pieces)
