"""What an execution occupies on each device, and how many sequences fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.arrays import anywhere, for_each
from mlsysim.engine.workload import (
    Workload,
    density_of,
    kept_share,
    pruned_operators,
    sparse_share,
)
from mlsysim.models import ModelSpec, Transformer
from mlsysim.precisions import Precision
from mlsysim.tracing import SourcedFloat, as_float

# What allocators lose between blocks of changing size: PagedAttention (2023) measures under 4 %.
_FRAGMENTATION = SourcedFloat(
    0.04,
    name="fragmentation",
    label="share of memory lost between blocks",
    unit="dimensionless",
    source="kwon-2023-pagedattention",
)


def solve(work: Workload) -> dict[str, Any]:
    """Return what lies in the memory of the fullest device, and what there is."""
    hardware, layout = work.system.hardware, work.layout
    replicas = as_float(layout.data)
    shards = replicas if layout.sharding == "full" else 1.0
    weights = formulas.parameter_bytes(work.parameters_held, work.precision.bytes_per_value)
    weights = weights * work.stored_share / shards
    state = _training_state(work, replicas) if work.training else 0.0
    cache = formulas.element_bytes(_cached_elements(work), work.cache_bytes)
    activations = formulas.element_bytes(_live_elements(work), work.precision.activation_bytes)
    in_flash = hardware.flash_bytes is not None
    # A microcontroller's buffers are laid out when its program is built: nothing is lost there.
    lost = 0.0 if in_flash else _FRAGMENTATION * (activations + cache)
    resident = activations + cache + lost + state + (0.0 if in_flash else weights)
    return {
        "memory_used": for_each(resident, work.batch_size),
        "memory_capacity": hardware.memory_bytes,
        "weight_memory": weights,
        "activation_memory": activations,
        "cache_memory": cache if anywhere(cache) else None,
        "state_memory": state if work.training else None,
        "flash_used": weights if in_flash else None,
        "flash_capacity": hardware.flash_bytes,
    }


def _cached_elements(work: Workload) -> Any:
    """Return the keys, values or states kept: those decode reads, those prefill leaves for it."""
    columns = work.columns
    if work.phase == "prefill":
        length = np.zeros(1) if work.length is None else work.length
        columns = work.model.operators("decode").at(length)
    elif work.phase != "decode":
        return 0.0
    in_flight = work.samples * work.rounds
    layout = work.layout
    division = work.cache_division * layout.context * layout.pipeline
    return work.total(columns.cache_elements * columns.count) * in_flight / division


def _training_state(work: Workload, replicas: float) -> float:
    sharding, held = work.layout.sharding, work.parameters_held
    gradients = formulas.parameter_bytes(held, work.precision.activation_bytes)
    optimizer = formulas.parameter_bytes(held, work.optimizer_bytes_per_parameter)
    state: float = as_float(
        gradients / (replicas if sharding in ("gradients", "full") else 1.0)
        + optimizer / (1.0 if sharding == "none" else replicas)
    )
    return state


def _live_elements(work: Workload) -> Any:
    """Return activations alive at once: the largest step, or in training all kept for backward.

    A pipeline keeps as many microbatches in flight as it has stages, of its share of the layers
    each: together one microbatch of the whole model.
    """
    share = work.samples / (work.layout.tensor * work.layout.context)
    if not work.training:
        columns = work.columns if work.phase != "inference" else None
        peak = work.model.peak_activation_elements(work.phase, work.length, columns)
        return peak * work.width * share / work.parts
    return _kept_for_backward(work) * share


def _kept_for_backward(work: Workload) -> Any:
    """Return the values of one sample that wait for their gradient.

    Backward needs the inputs of every operator that is not linear, or that has weights, and the
    scores of plain attention. Recomputed layers keep what enters them and, while one of them runs
    backward, all of its own.
    """
    columns, traits = work.columns, work.traits
    kept = np.where(traits.kept_for_backward, columns.input_elements, 0.0)
    scores = np.where(work.recomputation == "none", work.computed_scores, 0.0)
    if work.attention == "plain":
        kept = kept + scores
    total = kept * columns.count
    model = work.model
    if work.recomputation != "full" or not isinstance(model, Transformer):
        return work.total(total)
    outside = work.total(np.where(traits.in_layer, 0.0, total))
    one_layer = (work.total(total) - outside) / model.layers
    length = 1.0 if work.length is None else work.length
    return outside + one_layer + model.layers * model.hidden * length


def file_bytes(model: ModelSpec, precision: Precision, sparsity: Any, pruning: str) -> Any:
    """Return the bytes of a model's file, which stores no more zeros than pay."""
    table = model.operators("training")
    columns, traits = table.at(np.zeros(1)), table.traits
    density = density_of(sparsity, pruning)
    if pruning == "channels":
        share = kept_share(traits, density, pruning)
    else:
        share = np.where(pruned_operators(traits), sparse_share(precision, density), 1.0)
    stored = columns.parameters * columns.count
    stored = np.where(table.shares_parameters[:, None], 0.0, stored)
    return formulas.parameter_bytes((stored * share).sum(0), precision.bytes_per_value)


def sequences_that_fit(work: Workload, tokens_each: Any, share_of_memory: float) -> Any:
    """Return how many sequences of so many tokens fit beside the weights, at least 1.

    n = ⌊(s · M - M_weights) / (cache of its tokens)⌋
    """
    layout = work.layout
    cached = work.model.operators("decode").at(tokens_each).total("cache_elements")
    each = cached * work.cache_bytes / (work.cache_division * layout.context * layout.pipeline)
    weights = formulas.parameter_bytes(work.parameters_held, work.precision.bytes_per_value)
    free = share_of_memory * work.system.hardware.memory_bytes - weights
    return np.maximum(np.floor(free / each), 1.0) * layout.data
