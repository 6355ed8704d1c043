"""What a model asks of a machine: operators, tables of operators, and the base of every model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mlsysim.arrays import ndim
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.sources import Sourced
from mlsysim.tracing import About, Leaf, as_float, call, is_traced, plain, traced

KINDS = (
    "convolution",
    "depthwise_convolution",
    "linear",
    "attention",
    "elementwise",
    "movement",
    "normalization",
    "pooling",
    "embedding",
)

Columns = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
_VARYING = (
    "flops",
    "input_elements",
    "output_elements",
    "cache_elements",
    "scores",
    "unmasked_scores",
)
_UNITS = {"flops": "flop", "parameters": "parameter", "parameters_stored": "parameter"}
_FIXED = ("parameters", "count", "experts", "experts_per_token")


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of a model: its work and traffic for one sample and one execution.

    A multiply-accumulate is 2 FLOP. `parameters` are divided among `experts` of which each token
    reads `experts_per_token`; 0 experts means that every token reads all of them. An embedding is
    a table with one expert per row. `scores` are the weights that attention computes, of which a
    kernel that cannot skip what causality masks computes all `unmasked_scores`.
    `shares_parameters` marks weights counted elsewhere (a tied output head): read again, but not
    stored again. A "movement" is a sum, copy or rotation: linear without weights, so that nothing
    has to be kept for its backward pass.

    >>> Operator("head", "linear", flops=2.0 * 768 * 1000, parameters=768_000.0).flops
    1536000.0
    """

    name: str
    kind: str
    flops: float
    parameters: float = 0.0
    input_elements: float = 0.0
    output_elements: float = 0.0
    cache_elements: float = 0.0
    scores: float = 0.0
    unmasked_scores: float = 0.0
    count: int = 1
    experts: int = 0
    experts_per_token: int = 0
    shares_parameters: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName(f"kind of operator {self.name}", self.kind, KINDS)


@dataclass(frozen=True, slots=True)
class OperatorColumns:
    """The operators of a model at given lengths, one array per property.

    For one length every column has shape `(operators,)`. For an array of lengths, work and traffic
    have shape `(operators, lengths)` and the last four columns `(operators, 1)`, so that they
    broadcast; of a model of fixed size every column then has shape `(operators, 1)`.
    """

    flops: Columns
    input_elements: Columns
    output_elements: Columns
    cache_elements: Columns
    scores: Columns
    unmasked_scores: Columns
    parameters: Columns
    count: Columns
    experts: Columns
    experts_per_token: Columns

    def total(self, column: str) -> Any:
        """Return the sum of a column over all executions of all operators."""
        values: Columns = getattr(self, column)
        return (values * self.count).sum(axis=0)


class OperatorTraits(NamedTuple):
    """What the operators of a table are: one truth for each, of shape `(operators, 1)`."""

    matrix: Any
    depthwise: Any
    linear: Any
    attention: Any
    elementwise: Any
    routed: Any
    in_mixture: Any
    replicable: Any
    in_layer: Any
    head: Any
    kept_for_backward: Any


