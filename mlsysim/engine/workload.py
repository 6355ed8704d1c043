"""What is asked for, as one device sees it: operators, samples, passes and formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.errors import InvalidInput, UnknownName, require_number
from mlsysim.models import ModelSpec, Transformer
from mlsysim.models.operators import OperatorColumns, OperatorTable, OperatorTraits
from mlsysim.precisions import Precision, Precisions
from mlsysim.runtimes import ATTENTIONS, Runtime, Runtimes
from mlsysim.systems import Layout, System

DEFAULT_LENGTH = 2048
DEFAULT_RUNTIME = "PyTorch compiled"
RECOMPUTATIONS = ("none", "selective", "full")

_BELOW_16_BITS = 2.0
# Weights unpacked to memory are written and read again in 16 bits.
_UNPACKED_BYTES = 4.0
# Operands that are quantised on the fly are read and written once more.
_QUANTISING_PASSES = 2.0


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One phase of a model on a system with everything that was chosen.

    Arrays have one entry for each batch size or length asked for; those of operators have one row
    for each operator. A device works off `samples` at a time (a microbatch), in `parts` if a long
    prompt is cut, and `rounds` microbatches follow each other in one execution.
    """

    model: ModelSpec
    system: System
    runtime: Runtime
    phase: str
    table: OperatorTable
    columns: OperatorColumns
    length: Any
    batch_size: Any
    samples: Any
    rounds: Any
    parts: Any
    precision: Precision
    layout: Layout
    recomputation: str
    attention: str
    scalar: bool

    @property
    def traits(self) -> OperatorTraits:
        """What each operator is."""
        return self.table.traits

    @property
    def training(self) -> bool:
        """Whether there is a backward pass."""
        return self.phase == "training"

    @cached_property
    def tokens(self) -> Any:
        """Tokens that go through an operator at once on one device."""
        if self.phase == "decode" or self.table.length_name is None:
            return self.samples
        return self.samples * self.length / (self.parts * self.layout.context)

    @cached_property
    def active_experts(self) -> Any:
        """Experts each operator reads: those that its tokens are routed to."""
        columns, samples = self.columns, self.samples
        sequence = 1.0 if self.phase == "decode" or self.length is None else self.length
        experts = np.maximum(columns.experts, 1.0)
        return formulas.expected_active_experts(
            experts=experts,
            experts_per_token=np.minimum(columns.experts_per_token, experts),
            tokens=samples * sequence / self.parts,
        )

    @cached_property
    def experts_here(self) -> Any:
        """Of those, how many are held by one device; 1 where there are none."""
        routed = np.where(self.traits.routed, self.active_experts / self.layout.expert, 1.0)
        return np.maximum(routed, 1.0)

    @cached_property
    def parameters_read(self) -> Any:
        """Weights each operator reads on one device."""
        columns, layout = self.columns, self.layout
        if not columns.experts.any():
            return columns.parameters / layout.tensor
        experts = np.maximum(columns.experts, 1.0)
        share = np.where(columns.experts > 0, self.active_experts / experts, 1.0)
        read = columns.parameters * share / layout.tensor
        if layout.expert == 1:
            return read
        return np.where(self.traits.routed, read / layout.expert, read)

    @cached_property
    def parameters_held(self) -> float:
        """Weights stored on one device, before sharding."""
        if self.layout.expert == 1:
            return self.model.parameters / (self.layout.tensor * self.layout.pipeline)
        columns, traits = self.columns, self.traits
        stored = columns.parameters[:, :1] * columns.count[:, :1]
        stored = np.where(self.table.shares_parameters[:, None], 0.0, stored)
        held = np.where(traits.routed, stored / self.layout.expert, stored).sum()
        return float(held) / (self.layout.tensor * self.layout.pipeline)

    @cached_property
    def flops(self) -> Any:
        """Work of one pass through each operator on one device, for one microbatch and part."""
        share = self.layout.tensor * self.layout.context * self.parts
        flops = self.columns.flops * (self.samples / share)
        if self.attention == "plain":
            used = np.maximum(self.columns.scores, 1.0)
            flops = flops * np.where(self.columns.scores > 0, self.computed_scores / used, 1.0)
        return flops

    @cached_property
    def computed_scores(self) -> Any:
        """Attention weights that are computed for one sample: parts of a prompt skip later keys."""
        columns = self.columns
        if self.attention == "fused":
            return columns.scores
        return columns.scores + (columns.unmasked_scores - columns.scores) / self.parts

    @cached_property
    def activation_bytes(self) -> float:
        """Bytes of one activation."""
        return self.runtime.activation_bytes or self.precision.activation_bytes

    @property
    def cache_bytes(self) -> float:
        """Bytes of one cached key or value."""
        narrow = self.runtime.narrow_cache and self.precision.bytes_per_value < _BELOW_16_BITS
        return 1.0 if narrow else self.precision.activation_bytes

    @cached_property
    def stored_only(self) -> bool:
        """Whether weights are widened before they are multiplied."""
        computed = self.system.hardware.compute_precision(self.precision)
        return Precisions[computed].bytes_per_value > 1.5 * self.precision.bytes_per_value

    @cached_property
    def weight_bytes(self) -> Any:
        """Bytes of weights each operator reads in one pass on one device."""
        stored: Any = self.precision.bytes_per_value
        if self.runtime.unpacks_to_memory and self.phase == "prefill" and self.stored_only:
            stored = np.where(self.traits.matrix, stored + _UNPACKED_BYTES, stored)
        read = formulas.parameter_bytes(self.parameters_read, stored)
        return read * self._share_streamed() if self.on_chip else read

    @property
    def on_chip(self) -> bool:
        """Whether the device keeps activations, and weights as far as they fit, on the chip."""
        return self.system.hardware.twin_of_architecture.works_on_chip

    def _share_streamed(self) -> Any:
        """Return the share of weights that finds no room on the chip beside the activations."""
        live = self.model.peak_activation_elements(self.phase, self.length) * self.samples
        stored = formulas.parameter_bytes(self.parameters_held, self.precision.bytes_per_value)
        room = (self.system.hardware.on_chip_bytes or 0.0) - formulas.element_bytes(
            live, self.precision.activation_bytes
        )
        return np.clip(1.0 - np.maximum(room, 0.0) / stored, 0.0, 1.0)

    @cached_property
    def value_bytes(self) -> Any:
        """Bytes of activations and cache each operator moves in one pass on one device."""
        columns, layout, runtime = self.columns, self.layout, self.runtime
        if self.on_chip:
            # Only what enters the network and what leaves it comes by.
            passing = np.zeros_like(columns.input_elements)
            passing[0] += columns.input_elements[0] / columns.count[0]
            passing[-1] += columns.output_elements[-1] / columns.count[-1]
            return formulas.element_bytes(passing * self.samples, self.activation_bytes)
        values = self._values_moved()
        if layout.tensor > 1:
            replicated = np.False_ if runtime.sequence_parallel else self.traits.replicable
            values = np.where(replicated, values, values / layout.tensor)
        share = self.samples / (layout.context * self.parts)
        moved = formulas.element_bytes(values * share, self.activation_bytes)
        if self.phase == "decode":
            reads = self.samples * self._cache_reads() / self.cache_division
            cached = columns.cache_elements * reads
            moved = moved + formulas.element_bytes(cached, self.cache_bytes)
        return moved

    def _values_moved(self) -> Any:
        """Return the values one sample moves, on all devices that divide it together."""
        columns, traits, runtime = self.columns, self.traits, self.runtime
        values = columns.input_elements + columns.output_elements
        values = np.where(traits.elementwise, values * runtime.elementwise_passes, values)
        if runtime.routing_passes != 1.0:
            routed = traits.elementwise & traits.in_mixture
            values = np.where(routed, values * runtime.routing_passes, values)
        if self.training and self.precision.bytes_per_value < self.precision.activation_bytes:
            values = np.where(traits.linear, values * _QUANTISING_PASSES, values)
        return values

    @property
    def cache_division(self) -> float:
        """Devices of a tensor-parallel group among which a cache is divided: by head, if at all."""
        model, tensor = self.model, self.layout.tensor
        if not isinstance(model, Transformer):
            return float(tensor)
        return 1.0 if model.latent else float(min(tensor, model.attention.key_value_heads))

    def _cache_reads(self) -> float:
        """Return how often a cached value is read: by each query head that does not share it."""
        model = self.model
        if self.runtime.shares_cache_reads or not isinstance(model, Transformer) or model.latent:
            return 1.0
        return model.attention.heads / model.attention.key_value_heads

    @cached_property
    def passes(self) -> Any:
        """How often each operator runs in one microbatch, its weight gradient not counted."""
        traits = self.traits
        if not self.training:
            return np.ones_like(self.columns.count)
        backward = np.where(traits.matrix, 1.0, 2.0)
        if self.attention == "fused":
            # The backward pass of fused attention computes the scores once more.
            backward = np.where(traits.attention, 2.5, backward)
        again: Any = 0.0
        scores_again = traits.attention & (self.attention == "plain")
        if self.recomputation == "full":
            again = np.where(traits.in_layer | scores_again, 1.0, 0.0)
        elif self.recomputation == "selective":
            again = np.where(scores_again, 1.0, 0.0)
        return 1.0 + again + backward

    @cached_property
    def kernels(self) -> Any:
        """How many kernels the passes of each operator launch: scores come again inside of one."""
        return np.floor(self.passes)

    @cached_property
    def executions(self) -> Any:
        """How often each operator runs in one microbatch on all stages, cut prompts counted."""
        return self.columns.count * self.parts


