"""What is asked for, as one device sees it: operators, samples, passes and formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.architectures import Architecture
from mlsysim.arrays import all_finite, anywhere, common_shape, ndim
from mlsysim.errors import InvalidInput, UnknownName, describe_bounds, require_number
from mlsysim.models import ModelSpec, Transformer
from mlsysim.models.operators import OperatorColumns, OperatorTable, OperatorTraits
from mlsysim.optimizers import DEFAULT_OPTIMIZER, MASTER_BYTES, Optimizer, Optimizers
from mlsysim.precisions import Precision, Precisions
from mlsysim.runtimes import ATTENTIONS, Runtime, Runtimes
from mlsysim.systems import Layout, System
from mlsysim.tracing import SourcedFloat, as_float

DEFAULT_LENGTH = 2048
DEFAULT_RUNTIME = "PyTorch compiled"
_NEARLY_ALL = math.nextafter(1.0, 0.0)
# One number becomes an array of one by adding it to this: unlike others, a sum keeps a trace.
_NOTHING = np.zeros(1)
RECOMPUTATIONS = ("none", "selective", "full")
PRUNINGS = ("unstructured", "channels", "2:4")

# One bit tells for each weight whether it is kept; so do 2 bits for each of two kept in four.
_INDEX_BYTES = SourcedFloat(
    1.0 / 8.0,
    name="index_bytes",
    label="one bit of index for each weight",
    unit="byte/parameter",
    source="sparse-bitmap",
)
# Formats that sparse matrix units compute in.
_SKIPS_HALF_IN = ("tf32", "fp16", "bf16", "fp8", "int8")
# Products that skip single zeros reach this share of what vector units can do.
_SPARSE_KERNEL_FRACTION = SourcedFloat(
    0.27,
    name="sparse_kernel_fraction",
    label="share of vector units that products skipping single zeros reach",
    unit="dimensionless",
    source="gale-2020-sputnik",
)

_BELOW_16_BITS = 2.0
# Weights unpacked to memory are written and read again in 16 bits.
_UNPACKED_BYTES = 4.0
# Operands that are quantised on the fly are read and written once more.
_QUANTISING_PASSES = 2.0


@dataclass(frozen=True, kw_only=True)
class Collective:
    """What a group of devices takes to sum a message, where its fabric was worked out apart.

    In training that is the sum of all gradients over the replicas, of which `exposed_fraction` is
    not overlapped with arithmetic; in all other phases the sum of one layer's activations over a
    tensor-parallel group. Both numbers may be arrays.

    >>> Collective(seconds=1.0).exposed_fraction
    1.0
    """

    seconds: Any
    exposed_fraction: Any = 1.0

    def __post_init__(self) -> None:
        for name, most in (("seconds", math.inf), ("exposed_fraction", 1.0)):
            value = getattr(self, name)
            if not (all_finite(value) and np.min(value) >= 0.0 and np.max(value) <= most):
                bounds = describe_bounds(0.0, most)
                raise InvalidInput(f"{name} of a collective", value, bounds)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers together."""
        return common_shape(self.seconds, self.exposed_fraction)


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
    optimizer: Optimizer
    sparsity: Any
    pruning: str
    scalar: bool
    collective: Collective | None = None

    def total(self, of_operators: Any) -> Any:
        """Return the sum over all operators: a plain number, where single numbers were given."""
        summed = of_operators.sum(0)
        return summed.item() if self.scalar else summed

    @cached_property
    def architecture(self) -> Architecture:
        """What the hardware shares with others of its generation."""
        return self.system.hardware.twin_of_architecture

    @property
    def traits(self) -> OperatorTraits:
        """What each operator is."""
        return self.table.traits

    @cached_property
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
        held = columns.parameters * self._kept_by_channel
        if not columns.experts.any():
            return held / layout.tensor
        experts = np.maximum(columns.experts, 1.0)
        share = np.where(columns.experts > 0, self.active_experts / experts, 1.0)
        read = held * share / layout.tensor
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
        number: float = as_float(held)
        return number / (self.layout.tensor * self.layout.pipeline)

    @cached_property
    def unpruned(self) -> bool:
        """Whether all weights are kept."""
        return self.pruning != "2:4" and not anywhere(self.sparsity)

    @property
    def density(self) -> Any:
        """Share of the weights of pruned operators that is kept."""
        return density_of(self.sparsity, self.pruning)

    @property
    def pruned(self) -> Any:
        """Operators whose weights are pruned: matrix products but the last."""
        return pruned_operators(self.traits)

    @cached_property
    def kept(self) -> Any:
        """Share of the weights of each operator that is kept."""
        return 1.0 if self.unpruned else kept_share(self.traits, self.density, self.pruning)

    @property
    def _kept_by_channel(self) -> Any:
        return self.kept if self.pruning == "channels" else 1.0

    @property
    def width(self) -> Any:
        """Share of the channels that is kept."""
        if self.unpruned or self.pruning != "channels":
            return 1.0
        return formulas.width_share(self.density)

    @cached_property
    def arithmetic_share(self) -> Any:
        """Time of the arithmetic of pruned weights over that of all of them."""
        hardware = self.system.hardware
        computed = hardware.compute_precision(self.precision)
        if self.pruning == "2:4":
            skips = computed in _SKIPS_HALF_IN
            return 1.0 / self.architecture.structured_sparsity_speedup if skips else 1.0
        vector = hardware.peak_dense_flop_per_s.get("fp32")
        if vector is None:
            return 1.0
        return formulas.sparse_arithmetic_share(
            density=self.density,
            dense_rate=hardware.peak_dense_flop_per_s[computed],
            sparse_rate=vector * _SPARSE_KERNEL_FRACTION,
        )

    @cached_property
    def stored_per_weight(self) -> Any:
        """Bytes over dense bytes of each operator's weights, where products read them as they are.

        Where zeros are not skipped, they are filled in before the first product, and lie in
        memory like all others.
        """
        if self.unpruned or self.pruning == "channels":
            return 1.0
        skipped = self.arithmetic_share < 1.0
        return np.where(self.pruned & skipped, sparse_share(self.precision, self.density), 1.0)

    @cached_property
    def stored_share(self) -> Any:
        """Bytes of all weights in memory over those without pruning."""
        if self.unpruned:
            return 1.0
        stored = self.columns.parameters * self.columns.count
        stored = np.where(self.table.shares_parameters[:, None], 0.0, stored)
        left = stored * self._kept_by_channel * self.stored_per_weight
        share = left.sum(0) / stored.sum(0)
        return as_float(share.item()) if share.size == 1 else share

    @cached_property
    def flops(self) -> Any:
        """Work of one pass through each operator on one device, for one microbatch and part."""
        share = self.layout.tensor * self.layout.context * self.parts
        flops = self.columns.flops * (self.samples / share)
        if self.pruning == "channels":
            flops = flops * self.kept
        elif not self.unpruned:
            flops = np.where(self.pruned, flops * self.arithmetic_share, flops)
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
    def optimizer_bytes_per_parameter(self) -> float:
        """Bytes kept for each weight: moments, and a 32-bit copy of weights that are narrower."""
        narrow = self.precision.bytes_per_value < MASTER_BYTES
        return self.optimizer.moment_bytes + (MASTER_BYTES if narrow else 0.0)

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
        read = formulas.parameter_bytes(self.parameters_read, stored) * self.stored_per_weight
        return read * self._share_streamed() if self.on_chip else read

    @property
    def on_chip(self) -> bool:
        """Whether the device keeps activations, and weights as far as they fit, on the chip."""
        return self.architecture.works_on_chip

    def _share_streamed(self) -> Any:
        """Return the share of weights that finds no room on the chip beside the activations."""
        live = self.model.peak_activation_elements(self.phase, self.length) * self.samples
        stored = formulas.parameter_bytes(self.parameters_held, self.precision.bytes_per_value)
        stored = stored * self.stored_share
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
        values = (columns.input_elements + columns.output_elements) * self.width
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
            divided = tensor
        else:
            divided = 1 if model.latent else min(tensor, model.attention.key_value_heads)
        number: float = as_float(divided)
        return number

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
            return 1.0
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
    collective: Collective | None = None,
    optimizer: Optimizer | str | None = None,
    sparsity: Any = 0.0,
    pruning: str = "unstructured",
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
    if not isinstance(optimizer, Optimizer):
        optimizer = Optimizers[DEFAULT_OPTIMIZER if optimizer is None else optimizer]
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
        columns=table.at(_as_array(length)),
        length=length,
        batch_size=batch,
        samples=samples,
        rounds=np.ceil(replica_batch / samples - 1e-9),
        parts=parts,
        precision=precision,
        layout=layout,
        recomputation=_option("recomputation", recomputation, RECOMPUTATIONS),
        attention=attention,
        collective=collective,
        optimizer=optimizer,
        sparsity=checked_sparsity(sparsity),
        pruning=checked_pruning(pruning),
        scalar=ndim(batch_size) == 0 and scalar_length and ndim(sparsity) == 0,
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
            return number
    raise InvalidInput(field, value, "a whole number of at least 1, or an array of such numbers")