class OperatorTable:
    """The operators of one model in one phase, as functions of a length.

    Work and traffic of every operator are polynomials of the length of degree two at most
    (attention over a whole sequence), so three lengths determine them exactly.
    `length_name` is the length they depend on, or None for a model of fixed size.

    >>> def describe(tokens: float) -> list[Operator]:
    ...     return [Operator("scores", "attention", flops=2 * tokens * tokens, count=3)]
    >>> table = OperatorTable(describe, "sequence_length")
    >>> float(table.at(10.0).total("flops"))
    600.0
    """

    def __init__(
        self, describe: Callable[[float], Sequence[Operator]], length_name: str | None = None
    ):
        at_0 = describe(0.0)
        at_1, at_2 = (describe(1.0), describe(2.0)) if length_name else (at_0, at_0)
        self._latest: tuple[tuple[int, float], OperatorColumns] | None = None
        self.length_name = length_name
        self.names = tuple(operator.name for operator in at_0)
        self.kinds = tuple(operator.kind for operator in at_0)
        self.shares_parameters = np.array([operator.shares_parameters for operator in at_0])
        self._fixed = {name: _column(at_0, name) for name in _FIXED}
        self._coefficients = {
            name: _parabola(*(_column(operators, name) for operators in (at_0, at_1, at_2)))
            for name in _VARYING
        }

    def __len__(self) -> int:
        return len(self.names)

    def at(self, length: Any = None) -> OperatorColumns:
        """Return the columns at one length, or at an array of lengths.

        Raises `InvalidInput` when the model needs a length and none, or a negative or infinite
        one, is given. A model of fixed size takes the shape of the lengths and ignores them.
        """
        key = _key(length)
        if key is not None and self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        fixed = self.length_name is None
        lengths = np.zeros((1,) * ndim(length)) if fixed else self._checked(length)
        found = self._at(lengths)
        if key is not None:
            self._latest = key, found
        return found

    def _at(self, lengths: Columns) -> OperatorColumns:
        axes = np.s_[:, None] if lengths.ndim else np.s_[:]
        coefficients = ([part[axes] for part in parts] for parts in self._coefficients.values())
        varying = (c + lengths * (b + lengths * a) for c, b, a in coefficients)
        return OperatorColumns(*varying, *(column[axes] for column in self._fixed.values()))

    @cached_property
    def traits(self) -> OperatorTraits:
        """What each operator is, whatever the length."""
        kinds, names = np.array(self.kinds), self.names

        def ends(*endings: str) -> Any:
            return np.array([name.rsplit(".", 1)[-1] in endings for name in names])

        matrix = np.isin(kinds, ("convolution", "depthwise_convolution", "linear"))
        found = OperatorTraits(
            matrix=matrix,
            depthwise=kinds == "depthwise_convolution",
            linear=kinds == "linear",
            attention=kinds == "attention",
            elementwise=~matrix & ~np.isin(kinds, ("attention", "embedding")),
            routed=(self._fixed["experts"] > 0) & (kinds != "embedding"),
            in_mixture=np.array([".mixture." in name for name in names]),
            replicable=ends("normalization", "residual", "sum"),
            in_layer=np.array([name.startswith(("layer.", "encoder.", "decoder."))
                               for name in names]),
            head=ends("head"),
            kept_for_backward=~np.isin(kinds, ("movement", "embedding")),
        )  # fmt: skip
        return OperatorTraits(*(trait[:, None] for trait in found))

    @cached_property
    def parameters(self) -> float:
        """Weights stored for this phase; shared ones count once."""
        stored = self._fixed["parameters"] * self._fixed["count"]
        return float(stored[~self.shares_parameters].sum())

    def traced(self, owner: ModelSpec, phase: str) -> OperatorTable:
        """Return a table whose columns say of which model and phase they are."""
        return _TracedTable(self, owner, phase)

    def _checked(self, length: Any) -> Columns:
        accepted = "a number of at least 0, or an array of such numbers"
        try:
            lengths = np.asarray(length, dtype=float)
        except (TypeError, ValueError):
            raise InvalidInput(str(self.length_name), length, accepted) from None
        if length is None or isinstance(length, bool) or lengths.ndim > 1:
            raise InvalidInput(str(self.length_name), length, accepted)
        if not (np.isfinite(lengths).all() and (lengths >= 0).all()):
            raise InvalidInput(str(self.length_name), length, accepted)
        return lengths


class _TracedTable(OperatorTable):
    """A table whose columns are traced: they rest on the architecture, and on the length."""

    def __init__(self, table: OperatorTable, owner: ModelSpec, phase: str):
        self.__dict__.update({k: v for k, v in vars(table).items() if k != "parameters"})
        self._table, self._owner, self._phase = table, owner, phase
        self._known: dict[Any, OperatorColumns] = {}

    def at(self, length: Any = None) -> OperatorColumns:
        """Return the traced columns at one length, or at an array of lengths."""
        columns = self._table.at(plain(length))
        key = length.node if is_traced(length) else str(length)
        if key not in self._known:
            self._known[key] = OperatorColumns(
                *(self._column(name, length, columns) for name in (*_VARYING, *_FIXED))
            )
        return self._known[key]

    def _column(self, name: str, length: Any, columns: OperatorColumns) -> Any:
        if is_traced(length) and self.length_name and name in _VARYING:
            return call(self._column_at, (name, length), about=self._about(name))
        return self._leaf(name, getattr(columns, name))

    def _column_at(self, name: str, length: Any) -> Any:
        return getattr(self._table.at(length), name)

    def _leaf(self, name: str, value: Any) -> Any:
        about = self._about(name)
        return traced(
            Leaf(
                value=value,
                name=f"{self._owner.name}.{self._phase}.{name}",
                kind="model",
                field=name,
                owner=self._owner.name,
                label=about.label,
                unit=about.unit,
                source=about.source,
                note=about.note,
            )
        )

    def _about(self, name: str) -> About:
        words = name.replace("_", " ")
        stored = name == "parameters_stored"
        where = f" of {self._owner.name}" if stored else f" of each operator in {self._phase}"
        unit = _UNITS.get(name, "dimensionless")
        note = f"Derived from the architecture of {self._owner.name}."
        return About(f"{words}{where}", unit, self._owner.source_of(name).name, note)

    @cached_property
    def parameters(self) -> float:
        """Weights stored for this phase; shared ones count once."""
        number: float = self._leaf("parameters_stored", self._table.parameters)
        return number


