"""Numbers that remember how they were computed: the ground on which explanations stand.

While a ledger is explained, its simulation runs once more with traced numbers. They behave like
the plain ones, and each operation on them leaves a node that can be evaluated again. Plain
numbers are never traced, so that nothing costs anything when nobody asks.
"""

from __future__ import annotations

import itertools
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

_serial = itertools.count()

# Of these, only the shape of the input counts, or the answer is no number of the derivation.
_SHAPE_ONLY = frozenset(
    ["shape", "ndim", "size", "zeros_like", "ones_like", "empty_like", "result_type", "isscalar"]
)
# Their frames are between an operation and the line of a simulation that asked for it.
_BETWEEN = frozenset(["numpy", "mlsysim.tracing", "mlsysim.formulas.law"])


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """One number of a derivation; nodes that it rests on have lower serial numbers."""

    value: Any
    label: str = ""
    unit: str = ""
    source: str = ""
    note: str = ""
    serial: int = field(default_factory=lambda: next(_serial))

    @property
    def inputs(self) -> list[Node]:
        """The nodes this one is computed from."""
        return []

    def compute(self, values: Mapping[Node, Any]) -> Any:  # noqa: ARG002 - a leaf rests on nothing
        """Return the value that follows from the values of the inputs."""
        return self.value


@dataclass(slots=True, eq=False, kw_only=True)
class Leaf(Node):
    """A number that nothing in the package computes.

    `kind` is "choice", "constant", "fitted", "twin", "model" or "computed" (its trace was lost);
    `name` says which one it is, `field` and `owner` what it states and of whom.
    """

    name: str
    kind: str
    field: str = ""
    owner: str = ""


@dataclass(slots=True, eq=False, kw_only=True)
class Step(Node):
    """A number that a law, or a plain operation, computes from others.

    `law` is the record of the law, None for an operation; `site` is the instruction that asked.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    law: Any = None
    site: tuple[CodeType, int] | None = None

    @property
    def inputs(self) -> list[Node]:
        """The nodes this one is computed from."""
        return [*_nodes_in(self.arguments), *_nodes_in(tuple(self.options.values()))]

    def compute(self, values: Mapping[Node, Any]) -> Any:
        """Return what the function makes of the values of the inputs."""
        options = {name: _filled(value, values) for name, value in self.options.items()}
        return self.function(*_filled(self.arguments, values), **options)


def reachable(root: Node) -> list[Node]:
    """Return a node and all it rests on, inputs first."""
    found, waiting = {root}, [root]
    while waiting:
        new = [node for node in waiting.pop().inputs if node not in found]
        found.update(new)
        waiting.extend(new)
    return sorted(found, key=lambda node: node.serial)


def evaluate(root: Node, changes: Mapping[Node, Any] | None = None) -> Any:
    """Compute a node anew from its leaves, some of which may have other values.

    >>> two = Leaf(name="two", kind="constant", value=2.0)
    >>> product = traced(two) * 3.0
    >>> evaluate(product.node), evaluate(product.node, {two: 5.0})
    (np.float64(6.0), np.float64(15.0))
    """
    values = {node: _numeric(value) for node, value in (changes or {}).items()}
    for node in reachable(root):
        if node not in values:
            values[node] = _numeric(node.compute(values))
    return values[root]


def _numeric(value: Any) -> Any:
    # As `TracedFloat.plain` hands it to functions: with the methods of NumPy's numbers.
    return np.float64(value) if type(value) is float else value


@dataclass(frozen=True, slots=True)
class Method:
    """A method of numbers and arrays as a function, so that a node can call it again."""

    __name__: str

    def __call__(self, owner: Any, *arguments: Any, **options: Any) -> Any:
        """Call the method of a number or an array."""
        return getattr(owner, self.__name__)(*arguments, **options)


class SourcedFloat(float):
    """A plain number that knows its source, so that a trace finds it; it leaves none itself."""

    __slots__ = ("node",)
    node: Leaf

    def __new__(cls, value: float, *, name: str, label: str, unit: str, source: str) -> Self:
        """Make the number together with the leaf it becomes."""
        self = super().__new__(cls, value)
        self.node = Leaf(
            name=name, kind="constant", value=float(value), label=label, unit=unit, source=source
        )
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)

    # A traced number on the right is no subclass of this one, so it must be let through by hand.
    def __add__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else float.__add__(self, other)

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else float.__sub__(self, other)

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else float.__mul__(self, other)

    def __truediv__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else float.__truediv__(self, other)


class About(NamedTuple):
    """What is said about a number besides how it follows."""

    label: str
    unit: str
    source: str
    note: str


class Recorder(Protocol):
    """What hands out traced copies of twins while something is recorded, and knows all steps."""

    steps: dict[Any, Step]

    def traced(self, twin: Any) -> Any:
        """Return the traced copy of a twin, anything else as it is."""


_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def current_recorder() -> Recorder | None:
    """Return the recorder that is recording in this thread, if any.

    >>> current_recorder() is None
    True
    """
    return _recorder.get()


@contextmanager
def recording(recorder: Recorder | None) -> Iterator[None]:
    """Record with a recorder for a while, in this thread; with None, pause recording."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def is_traced(value: Any) -> bool:
    """Tell whether a number remembers how it was computed.

    >>> is_traced(1.0), is_traced(traced(Leaf(name="x", kind="choice", value=1.0)))
    (False, True)
    """
    return isinstance(value, Traced) and value.node is not None