def density_of(sparsity: Any, pruning: str) -> Any:
    """Return the share of pruned weights that is kept: one half of 2:4, by definition."""
    return 0.5 if pruning == "2:4" else 1.0 - sparsity


def pruned_operators(traits: OperatorTraits) -> Any:
    """Tell which operators are pruned: matrix products, but for the last one."""
    return traits.matrix & ~traits.head


def kept_share(traits: OperatorTraits, density: Any, pruning: str) -> Any:
    """Return the share of the weights of each operator that is kept."""
    # A channel has one depthwise filter, but a weight for each pair of channels elsewhere.
    single = traits.depthwise & (pruning == "channels")
    share = np.where(single, formulas.width_share(density), density)
    return np.where(pruned_operators(traits), share, 1.0)


def sparse_share(precision: Precision, density: Any) -> Any:
    """Return the bytes of weights stored without their zeros over those with them."""
    dense = precision.bytes_per_value
    sparse = formulas.sparse_bytes_per_parameter(dense=dense, index=_INDEX_BYTES, density=density)
    return sparse / dense


def checked_sparsity(value: Any) -> Any:
    """Return shares of pruned weights as an array, or raise `InvalidInput`."""
    accepted = "a number from 0 to below 1, or an array of such numbers"
    if not isinstance(value, np.ndarray):
        try:
            number = require_number("sparsity", value, maximum=_NEARLY_ALL)
        except InvalidInput:
            raise InvalidInput("sparsity", value, accepted) from None
        return number
    if not (np.isfinite(value) & (value >= 0.0) & (value < 1.0)).all():
        raise InvalidInput("sparsity", value, accepted)
    return value


def checked_pruning(value: str) -> str:
    """Return the name of a way to prune, or raise `UnknownName`."""
    return _option("pruning", value, PRUNINGS)


def _length(table: OperatorTable, lengths: dict[str, Any]) -> tuple[Any, bool]:
    """Return the length the operators depend on, and whether one number was given."""
    if table.length_name is None:
        return None, True
    length = lengths.get(table.length_name)
    length = DEFAULT_LENGTH if length is None else length
    scalar = ndim(length) == 0
    return length, scalar


def _as_array(length: Any) -> Any:
    """Return a length as an array, so that columns of operators have an axis for it."""
    if length is None:
        return _NOTHING
    return length + _NOTHING if isinstance(length, int | float) else np.atleast_1d(length)


def _option(field: str, value: Any, options: tuple[str, ...]) -> str:
    if value not in options:
        raise UnknownName(field, value, options)
    return str(value)


def _require_kind(field: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidInput(field, value, f"a {kind.__name__}")