def _key(length: Any) -> tuple[int, float] | None:
    """Return what tells one length from another; None for several."""
    if isinstance(length, np.ndarray):
        return (length.ndim, length.item()) if length.size == 1 else None
    return (0, length) if type(length) in (float, int) else None


def _column(operators: Sequence[Operator], name: str) -> Columns:
    return np.array([getattr(operator, name) for operator in operators], dtype=float)


def _parabola(at_0: Columns, at_1: Columns, at_2: Columns) -> tuple[Columns, Columns, Columns]:
    quadratic = (at_2 - 2 * at_1 + at_0) / 2
    return at_0, at_1 - at_0 - quadratic, quadratic


def merge_identical(operators: Sequence[Operator]) -> list[Operator]:
    """Merge operators that differ in name only into one that is executed several times.

    >>> add = Operator("add_1", "movement", 0.0, input_elements=8.0)
    >>> [operator.count for operator in merge_identical([add, replace(add, name="add_2")])]
    [2]
    """
    merged: dict[Operator, Operator] = {}
    for operator in operators:
        key = replace(operator, name="", count=1)
        first = merged.get(key)
        count = operator.count + (first.count if first else 0)
        merged[key] = replace(first or operator, count=count)
    return list(merged.values())


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Sourced, ABC):
    """A workload derived from its architecture.

    A sample is one image, window or inference of a model of fixed size, and one sequence of a
    language model: prefill and training process `sequence_length` tokens of it, decode produces
    one token of it while `context_length` tokens are in the cache.
    """

    name: str
    aliases: tuple[str, ...] = ()
    family: str
    task: str
    default_precision: str
    year: int
    phases: ClassVar[tuple[str, ...]] = ("inference", "training")

    def operators(self, phase: str) -> OperatorTable:
        """Return the operators of a phase, derived when first asked for.

        Raises `UnknownName` for a phase this model does not have.
        """
        self.require_phase(phase)
        tables = self._tables
        if phase not in tables:
            tables[phase] = self._derive(phase)
        return tables[phase]

    def require_phase(self, phase: str) -> None:
        """Raise `UnknownName` for a phase this model does not have."""
        if phase not in self.phases:
            raise UnknownName(f"phase of {self.name}", phase, self.phases)

    @cached_property
    def _tables(self) -> dict[str, OperatorTable]:
        return {}

    def trace_into(self, twin: Any, make: Callable[[str, Any], Any]) -> None:  # noqa: ARG002 - for subclasses
        """Let a traced copy take its operators from here, instead of deriving them anew."""
        vars(twin)["_derive"] = lambda phase: self.operators(phase).traced(self, phase)

    @abstractmethod
    def _derive(self, phase: str) -> OperatorTable:
        """Build the table of one phase."""

    @cached_property
    def parameters(self) -> float:
        """All trained weights, shared ones counted once."""
        return self.operators("training").parameters

    @cached_property
    def active_parameters(self) -> float:
        """Trained weights that take part in one token: of experts only the chosen ones."""
        table = self.operators("training")
        columns = table.at(0.0)
        routed = (columns.experts > 0) & (np.array(table.kinds) != "embedding")
        chosen = np.where(routed, columns.experts_per_token / np.maximum(columns.experts, 1.0), 1.0)
        stored = columns.parameters * columns.count * chosen
        number: float = as_float(stored[~table.shares_parameters].sum())
        return number

    @property
    def kv_cache_elements_per_token(self) -> float:
        """Values that one token leaves in the key-value cache, over all layers."""
        return 0.0

    def peak_activation_elements(
        self, phase: str, length: Any = None, columns: OperatorColumns | None = None
    ) -> Any:
        """Return the most activation values alive at once, for one sample.

        `columns` may hand in what the operators of the phase are at that length.
        """
        columns = self.operators(phase).at(length) if columns is None else columns
        return (columns.input_elements + columns.output_elements).max(axis=0)


def require_whole(field: str, value: Any) -> None:
    """Raise `InvalidInput` unless a width or count is a whole number above 0.

    >>> require_whole("hidden", 0)
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: hidden: received 0; accepted: a whole number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(field, value, "a whole number above 0")


def require_widths(model: ModelSpec, *fields: str) -> None:
    """Raise `InvalidInput` unless the named fields of a model are whole numbers above 0."""
    for field in fields:
        require_whole(f"{field} of {model.name}", getattr(model, field))
