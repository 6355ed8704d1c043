"""Recorded operations written as people write arithmetic."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mlsysim.tracing import Leaf, Node, Step, node_of, reachable, traced
from mlsysim.units import LADDERS, humanize, number_text, unit_text

_COMPARED, _ADDED, _MULTIPLIED, _ALONE = range(4)
_INFIX = {
    "add": ("+", _ADDED),
    "subtract": ("-", _ADDED),
    "sub": ("-", _ADDED),
    "multiply": ("·", _MULTIPLIED),
    "mul": ("·", _MULTIPLIED),
    "divide": ("/", _MULTIPLIED),
    "true_divide": ("/", _MULTIPLIED),
    "truediv": ("/", _MULTIPLIED),
    "floor_divide": ("//", _MULTIPLIED),
    "floordiv": ("//", _MULTIPLIED),
    "remainder": ("mod", _MULTIPLIED),
    "mod": ("mod", _MULTIPLIED),
    "greater": (">", _COMPARED),
    "gt": (">", _COMPARED),
    "greater_equal": ("≥", _COMPARED),
    "ge": ("≥", _COMPARED),
    "less": ("<", _COMPARED),
    "lt": ("<", _COMPARED),
    "less_equal": ("≤", _COMPARED),
    "le": ("≤", _COMPARED),
    "equal": ("=", _COMPARED),
    "eq": ("=", _COMPARED),
    "bitwise_and": ("and", _COMPARED),
    "logical_and": ("and", _COMPARED),
    "bitwise_or": ("or", _COMPARED),
    "logical_or": ("or", _COMPARED),
}
_WORDS = {
    "maximum": "max",
    "minimum": "min",
    "amax": "max",
    "amin": "min",
    "sqrt": "√",
    "cbrt": "∛",
    "sum": "Σ ",
    "negative": "-",
    "neg": "-",
    "invert": "not ",
    "logical_not": "not ",
    "log": "ln",
}
_PREFIXES = ("√", "∛", "Σ ", "-", "not ")
_ACROSS = frozenset(["sum", "max", "min", "mean", "amax", "amin", "prod"])
_SAME = frozenset(
    ["item", "reshape", "astype", "ravel", "squeeze", "copy", "flatten", "float", "broadcast_to"]
)
_KEEPS_UNIT = frozenset(
    ["add", "subtract", "sub", "where", "negative", "neg", "getitem", "take_along_axis", "clip",
     "absolute", "abs", "maximum", "minimum", "mean", "cumsum", "ceil", "floor", "round",
     *_ACROSS, *_SAME]
)  # fmt: skip
_ADDITIVE = ("second", "byte", "flop", "parameter", "joule", "kilogram_CO2e", "USD", "litre")


# Of a law with more of them, such as an iteration, the numbers put in would be no help.
_MOST_OPERATIONS = 40
_SCALES = ("multiply", "mul", "divide", "true_divide", "truediv")


class Text(NamedTuple):
    """A piece of arithmetic, how tightly it holds together, and its value if it is a number."""

    words: str
    binding: int
    value: Any = None


def name_of(step: Step) -> str:
    """Return the name of the function of a step: of its reduction, where it is one."""
    name = str(getattr(step.function, "__name__", "function"))
    if name == "reduce":
        reduced = getattr(step.arguments[0], "__name__", "")
        return {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(
            reduced, reduced
        )
    return name


def core(node: Node) -> Node | Any:
    """Return what a node really shows: shapes changed, zeros added and ones multiplied are not.

    That is a node, or a plain number where a choice by a mask comes down to one.
    """
    while isinstance(node, Step) and node.law is None and not node.label:
        inner = _shown(node)
        if inner is node:
            return node
        if not isinstance(inner, Node):
            return inner
        node = inner
    return node


def _shown(step: Step) -> Any:
    name, inputs = name_of(step), step.inputs
    if name == "where" and not isinstance(step.arguments[0], Node):
        return _chosen(step)
    if len(inputs) != 1:
        return step
    alone = np.size(step.value) == np.size(inputs[0].value)
    if (name in _SAME or (name in _ACROSS and np.size(inputs[0].value) == 1)) and alone:
        return inputs[0]
    if name == "getitem" and np.size(inputs[0].value) in (1, np.size(step.value)):
        return inputs[0]
    neutral = {"add": 0.0, "multiply": 1.0, "mul": 1.0, "divide": 1.0, "true_divide": 1.0}
    others = [each for each in step.arguments if not isinstance(each, Node)]
    if name in neutral and len(others) == 1 and alone and np.all(others[0] == neutral[name]):
        divided = "divide" in name and step.arguments[0] is others[0]
        return step if divided else inputs[0]
    return step


def _chosen(step: Step) -> Any:
    condition, one, other = step.arguments
    if np.all(condition):
        return one
    return step if np.any(condition) else other


def unit_from_inputs(step: Step, unit_of: Callable[[Node], str]) -> str:
    """Return the unit of an operation that keeps the unit of what it is given, else nothing."""
    name = name_of(step)
    if name in _KEEPS_UNIT:
        return next(filter(None, (unit_of(each) for each in step.inputs)), "")
    if name not in _SCALES or not isinstance(step.arguments[0], Node):
        return ""
    # Small numbers count things; large ones convert units.
    others = step.arguments[1:]
    units = [unit_of(each) for each in others if isinstance(each, Node)]
    numbers = [each for each in others if not isinstance(each, Node)]
    plain = all(unit == "dimensionless" for unit in units) and np.all(np.abs(numbers or 1) < 60)
    return unit_of(step.arguments[0]) if plain else ""


def value_text(value: Any, unit: str, noun: str = "values") -> str:
    """Write a value with its unit; of an array, how many numbers, their range and their sum.

    >>> value_text(0.25, "second"), value_text(np.array([1.0, 3.0]), "second")
    ('250 ms', '2 values, 1 s … 3 s, Σ = 4 s')
    """
    array = np.asarray(value)
    if array.size != 1:
        low, high = (_number(end, unit) for end in (array.min(), array.max()))
        total = f", Σ = {_number(array.sum(), unit)}" if unit in _ADDITIVE else ""
        return f"{array.size:,} {noun}, {low} … {high}{total}"
    return _number(array.item(), unit)


def _number(value: Any, unit: str) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if unit in LADDERS and unit != "dimensionless":
        return humanize(float(value), unit)
    return f"{number_text(float(value))} {unit_text(unit)}".rstrip()


def put_in(law: Any, given: Mapping[str, Any]) -> str:
    """Return a law's right side with its numbers put in, empty where that would be no help.

    The law computes it: it is run once with symbols that print as the numbers.
    """
    symbols = {}
    for name, value in given.items():
        plain = value.value if isinstance(value, Node) else value
        words = value_text(plain, law.units[name])
        if np.size(plain) > 1:
            words = name.replace("_", " ")
        shown = float(np.asarray(plain).item()) if np.size(plain) == 1 else plain
        symbols[name] = traced(Leaf(value=shown, name=name, kind="symbol", label=words))
    node = node_of(law.bare(**symbols))
    if node is None or _written_size(node) > _MOST_OPERATIONS:
        return ""
    words = expression(node, lambda each: each.label if isinstance(each, Leaf) else "").words
    return words if len(words) <= 160 else ""


def _written_size(root: Node) -> int:
    """Return how many operations the expression has; those of an iteration double each time."""
    sizes: dict[Node, int] = {}
    for node in reachable(root):
        sizes[node] = 1 + sum(sizes[inner] for inner in node.inputs)
    return sizes[root]


def arguments_of(step: Step) -> dict[str, Any]:
    """Return what a law was given, by the names of its arguments."""
    bound = inspect.signature(step.law.bare).bind(*step.arguments, **step.options)
    return dict(bound.arguments)


def expression(node: Any, title: Callable[[Node], str], *, top: bool = True) -> Text:
    """Write a node in terms of those that have a title; `top` is written out all the same."""
    node = core(node) if isinstance(node, Node) else node
    if not isinstance(node, Node):
        uniform = np.size(node) and np.all(np.asarray(node) == np.ravel(node)[0])
        return Text(_literal(node), _ALONE, np.ravel(node)[0] if uniform else None)
    named = title(node)
    if named and not (top and isinstance(node, Step)):
        return Text(named, _ALONE)
    if isinstance(node, Leaf):
        return Text(node.label or node.name, _ALONE)
    assert isinstance(node, Step)  # noqa: S101 - a node is one or the other
    return _written(node, lambda each: expression(each, title, top=False))


def _written(step: Step, write: Callable[[Any], Text]) -> Text:
    name = name_of(step)
    if name in _INFIX and len(step.arguments) == 2:
        return _infix(*_INFIX[name], *(write(each) for each in step.arguments))
    if name in _FORMS and len(step.arguments) == _FORMS[name][0]:
        return Text(_FORMS[name][1](step, write), _ALONE)
    word = _WORDS.get(name, name)
    if len(step.inputs) == 1 and word in _PREFIXES:
        return Text(f"{word}{_held(write(step.inputs[0]), _ALONE)}", _ALONE)
    given = [each for each in (*step.arguments, *_inputs(step)) if not callable(each)]
    shown = given[:1] if name in _ACROSS else given
    words = ", ".join(write(each).words for each in shown)
    return Text(f"{word.strip('_').replace('_', ' ')}({words})", _ALONE)


def _inputs(step: Step) -> list[Any]:
    """Return the options that are numbers of the derivation, as laws inside laws are given them."""
    return [each for each in step.options.values() if isinstance(each, Node)]


def _power(step: Step, write: Callable[[Any], Text]) -> str:
    base, exponent = (_held(write(each), _ALONE) for each in step.arguments)
    return f"√{base}" if exponent == "0.5" else f"{base}^{exponent}"


def _where(step: Step, write: Callable[[Any], Text]) -> str:
    condition, one, other = step.arguments
    words = f"for {np.count_nonzero(condition)} of {np.size(condition)}"
    if isinstance(condition, Node):
        words = f"where {write(condition).words}"
    return f"({write(one).words} {words}, else {write(other).words})"


def _element(step: Step, write: Callable[[Any], Text]) -> str:
    owner, key = step.arguments
    if isinstance(key, int):
        held = _held(write(owner), _ALONE)
        return f"last {held}" if key == -1 else f"{held}[{key}]"
    before, after = np.size(core_value(owner)), np.size(step.value)
    return f"{_held(write(owner), _ALONE)} ({after} of {before})"


def _at(step: Step, write: Callable[[Any], Text]) -> str:
    owner, place = step.arguments
    return f"{_held(write(owner), _ALONE)} at {_held(write(place), _ALONE)}"


_FORMS: dict[str, tuple[int, Callable[[Step, Callable[[Any], Text]], str]]] = {
    "power": (2, _power),
    "pow": (2, _power),
    "where": (3, _where),
    "getitem": (2, _element),
    "take_along_axis": (2, _at),
}


def core_value(value: Any) -> Any:
    """Return the value of a node, or the value itself where it is none."""
    return value.value if isinstance(value, Node) else value


def _infix(sign: str, binding: int, left: Text, right: Text) -> Text:
    neutral = {"·": 1.0, "/": 1.0, "+": 0.0, "-": 0.0}.get(sign)
    if right.value is not None and right.value == neutral:
        return left
    if left.value is not None and left.value == neutral and sign in ("·", "+"):
        return right
    # A difference or quotient on the right must keep its brackets.
    tight = binding + 1 if sign in ("-", "/", "//", "mod") else binding
    return Text(f"{_held(left, binding)} {sign} {_held(right, tight)}", binding)


def _held(text: Text, binding: int) -> str:
    return text.words if text.binding >= binding else f"({text.words})"


def _literal(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        if value.size and np.all(value == value.flat[0]):
            return _literal(value.flat[0].item())
        numeric = value.size and value.dtype.kind in "iuf"
        ends = f"{number_text(value.min())} … {number_text(value.max())}" if numeric else "…"
        return f"⟨{ends}⟩"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(core_value(each)) for each in value)}]"
    return getattr(value, "__name__", "…")
