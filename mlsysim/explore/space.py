"""The part of a design space that is looked at: which choices vary, and over what."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.errors import InvalidInput, MLSysimError, UnknownName
from mlsysim.ledger import SystemLedger

WHOLE_RANGE = "all"
POINTS_OF_A_RANGE = 25


class MissingLibrary(MLSysimError, ImportError):
    """A library that only some installations have.

    >>> print(MissingLibrary("xarray", "explore"))
    xarray is not installed; it comes with: pip install 'mlsysim[explore]'
    """

    def __init__(self, library: str, extra: str):
        super().__init__(
            f"{library} is not installed; it comes with: pip install 'mlsysim[{extra}]'"
        )


def library(name: str, extra: str = "explore") -> Any:
    """Import a library when it is first needed, or say how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibrary(name.partition(".")[0], extra) from error


class Explorable(Protocol):
    """What can be explored: something that declares choices and evaluates them."""

    choices: tuple[Choice, ...]

    def complete(self, choice: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the whole choice, checked."""

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return what a choice leads to."""


@dataclass(frozen=True)
class Axis:
    """One choice that varies, and the values it takes.

    Those of a `vectorized` axis are evaluated together, as an array. A `continuous` one stands for
    a range, of which `values` are only samples.
    """

    choice: Choice
    values: Any
    continuous: bool = False

    @property
    def name(self) -> str:
        """The name of the choice."""
        return self.choice.name

    @property
    def vectorized(self) -> bool:
        """Whether all values go into one evaluation."""
        return isinstance(self.choice, NumberChoice) and not self.choice.structural

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps are equal ratios."""
        return getattr(self.choice, "scale", "") == "log" and self.values[0] > 0

    @property
    def attributes(self) -> dict[str, str]:
        """What a plot writes at the axis."""
        unit = getattr(self.choice, "unit", "")
        named = {"long_name": self.choice.label}
        return {**named, "units": unit} if unit not in ("", "dimensionless") else named


@dataclass(frozen=True)
class Space:
    """The choices that vary, and what the others are held at."""

    simulation: Explorable
    fixed: Mapping[str, Any]
    axes: tuple[Axis, ...]

    @property
    def separate(self) -> tuple[Axis, ...]:
        """The axes of which each value is evaluated by itself."""
        return tuple(axis for axis in self.axes if not axis.vectorized)

    @property
    def together(self) -> tuple[Axis, ...]:
        """The axes of which all values are evaluated at once."""
        return tuple(axis for axis in self.axes if axis.vectorized)


def space_of(simulation: Explorable, given: Mapping[str, Any]) -> Space:
    """Return the space that keywords of a sweep describe.

    A list or array gives values, a pair in a tuple a range, "all" everything that is declared; a
    single value holds the choice fixed. Raises `InvalidInput` or `UnknownName`.
    """
    declared = {choice.name: choice for choice in simulation.choices}
    axes, fixed = [], {}
    for name, value in given.items():
        if name not in declared:
            raise UnknownName("choice", name, declared)
        axis = _axis(declared[name], value)
        if axis is None:
            fixed[name] = value
        else:
            axes.append(axis)
    if not axes:
        example = next(iter(declared), "a choice")
        raise InvalidInput("choices to vary", dict(given), f"at least one, such as {example}='all'")
    # Options first: each of their combinations is one block of a result.
    ordered = sorted(axes, key=lambda axis: axis.vectorized)
    return Space(simulation, simulation.complete(fixed), tuple(ordered))


def _axis(choice: Choice, value: Any) -> Axis | None:
    if isinstance(choice, OptionChoice):
        return _options(choice, value)
    return _numbers(choice, value) if isinstance(choice, NumberChoice) else None


def _options(choice: OptionChoice, value: Any) -> Axis | None:
    if isinstance(value, str) and not _is_all(value):
        return None
    names = [option.value for option in choice.listed()] if _is_all(value) else value
    if not isinstance(names, Sequence | np.ndarray) or not len(names):
        raise InvalidInput(choice.name, value, "a name, a list of names, or 'all'")
    return Axis(choice, [choice.validate(name) for name in names])


def _numbers(choice: NumberChoice, value: Any) -> Axis | None:
    if _is_all(value):
        return _range(choice, choice.minimum, choice.maximum)
    if isinstance(value, tuple):
        if len(value) != 2:
            raise InvalidInput(choice.name, value, "a pair (low, high), or a list of values")
        return _range(choice, *(choice.validate(end) for end in value))
    if isinstance(value, list | range | np.ndarray) and np.ndim(value):
        each = [choice.validate(one) for one in value]
        if not each:
            raise InvalidInput(choice.name, value, "at least one value")
        return Axis(choice, np.array(each))
    return None


def _is_all(value: Any) -> bool:
    return isinstance(value, str) and value == WHOLE_RANGE


def _range(choice: NumberChoice, low: float, high: float) -> Axis:
    if not low < high:
        raise InvalidInput(choice.name, (low, high), "a low end below the high one")
    spread = np.geomspace if choice.scale == "log" and low > 0 else np.linspace
    values = np.clip(spread(low, high, POINTS_OF_A_RANGE), low, high)
    if choice.integer:
        few = high - low < POINTS_OF_A_RANGE
        values = np.arange(low, high + 1) if few else np.unique(np.round(values))
        return Axis(choice, values.astype(int), continuous=not few)
    return Axis(choice, values, continuous=True)