def leads_to_a_source(values: Iterable[Any]) -> bool:
    """Tell whether something is recorded now, and one of the numbers knows its source."""
    return current_recorder() is not None and any(isinstance(v, SourcedFloat) for v in values)


def as_float(value: Any) -> Any:
    """Return a number as a float, an array of one or more axes as it is; a trace is kept.

    >>> as_float(2), as_float(np.array(2)), as_float(np.array([2]))
    (2.0, 2.0, array([2]))
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    if isinstance(value, Traced):
        return value if isinstance(value, TracedFloat) else call(float, (value,))
    return value if isinstance(value, SourcedFloat) else float(value)


def plain(value: Any) -> Any:
    """Return a value without traces: numbers, arrays, and lists and tuples of them."""
    if isinstance(value, Traced):
        return value.plain()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(plain(each) for each in value)
    return value


def traced(node: Node) -> Any:
    """Return the number of a node, carrying it."""
    return _carrying(node.value, node)


def node_of(value: Any) -> Node | None:
    """Return the node a number carries, None where it is plain."""
    node: Node | None = getattr(value, "node", None)
    return node if isinstance(value, Traced | SourcedFloat) else None


def call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: Mapping[str, Any] | None = None,
    law: Any = None,
    about: About | None = None,
) -> Any:
    """Call a function on the plain values of traced numbers, and trace its result.

    While something is recorded, the same call on the same nodes is the same node.
    """
    options = options or {}
    noded = _noded(arguments), {name: _noded(each) for name, each in options.items()}
    recorder = _recorder.get()
    key = None if recorder is None else _key(function, *noded)
    if recorder is not None and key in recorder.steps:
        step = recorder.steps[key]
        known = step.value
        return _carrying(known.copy() if isinstance(known, np.ndarray) else known, step)
    result = function(*plain(arguments), **{name: plain(each) for name, each in options.items()})
    step = Step(
        value=result,
        function=function,
        arguments=noded[0],
        options=noded[1],
        law=law,
        site=_site(),
    )
    if about is not None:
        step.label, step.unit, step.source, step.note = about
    if recorder is not None and key is not None:
        recorder.steps[key] = step
    return _carrying(result, step)


def _key(function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what tells a call from others, None where it has an array or a list in it."""
    given = (*arguments, *options.items())
    if not all(isinstance(each, Node | int | float | str | tuple | np.ufunc) for each in given):
        return None
    key = (function, *((type(each), each) for each in given))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _site() -> tuple[CodeType, int] | None:
    frame = sys._getframe(2)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in _BETWEEN and module.partition(".")[0] != "numpy":
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None


def _carrying(value: Any, node: Node) -> Any:
    if isinstance(value, bool | np.bool_):
        return value
    if isinstance(value, np.ndarray):
        carrying = value.view(TracedArray)
        carrying.node = node
        return carrying
    for kinds, number in ((int | np.integer, TracedInt), (float | np.floating, TracedFloat)):
        if isinstance(value, kinds):
            carrier = number(value)
            carrier.node = node
            return carrier
    if isinstance(value, list | tuple):
        return type(value)(
            _carrying(
                each,
                Step(value=each, function=operator.getitem, arguments=(node, index), options={}),
            )
            for index, each in enumerate(value)
        )
    return value


def _noded(value: Any) -> Any:
    node = node_of(value)
    if node is not None:
        return node
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_noded(each) for each in value)
    return plain(value)


def _filled(value: Any, values: Mapping[Node, Any]) -> Any:
    if isinstance(value, Node):
        return values[value]
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_filled(each, values) for each in value)
    return value


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _nodes_in(each)


def _method(name: str) -> Callable[..., Any]:
    function = Method(name)

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        return call(function, (self, *arguments), options)

    return method


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *others: Any) -> Any:
        return call(function, (self, *others)) if _numbers(others) else NotImplemented

    return method


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        return call(function, (other, self)) if _numbers((other,)) else NotImplemented

    return method


