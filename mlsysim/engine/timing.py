"""Where the time of one execution goes: operators, launches, links and waiting for stages."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlsysim import formulas
from mlsysim.calibration import fitted
from mlsysim.engine import communication
from mlsysim.engine.workload import Workload
from mlsysim.models import Transformer

# Scores of plain attention: written by the first product, read and written by softmax and by
# dropout or mask, read by the second product.
_SCORE_PASSES = 6.0
# Gradients of weights are added in 32 bits: read and written.
_GRADIENT_ACCUMULATION_BYTES = 8.0
# Adam reads gradient, master weight and two moments, and writes the last three and the weight.
_OPTIMIZER_TRAFFIC_BYTES = 30.0
# Weights unpacked to memory are written and read again in 16 bits.
_UNPACKED_BYTES = 4.0
# Matrix units take operands in groups of 16 bytes: 8 values of 16 bits.
_ALIGNED_HEAD_WIDTH = 8
# Operands that are quantised on the fly are read and written once more.
_QUANTISING_PASSES = 2.0


class Times(NamedTuple):
    """Where the time of one execution goes; the parts add up to the latency."""

    compute: Any
    memory: Any
    overhead: Any
    communication: Any
    bubble: Any

    @property
    def total(self) -> Any:
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
    """Time of all operators in one microbatch: in layers and outside, by what limits them."""

    compute: Any
    memory: Any
    overhead: Any

    @property
    def total(self) -> Any:
        return self.compute + self.memory + self.overhead


def traffic(work: Workload) -> Any:
    """Return the bytes each operator moves in one pass: one device, one microbatch and part."""
    return _weight_bytes(work) + _value_bytes(work)


def solve(work: Workload) -> Times:
    """Return where the time of one execution goes."""
    layers, outside = _operators(work)
    if work.training:
        return _training(work, layers, outside)
    return _inference(work, layers, outside)


def _operators(work: Workload) -> tuple[_Parts, _Parts]:
    rates = _rates(work)
    runtime, traits = work.runtime, work.traits
    values = _value_bytes(work)
    compute = _compute_time(work, rates)
    memory = _memory_time(work, _weight_bytes(work) + values, rates.bandwidth)
    latency = runtime.overhead_per_operator_s
    if runtime.overhead_per_expert_s and work.training:
        latency = latency + runtime.overhead_per_expert_s * (work.experts_here - 1.0)
    busy = formulas.overlapped_time(compute, memory) + _score_time(work, rates.bandwidth)
    busy = busy * work.passes
    launches = latency * work.passes
    if work.training:
        gradients = work.parameters_read * _GRADIENT_ACCUMULATION_BYTES
        added = _memory_time(work, gradients + values, rates.bandwidth)
        weights = formulas.overlapped_time(compute, added)
        busy = busy + np.where(traits.matrix, weights, 0.0)
        launches = launches + np.where(traits.matrix, latency, 0.0)
    executions = work.executions
    arithmetic = np.where(compute >= memory, busy, 0.0) * executions
    waiting = busy * executions - arithmetic
    launches = launches * executions
    inside = traits.in_layer
    in_layers = _Parts(*((np.where(inside, x, 0.0)).sum(0) for x in (arithmetic, waiting, launches)))
    everywhere = _Parts(*(x.sum(0) for x in (arithmetic, waiting, launches)))
    return in_layers, _Parts(*(a - b for a, b in zip(everywhere, in_layers, strict=True)))


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
        matrix = np.where(traits.attention, hardware.peak_dense_flop_per_s["fp32"] * 0.8, matrix)
    return _Rates(
        matrix=matrix, bandwidth=hardware.memory_bandwidth_byte_per_s * runtime.bandwidth_fraction
    )


def _reached(work: Workload, precision: str) -> float:
    hardware = work.system.hardware
    share = hardware.plateau(precision) * work.runtime.compute_fraction
    if work.training and precision in ("fp16", "bf16", "tf32"):
        share *= hardware.twin_of_architecture.sustained_fraction
    return hardware.peak_dense_flop_per_s[precision] * share


def _attention_share(work: Workload) -> Any:
    """Return what attention over sequences reaches of a matrix product; a cache limits by bytes."""
    architecture = work.system.hardware.twin_of_architecture
    if architecture.exponentials_per_core_cycle is None and architecture.tile_fill_s == 0.0:
        return 1.0
    return np.where(work.columns.cache_elements > 0, 1.0, fitted("attention_compute_fraction"))


def _misaligned(work: Workload) -> bool:
    model = work.model
    return (
        isinstance(model, Transformer)
        and model.latent is None
        and model.attention.head_width % _ALIGNED_HEAD_WIDTH > 0
        and work.system.hardware.twin_of_architecture.vector_lanes_per_core is not None
        and "fp32" in work.system.hardware.peak_dense_flop_per_s
    )


def _compute_time(work: Workload, rates: _Rates) -> Any:
    hardware, traits, runtime = work.system.hardware, work.traits, work.runtime
    architecture = hardware.twin_of_architecture
    time = formulas.compute_time(work.flops, rates.matrix)
    if architecture.exponentials_per_core_cycle and hardware.core_cycles_per_s:
        rate = architecture.exponentials_per_core_cycle * hardware.core_cycles_per_s
        share = work.samples / (work.layout.tensor * work.layout.context * work.parts)
        scores = np.where(work.columns.cache_elements > 0, 0.0, work.computed_scores)
        time = time + scores * share / rate
    if architecture.tile_fill_s:
        tiled = work.columns.cache_elements == 0
        filling = (architecture.tile_fill_s * time * runtime.compute_fraction) ** 0.5
        time = time + np.where(tiled, filling, 0.0)
    if runtime.unpacking_flop_per_weight and work.phase == "decode" and work.stored_only:
        vector = hardware.peak_dense_flop_per_s.get("fp32", rates.matrix)
        work_of_unpacking = work.parameters_read * runtime.unpacking_flop_per_weight
        unpacking = formulas.compute_time(work_of_unpacking, vector)
        time = formulas.overlapped_time(time, np.where(traits.matrix, unpacking, 0.0))
    return time


def _memory_time(work: Workload, moved: Any, bandwidth: float) -> Any:
    runtime, hardware = work.runtime, work.system.hardware
    time = formulas.memory_time(moved, bandwidth)
    load = runtime.load_byte_per_core_cycle
    if load is not None and work.phase == "decode" and hardware.core_cycles_per_s:
        loading = formulas.memory_time(_weight_bytes(work), load * hardware.core_cycles_per_s)
        time = formulas.overlapped_time(time, np.where(work.traits.matrix, loading, 0.0))
    return time


def _weight_bytes(work: Workload) -> Any:
    stored = work.precision.bytes_per_value
    if work.runtime.unpacks_to_memory and work.phase == "prefill" and work.stored_only:
        stored = np.where(work.traits.matrix, stored + _UNPACKED_BYTES, stored)
    return formulas.parameter_bytes(work.parameters_read, stored)


def _value_bytes(work: Workload) -> Any:
    columns, traits, layout, runtime = work.columns, work.traits, work.layout, work.runtime
    share = work.samples / (layout.context * work.parts)
    values = columns.input_elements + columns.output_elements
    values = np.where(traits.elementwise, values * runtime.elementwise_passes, values)
    if runtime.routing_passes != 1.0:
        routed = traits.elementwise & traits.in_mixture
        values = np.where(routed, values * runtime.routing_passes, values)
    if work.training and work.precision.bytes_per_value < work.precision.activation_bytes:
        values = np.where(traits.linear, values * _QUANTISING_PASSES, values)
    if layout.tensor > 1:
        replicated = np.False_ if runtime.sequence_parallel else traits.replicable
        values = np.where(replicated, values, values / layout.tensor)
    moved = formulas.element_bytes(values * share, work.activation_bytes)
    if work.phase == "decode":
        cached = columns.cache_elements * (work.samples / layout.tensor)
        moved = moved + formulas.element_bytes(cached * _cache_reads(work), work.cache_bytes)
    return moved


def _cache_reads(work: Workload) -> float:
    model = work.model
    if work.runtime.shares_cache_reads or not isinstance(model, Transformer) or model.latent:
        return 1.0
    return model.attention.heads / model.attention.key_value_heads


def _score_time(work: Workload, bandwidth: float) -> Any:
    if work.attention == "fused" or work.phase == "decode":
        return 0.0
    share = work.samples / (work.layout.tensor * work.layout.context * work.parts)
    scores = work.computed_scores * share * _SCORE_PASSES
    return formulas.memory_time(formulas.element_bytes(scores, work.activation_bytes), bandwidth)


def _training(work: Workload, layers: _Parts, outside: _Parts) -> Times:
    layout, runtime = work.layout, work.runtime
    stages, rounds = float(layout.pipeline), work.rounds
    mean = (layers.total + outside.total) / stages
    slowest = layers.total * _largest_share(work) + outside.total
    floor = runtime.launch_interval_s * _launches(work) / stages
    stalled = np.maximum(floor - slowest, 0.0)
    slowest = slowest + stalled
    fill = (stages - 1.0) / layout.virtual_stages
    work_time = rounds * mean
    optimizer = _optimizer_time(work)
    links = communication.training(work, hidden_behind=rounds * slowest)
    return Times(
        compute=rounds * (layers.compute + outside.compute) / stages,
        memory=rounds * (layers.memory + outside.memory) / stages + optimizer,
        overhead=rounds * ((layers.overhead + outside.overhead) / stages + stalled),
        communication=links,
        bubble=rounds * (slowest - stalled) + fill * mean - work_time,
    )


def _largest_share(work: Workload) -> float:
    """Return the share of all layers that the fullest pipeline stage holds."""
    layout = work.layout
    if layout.pipeline == 1 or not isinstance(work.model, Transformer):
        return 1.0
    layers = work.model.layers
    chunks = layout.pipeline * layout.virtual_stages
    return float(np.ceil(layers / chunks) * layout.virtual_stages / layers)


def _launches(work: Workload) -> Any:
    gradients = np.where(work.traits.matrix & work.training, 1.0, 0.0)
    return ((work.passes + gradients) * work.executions).sum(0)


def _optimizer_time(work: Workload) -> Any:
    shards = 1.0 if work.layout.sharding == "none" else float(work.layout.data)
    held = work.parameters_held / shards
    moved = formulas.parameter_bytes(held, _OPTIMIZER_TRAFFIC_BYTES)
    hardware = work.system.hardware
    return formulas.memory_time(
        moved, hardware.memory_bandwidth_byte_per_s * work.runtime.bandwidth_fraction
    )


def _inference(work: Workload, layers: _Parts, outside: _Parts) -> Times:
    runtime = work.runtime
    stretch = _pipeline_stretch(work)
    parts = [stretch * (a + b) for a, b in zip(layers, outside, strict=True)]
    floor = runtime.launch_interval_s * _launches(work) * stretch
    stalled = np.maximum(floor - sum(parts), 0.0)
    host = runtime.overhead_per_execution_s
    if work.phase == "decode":
        host = host + runtime.overhead_per_sequence_s * work.batch_size / work.layout.data
    return Times(
        compute=parts[0],
        memory=parts[1],
        overhead=parts[2] + stalled + host,
        communication=communication.inference(work) * stretch,
        bubble=np.zeros_like(work.batch_size),
    )


def _pipeline_stretch(work: Workload) -> Any:
    """Return how many times one microbatch's way through all stages an execution takes.

    In decoding, microbatches follow each other around without a gap. The parts of a prompt that
    are handed in together fill and drain the stages once.
    """
    stages, runtime = float(work.layout.pipeline), work.runtime
    if stages == 1.0 or work.phase == "decode":
        return 1.0
    together = work.parts
    if runtime.prompt_part_tokens is not None:
        most = max(runtime.prompt_batch_tokens / runtime.prompt_part_tokens, 1.0)
        together = np.minimum(together, most)
    pieces = work.rounds * together
    return work.rounds * (pieces + stages - 1.0) / (stages * pieces)