def build(
    model: ModelSpec,
    system: System,
    *,
    phase: str | None,
    batch_size: Any,
    lengths: dict[str, Any],
    precision: Precision | str | None,
    runtime: Runtime | str | None,
    layout: Layout | None,
    recomputation: str,
    attention: str | None,
) -> Workload:
    """Return the workload of a request, or raise `InvalidInput` or `UnknownName`."""
    _require_kind("model", model, ModelSpec)
    _require_kind("system", system, System)
    if not isinstance(runtime, Runtime):
        runtime = Runtimes[DEFAULT_RUNTIME if runtime is None else runtime]
    if not isinstance(precision, Precision):
        precision = Precisions[precision or model.default_precision]
    phase = phase or model.phases[0]
    model.require_phase(phase)
    attention = _option("attention", attention or runtime.attention, ATTENTIONS)
    layout = _checked_layout(model, layout or _usual_layout(model, system))
    training = phase == "training"
    unfolded = phase == "inference" and not runtime.folds_normalization
    table = model.operators("training" if unfolded else phase)
    batch = _whole_numbers("batch_size", batch_size)
    length, scalar_length = _length(table, lengths)
    replica_batch = np.ceil(batch / layout.data)
    samples = replica_batch
    if training and layout.microbatch_size is not None:
        samples = np.minimum(replica_batch, layout.microbatch_size)
    elif not training and layout.pipeline > 1:
        samples = replica_batch / np.minimum(replica_batch, layout.pipeline)
    parts: Any = 1.0
    if phase == "prefill" and runtime.prompt_part_tokens is not None and length is not None:
        parts = np.maximum(np.ceil(length / runtime.prompt_part_tokens), 1.0)
    return Workload(
        model=model,
        system=system,
        runtime=runtime,
        phase=phase,
        table=table,
        columns=table.at(np.zeros(1) if length is None else length),
        length=length,
        batch_size=batch,
        samples=samples,
        rounds=np.ceil(replica_batch / samples - 1e-9),
        parts=parts,
        precision=precision,
        layout=layout,
        recomputation=_option("recomputation", recomputation, RECOMPUTATIONS),
        attention=attention,
        scalar=np.ndim(batch_size) == 0 and scalar_length,
    )


