"""What a simulation lets people choose, declared once.

Validation, controls, command line options, documentation and fuzz tests are all made from these
declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from mlsysim.errors import InvalidInput, UnknownName, describe_bounds, require_number
from mlsysim.units import to_unit


class Option(NamedTuple):
    """One thing to pick: its value, how people read it, and the heading it stands under."""

    value: str
    label: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Something people decide: a name, a label, a default and a help text.

    A default (or any other field) may be a function of the simulation, for what depends on the
    application: `resolve` puts in its value. `applies` tells whether the choice makes sense for a
    simulation at all; where it does not, it is not offered.
    """

    name: str
    label: str
    help: str
    default: Any
    applies: Callable[[Any], bool] | None = None

    def resolve(self, simulation: Any) -> Self:
        """Return the declaration as it stands for one simulation, with its default checked."""
        worked_out = {
            field: value(simulation)
            for field, value in vars(self).items()
            if callable(value) and field != "applies" and not isinstance(value, Mapping)
        }
        resolved = replace(self, **worked_out)
        return replace(resolved, default=resolved.validate(resolved.default))

    def validate(self, value: Any) -> Any:
        """Return the value in the declared form, or raise `InvalidInput`."""
        raise InvalidInput(self.name, value, "a NumberChoice or an OptionChoice")


@dataclass(frozen=True, kw_only=True)
class NumberChoice(Choice):
    """A number with a unit and bounds; `integer` numbers must be whole.

    `scale` is "linear" or "log": how a slider should run over the range. A `structural` number
    changes the structure of the computation, so that a sweep evaluates each of its values by
    itself; all others may come as arrays, one entry for each point of a sweep.

    >>> days = NumberChoice(name="duration_days", label="Duration", help="", unit="day",
    ...                     minimum=1, maximum=3650, default=365)
    >>> days.validate("36 hour")
    1.5
    >>> days.validate(-30)
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: duration_days: received -30; \
accepted: a number of day from 1 to 3650.
    """

    unit: str
    minimum: Any
    maximum: Any
    integer: bool = False
    scale: str = "linear"
    structural: bool = False

    @property
    def accepted(self) -> str:
        """The accepted values in words."""
        noun = "a whole number" if self.integer else "a number"
        unit = "" if self.unit == "dimensionless" else f" of {self.unit}"
        return describe_bounds(self.minimum, self.maximum, noun=f"{noun}{unit}")

    def validate(self, value: Any) -> Any:
        """Return the number, or array of numbers, in the declared unit, or raise `InvalidInput`."""
        plain = to_unit(self.name, value, self.unit)
        if isinstance(plain, np.ndarray) and plain.ndim and not self.structural:
            return self._validate_each(plain)
        try:
            number = require_number(self.name, plain, minimum=self.minimum, maximum=self.maximum)
        except InvalidInput:
            raise InvalidInput(self.name, value, self.accepted) from None
        if not self.integer:
            return number
        if number != int(number):
            raise InvalidInput(self.name, value, self.accepted)
        return int(number)

    def _validate_each(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if not values.size or values.dtype.kind not in "iuf":
            raise InvalidInput(self.name, values, f"{self.accepted}, or an array of such numbers")
        good = np.isfinite(values) & (values >= self.minimum) & (values <= self.maximum)
        if self.integer:
            good &= values == np.floor(values)
        if not good.all():
            raise InvalidInput(self.name, values[~good].flat[0], self.accepted)
        return values.astype(float)


@dataclass(frozen=True, kw_only=True)
class OptionChoice(Choice):
    """One of several names; `options` is a tuple of names or a registry of twins.

    >>> pick = OptionChoice(name="policy", label="Policy", help="", options=("fifo", "fair"),
    ...                     default="fifo")
    >>> pick.validate("fair")
    'fair'
    >>> pick.validate("fiffo")
    Traceback (most recent call last):
    mlsysim.errors.UnknownName: policy: received 'fiffo'; accepted: fifo, fair. \
Did you mean 'fifo'?
    """

    options: (
        tuple[str, ...]
        | Mapping[str, Any]
        | Callable[[Any], tuple[str, ...]]
        | Callable[[Any], Mapping[str, Any]]
    )

    def validate(self, value: Any) -> str:
        """Return the name as the registry spells it, or raise `UnknownName`.

        A whole number stands for the option that is written like it.
        """
        name = str(value) if type(value) is int else value
        if not isinstance(name, str) or name not in self._offered:
            raise UnknownName(self.name, value, self._offered)
        return str(getattr(self._offered[name], "name", name))

    def listed(self) -> tuple[Option, ...]:
        """Return the options with the labels and headings people read."""
        return tuple(
            Option(name, getattr(twin, "label", name), getattr(twin, "group", ""))
            for name, twin in self._offered.items()
        )

    @property
    def _offered(self) -> Mapping[str, Any]:
        options: Any = self.options
        return options if isinstance(options, Mapping) else dict.fromkeys(options)


class Labelled(NamedTuple):
    """An option that is no twin: the name people type, and the label they read."""

    name: str
    label: str
    group: str = ""


def labelled(labels: Mapping[str, str]) -> dict[str, Labelled]:
    """Return options from a dictionary of names and labels.

    >>> labelled({"ring": "Around a ring"})["ring"].label
    'Around a ring'
    """
    return {name: Labelled(name, label) for name, label in labels.items()}


def value_of(text: str) -> Any:
    """Return a bare number as one; names and quantities stay text, for the choice to read.

    >>> value_of("3"), value_of("1.5"), value_of("36 hour")
    (3, 1.5, '36 hour')
    """
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text
