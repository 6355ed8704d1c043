"""The one family of errors: every refusal names the field, what came, what is accepted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any


class MLSysimError(Exception):
    """Base of every error this package raises on purpose.

    >>> issubclass(InvalidInput, MLSysimError)
    True
    """


class InvalidInput(MLSysimError, ValueError):
    """A value that cannot be used, with the field, the value and what would be accepted.

    >>> print(InvalidInput("batch_size", 0, "a whole number from 1 to 4096"))
    batch_size: received 0; accepted: a whole number from 1 to 4096.
    """

    def __init__(self, field: str, received: Any, accepted: str, suggestion: str | None = None):
        self.field = field
        self.received = received
        self.accepted = accepted
        self.suggestion = suggestion
        super().__init__(field, received, accepted, suggestion)

    def __str__(self) -> str:
        message = f"{self.field}: received {_short(self.received)}; accepted: {self.accepted}."
        return f"{message} {self.suggestion}" if self.suggestion else message


class UnknownName(InvalidInput, LookupError, AttributeError):
    """A name that is not in a registry or list of options, with the nearest known names.

    >>> print(UnknownName("region", "Quebecc", ["Quebec", "Norway"]))
    region: received 'Quebecc'; accepted: Quebec, Norway. Did you mean 'Quebec'?
    """

    def __init__(self, field: str, received: Any, known: Iterable[str]):
        known = list(known)
        listed = ", ".join(known[:12])
        more = f", … ({len(known)} in all)" if len(known) > 12 else ""
        super().__init__(field, received, f"{listed}{more}", _did_you_mean(received, known))


class DimensionError(InvalidInput, TypeError):
    """A quantity whose unit cannot be converted to the one a law or field needs.

    >>> print(DimensionError("duration_days", "3 kg", "a quantity in day"))
    duration_days: received '3 kg'; accepted: a quantity in day.
    """


def require_number(
    field: str,
    value: Any,
    *,
    minimum: float = 0.0,
    maximum: float = math.inf,
    exclusive: bool = False,
) -> float:
    """Return `value` as a float, or raise if it is no finite number within the bounds.

    >>> require_number("pue", 1.1, minimum=1)
    1.1
    >>> require_number("pue", float("nan"))
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: pue: received nan; accepted: a number of at least 0.
    """
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if (not isinstance(value, bool) and isinstance(value, int | float)) or kind in {"i", "u", "f"}:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        above = number > minimum if exclusive else number >= minimum
        if math.isfinite(number) and above and number <= maximum:
            # A traced number keeps its trace (see tracing.py).
            return number if getattr(value, "node", None) is None else value
    raise InvalidInput(field, value, describe_bounds(minimum, maximum, exclusive=exclusive))


def describe_bounds(
    minimum: float, maximum: float, *, exclusive: bool = False, noun: str = "a number"
) -> str:
    """Say in words which numbers are accepted.

    >>> describe_bounds(0, float("inf"), exclusive=True)
    'a number above 0'
    """
    if math.isfinite(maximum):
        return f"{noun} from {minimum:g} to {maximum:g}"
    return f"{noun} {'above' if exclusive else 'of at least'} {minimum:g}"


def _did_you_mean(received: Any, known: list[str]) -> str | None:
    if not isinstance(received, str):
        return None
    import difflib  # only an error needs it, and every start would pay for it

    by_lowercase = {name.lower(): name for name in known}
    near = difflib.get_close_matches(received.lower(), by_lowercase, n=1, cutoff=0.6)
    return f"Did you mean {by_lowercase[near[0]]!r}?" if near else None


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- the repr of a stranger's object may raise anything
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