def _usual_layout(model: ModelSpec, system: System) -> Layout:
    divided = system.layout.tensor > 1 or system.layout.pipeline > 1
    replicated = divided and not isinstance(model, Transformer)
    return Layout(data=system.devices) if replicated else system.layout


def _checked_layout(model: ModelSpec, layout: Layout) -> Layout:
    if not isinstance(layout, Layout):
        raise InvalidInput("layout", layout, "a Layout(…)")
    spread = layout.tensor > 1 or layout.context > 1 or layout.pipeline > 1 or layout.expert > 1
    if spread and not isinstance(model, Transformer):
        raise InvalidInput("layout", layout, f"data alone: {model.name} is no transformer")
    return layout


def _whole_numbers(field: str, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf":
        if value.size and (np.isfinite(value) & (value >= 1) & (value == np.floor(value))).all():
            return value.astype(float)
    elif not isinstance(value, np.ndarray):
        number = require_number(field, value, minimum=1.0)
        if number == math.floor(number):
            return np.array([number])
    raise InvalidInput(field, value, "a whole number of at least 1, or an array of such numbers")


def _length(table: OperatorTable, lengths: dict[str, Any]) -> tuple[Any, bool]:
    """Return the length the operators depend on as an array, and whether one number was given."""
    if table.length_name is None:
        return None, True
    length = lengths.get(table.length_name)
    length = DEFAULT_LENGTH if length is None else length
    scalar = np.ndim(length) == 0
    return (np.array([length]) if scalar else length), scalar


def _option(field: str, value: Any, options: tuple[str, ...]) -> str:
    if value not in options:
        raise UnknownName(field, value, options)
    return str(value)


def _require_kind(field: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidInput(field, value, f"a {kind.__name__}")
