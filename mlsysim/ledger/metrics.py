"""The parts a ledger is made of: metrics with units, notes in words, and groups of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from mlsysim import units
from mlsysim.arrays import all_finite, ndim
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.tracing import as_float

# Most numbers are of these types, and need no more checks than whether they are finite.
_PLAIN_NUMBERS = (float, np.float64)


class Metric:
    """One number of a group: kept as a plain SI number, handed out as a quantity.

    `better` is "lower", "higher" or None where neither end is an aim.
    """

    def __init__(self, unit: str, label: str, description: str, better: str | None = None):
        self.unit = unit
        self.label = label
        self.description = description
        self.better = better
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, group: Group | None, owner: type | None = None) -> Any:
        """Return the quantity of a group, None where it does not apply."""
        if group is None:
            return self
        value = group.si(self.name)
        return value if value is None else units.quantity(value, self.unit)

    def __set__(self, group: Group, value: Any) -> None:
        raise AttributeError(f"{self.name} of a ledger cannot be changed; evaluate again instead")


class Note(Metric):
    """One fact of a group in words, such as which limit binds."""

    def __init__(self, label: str, description: str):
        super().__init__("", label, description)

    def __get__(self, group: Group | None, owner: type | None = None) -> Any:
        return self if group is None else group.si(self.name)


class Interval(NamedTuple):
    """Where 80 % of measurements of a predicted number would lie, in the unit of its metric."""

    low: Any
    high: Any


class Factors(NamedTuple):
    """The ends of an interval over the value between them."""

    low: Any
    high: Any


# Ends, or what they are worked out from when somebody asks: most intervals of a sweep never are.
Ends = Interval | Factors | Callable[[], tuple[Any, Any]]


class Group:
    """An immutable set of metrics; those not given are None: they do not apply.

    Values are SI numbers, quantities, or strings with a unit; a name may end in a unit of its
    ladder, both going in and coming out.

    >>> class Trip(Group):
    ...     duration = Metric("second", "Duration", "From door to door.", "lower")
    >>> Trip(duration_hours=2).duration_minutes, Trip(duration="2 hour").si("duration")
    (120.0, 7200.0)
    >>> Trip(duraton=1.0)
    Traceback (most recent call last):
    mlsysim.errors.UnknownName: Trip: received 'duraton'; accepted: duration. \