def _comparison(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return call(function, (self, other))
        return function(self.plain(), plain(other))

    return method


def _numbers(values: tuple[Any, ...]) -> bool:
    return all(isinstance(each, int | float | np.generic | np.ndarray) for each in values)


def _assigned(array: Any, key: Any, value: Any) -> Any:
    copy = np.array(array)
    copy[key] = value
    return copy


def _into(function: Callable[..., Any], out: Any, *arguments: Any, **options: Any) -> Any:
    return function(*arguments, out=np.array(out), **options)


class Traced:
    """What all traced numbers share; `node` is None where a trace was lost."""

    node: Node | None = None

    def plain(self) -> Any:
        """Return the number without its trace."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Trace a universal function or its reduction; what goes to `out` is written there."""
        (out,) = options.pop("out", None) or (None,)
        function = ufunc if method == "__call__" else Method(method)
        arguments = inputs if method == "__call__" else (ufunc, *inputs)
        if out is None:
            return call(function, arguments, options)
        result = call(_into, (function, out, *arguments), options)
        if isinstance(out, TracedArray):
            out.become(result)
            return out
        out[...] = plain(result)
        return result

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Trace a function of NumPy."""
        if function.__name__ in _SHAPE_ONLY:
            return function(*plain(args), **{name: plain(each) for name, each in options.items()})
        return call(function, tuple(args), options)


_UFUNCS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
}
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
_ROUNDINGS = ("ceil", "floor", "round", "trunc")
_REDUCTIONS = ("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "std", "sum", "var")
_RESHAPINGS = ("copy", "flatten", "ravel", "repeat", "reshape", "squeeze", "swapaxes", "transpose")
_OTHERS = ("astype", "clip", "cumprod", "cumsum", "dot", "round", "take")


class TracedFloat(Traced, np.float64):  # type: ignore[misc]  # so NumPy declares its number
    """A traced number."""

    __hash__ = np.float64.__hash__

    def plain(self) -> Any:
        """Return the number without its trace."""
        return np.float64(float(self))

    def item(self, *_: Any) -> Any:
        """Return the number itself, with its trace."""
        return self

    def __neg__(self) -> Any:
        return call(np.negative, (self,))

    def __abs__(self) -> Any:
        return call(np.abs, (self,))

    def __getitem__(self, key: Any) -> Any:
        return call(operator.getitem, (self, key))


class TracedInt(Traced, int):
    """A traced whole number; a plain float on its left sees no more than the number."""

    __hash__ = int.__hash__

    def plain(self) -> Any:
        """Return the number without its trace."""
        return int(self)

    def item(self) -> Any:
        """Return the number itself, with its trace."""
        return self

    def __neg__(self) -> Any:
        return call(operator.neg, (self,))

    def __abs__(self) -> Any:
        return call(operator.abs, (self,))


class TracedArray(Traced, np.ndarray):
    """A traced array."""

    __hash__ = None

    def plain(self) -> Any:
        """Return the array without its trace."""
        return self.view(np.ndarray)

    def item(self, *place: Any) -> Any:
        """Return one number of the array, with its trace."""
        return call(Method("item"), (self, *place))

    def __getitem__(self, key: Any) -> Any:
        return call(operator.getitem, (self, key))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.become(call(_assigned, (self, key, value)))

    def become(self, changed: Any) -> None:
        """Take over the values and the trace of another array; what was recorded stays."""
        if self.node is not None:
            self.node.value = np.array(self.node.value)
        self.plain()[...] = plain(changed)
        self.node = node_of(changed)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    @property
    def T(self) -> Any:  # noqa: N802 - as NumPy spells it
        """The array with its axes reversed."""
        return self.transpose()


def _equip() -> None:
    for name, ufunc in _UFUNCS.items():
        whole = getattr(operator, name)
        for kind, function in ((TracedFloat, ufunc), (TracedInt, whole)):
            setattr(kind, f"__{name}__", _operation(function))
            setattr(kind, f"__r{name}__", _reflected(function))
        # In place means a new array under the old name: what was recorded must not change.
        setattr(TracedArray, f"__i{name}__", _operation(ufunc))
    for name in _COMPARISONS:
        for kind in (TracedFloat, TracedInt):
            setattr(kind, f"__{name}__", _comparison(getattr(operator, name)))
    for name in _ROUNDINGS:
        setattr(TracedFloat, f"__{name}__", _method(f"__{name}__"))
    for name in (*_REDUCTIONS, *_RESHAPINGS, *_OTHERS):
        setattr(TracedFloat, name, _method(name))
        setattr(TracedArray, name, _method(name))


_equip()