Did you mean 'duration'?
    """

    metrics: ClassVar[Mapping[str, Metric]] = {}
    _values: Mapping[str, Any]
    _intervals: Mapping[str, Ends]

    def __init_subclass__(cls) -> None:
        declared = {name: m for name, m in vars(cls).items() if isinstance(m, Metric)}
        cls.metrics = {**cls.metrics, **declared}

    def __init__(self, **values: Any):
        given: dict[str, Any] = {}
        metrics, isfinite = self.metrics, math.isfinite
        for name, value in values.items():
            if name in metrics:
                if value is None:
                    given[name] = None
                    continue
                if type(value) in _PLAIN_NUMBERS and isfinite(value):
                    given[name] = float(value)
                    continue
            metric, factor = self._resolve(name)
            scaled = value if value is None or factor == 1.0 else value * factor
            given[metric.name] = self._checked(metric, scaled)
        object.__setattr__(self, "_values", given)
        object.__setattr__(self, "_intervals", {})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} of a ledger cannot be changed; evaluate again instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} of a ledger cannot be removed")

    @classmethod
    def _resolve(cls, name: str) -> tuple[Metric, float]:
        if name in cls.metrics:
            return cls.metrics[name], 1.0
        for metric in cls.metrics.values():
            if metric.unit and name.startswith(f"{metric.name}_"):
                factor = units.scale_of(metric.unit, name[len(metric.name) + 1 :])
                if factor is not None:
                    return metric, factor
        raise UnknownName(cls.__name__, name, cls.metrics)

    @classmethod
    def _checked(cls, metric: Metric, value: Any) -> Any:
        if value is None or not metric.unit:
            return value
        if type(value) in _PLAIN_NUMBERS and math.isfinite(value):
            return float(value)
        field = f"{cls.__name__}.{metric.name}"
        if isinstance(value, str) or units.is_quantity(value):
            value = units.to_unit(field, value, metric.unit)
        try:
            finite = math.isfinite(value)
        except TypeError:
            finite = isinstance(value, np.ndarray) and bool(np.isfinite(value).all())
        if not finite or isinstance(value, bool):
            raise InvalidInput(field, value, f"a finite number in {metric.unit}")
        return value if isinstance(value, np.ndarray) and value.ndim else as_float(value)

    def si(self, name: str) -> Any:
        """Return the plain SI number (or array) of a metric, or the words of a note."""
        value = self._values.get(name)
        if value is None and name not in self.metrics:
            raise UnknownName(type(self).__name__, name, self.metrics)
        return value

    def rest(self, total: str, parts: Iterable[str]) -> Any:
        """Return what the parts that apply leave of a total.

        >>> class Trip(Group):
        ...     duration = Metric("second", "Duration", "From door to door.", "lower")
        ...     walk = Metric("second", "Walk", "On foot.", "lower")
        >>> Trip(duration=100.0, walk=40.0).rest("duration", ["walk"])
        60.0
        """
        known = (self.si(part) for part in parts)
        return self.si(total) - sum(part for part in known if part is not None)

    def within(self, **ends: float | Ends | tuple[Any, Any]) -> Self:
        """Return a copy whose named metrics carry an interval.

        It is given as a factor each way, as two `Factors`, as two ends, or as a function that
        returns the ends when they are asked for.

        >>> class Trip(Group):
        ...     duration = Metric("second", "Duration", "From door to door.", "lower")
        >>> Trip(duration=100.0).within(duration=1.25).interval_text("duration")
        '1.33 min to 2.08 min'
        """
        copy = self._copy()
        intervals = dict(self._intervals)
        for name, given in ends.items():
            if self.si(name) is None:
                continue
            if callable(given) or isinstance(given, Factors):
                intervals[name] = given
            elif isinstance(given, tuple):
                metric = self.metrics[name]
                intervals[name] = Interval(*(self._checked(metric, end) for end in given))
            else:
                intervals[name] = Factors(1.0 / given, given)
        object.__setattr__(copy, "_intervals", intervals)
        return copy

    def interval(self, name: str) -> Interval | None:
        """Return the interval of a metric as quantities, None where none was worked out."""
        ends = self.si_interval(name)
        if ends is None:
            return None
        unit = self.metrics[name].unit
        return Interval(*(units.quantity(end, unit) for end in ends))

    def si_interval(self, name: str) -> Interval | None:
        """Return the interval of a metric as plain SI numbers."""
        value, given = self.si(name), self._intervals.get(name)
        if given is None:
            return None
        if isinstance(given, Factors):
            ends: tuple[Any, Any] = (value * given.low, value * given.high)
        else:
            ends = given() if callable(given) else given
        return Interval(*(self._checked(self.metrics[name], end) for end in ends))

    def interval_text(self, name: str) -> str:
        """Return the interval of a metric the way people read it, empty where there is none."""
        ends = self.si_interval(name)
        if ends is None:
            return ""
        if isinstance(ends.low, np.ndarray):
            return ""
        unit = self.metrics[name].unit
        low, high = (units.humanize(end, unit) for end in ends)
        return "" if low == high else f"{low} to {high}"

    def text(self, name: str) -> str:
        """Return a metric the way people read it, with unit."""
        metric, value = self.metrics[name], self.si(name)
        if not metric.unit:
            return "–" if value is None else str(value)
        if isinstance(value, np.ndarray):
            low, high = (
                units.humanize(float(end), metric.unit) for end in (value.min(), value.max())
            )
            return f"{low} … {high} ({value.size} values)"
        return units.humanize(value, metric.unit)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        metric, factor = self._resolve(name)
        value = self.si(metric.name)
        return None if value is None else value / factor

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.metrics if self._values.get(name) is not None)

    def _copy(self) -> Self:
        copy = object.__new__(type(self))
        object.__setattr__(copy, "_values", self._values)
        object.__setattr__(copy, "_intervals", self._intervals)
        return copy

    def reshaped(self, shape: tuple[int, ...]) -> Self:
        """Return a copy whose arrays have another shape; intervals by factors are kept."""

        def shaped(value: Any) -> Any:
            if not isinstance(value, np.ndarray) or not value.ndim:
                return value
            # What depends on nothing that varies has one entry, whatever the shape.
            return value.reshape(shape if value.size > 1 else (1,) * len(shape))

        copy = self._copy()
        values = {name: shaped(value) for name, value in self._values.items()}
        intervals = {
            name: type(ends)(shaped(ends.low), shaped(ends.high))
            for name, ends in self._intervals.items()
            if isinstance(ends, Factors | Interval)
        }
        object.__setattr__(copy, "_values", values)
        object.__setattr__(copy, "_intervals", intervals)
        return copy

    def replace(self, **values: Any) -> Self:
        """Return a copy with some metrics changed; their intervals no longer hold."""
        copy, changed = self._copy(), type(self)(**values)._values
        object.__setattr__(copy, "_values", {**self._values, **changed})
        kept = {name: ends for name, ends in self._intervals.items() if name not in changed}
        object.__setattr__(copy, "_intervals", kept)
        return copy

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={self.text(name)}" for name in self)
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._known() == other._known()

    def __hash__(self) -> int:
        return hash(tuple(self._known().items()))

    def _known(self) -> dict[str, Any]:
        return {
            name: tuple(value.ravel()) if isinstance(value, np.ndarray) else value
            for name in self
            if (value := self.si(name)) is not None
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """One constraint held against one value: does it hold, by how much, what would lift it.

    Value and limit may be arrays, one entry for each point of a sweep.

    >>> late = Verdict("Deadline", "performance.latency", 0.25, 0.2, "second", "at most", "Shrink.")
    >>> late.holds, round(late.margin, 3)
    (False, -0.25)
    >>> print(late)
    Deadline: 250 ms, must be at most 200 ms – violated by 25 %. Shrink.
    """

    constraint: str
    metric: str
    value: Any
    limit: Any
    unit: str
    sense: str
    remedy: str

    def __post_init__(self) -> None:
        if self.sense not in ("at most", "at least"):
            raise InvalidInput("sense of a verdict", self.sense, "at most, at least")
        for field, value in (("value", self.value), ("limit", self.limit)):
            if not all_finite(value):
                raise InvalidInput(f"{field} of {self.constraint}", value, "finite")

    @property
    def holds(self) -> Any:
        """Whether the constraint is met."""
        return self.value <= self.limit if self.sense == "at most" else self.value >= self.limit

    @property
    def margin(self) -> Any:
        """Room left as a fraction of the limit; negative when the constraint is violated."""
        room = self.limit - self.value if self.sense == "at most" else self.value - self.limit
        if isinstance(room, np.ndarray):
            return room / np.where(self.limit == 0.0, 1.0, np.abs(self.limit))
        return room / abs(self.limit) if self.limit else room

    def __str__(self) -> str:
        if ndim(self.holds):
            held = np.asarray(self.holds)
            return f"{self.constraint}: holds at {held.sum():,} of {held.size:,} points"
        value, limit = self.texts
        state = (
            f"holds {self._room()}" if self.holds else f"violated {self._excess()}. {self.remedy}"
        )
        return f"{self.constraint}: {value}, must be {self.sense} {limit} – {state}"

    @property
    def texts(self) -> tuple[str, str]:
        """The value and its limit as people read them: both in percent where the limit is a share.

        >>> Verdict("Load", "performance.latency", 17.0, 1.0, "dimensionless", "at most", "").texts
        ('1,700 %', '100 %')
        """
        limit = units.humanize(self.limit, self.unit)
        if limit.endswith(" %"):
            return f"{units.number_text(self.value * 100.0)} %", limit
        return units.humanize(self.value, self.unit), limit

    def _room(self) -> str:
        if self.margin <= 1 or not self.value:
            return f"with {units.humanize(self.margin, 'dimensionless')} to spare"
        return f"{_times(max(self.value / self.limit, self.limit / self.value))} over"

    def _excess(self) -> str:
        if self.margin >= -1 or not self.limit:
            return f"by {units.humanize(-self.margin, 'dimensionless')}"
        return f"by a factor of {units.humanize(self.value / self.limit, 'dimensionless')}"


def _times(factor: float) -> str:
    return f"{units.humanize(factor, 'dimensionless')} times"
