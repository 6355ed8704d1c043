"""Ranges: a number over all its values, and where verdicts flip along them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from mlsysim.choices import NumberChoice
from mlsysim.explore.space import Explorable
from mlsysim.explore.sweep import VERDICTS, Sweep

_POINTS = 48


class Flip(NamedTuple):
    """Where a verdict changes along a range, and whether it holds below or above.

    `exact` is the last value at which it holds; others are read off between two points.
    """

    constraint: str
    at: float
    holds_below: bool
    exact: bool


class Crossing(NamedTuple):
    """About where margins change their sign, between which values, and whether they fall."""

    at: float
    low: float
    high: float
    falls: bool


def numbers_of(declared: Explorable) -> dict[str, NumberChoice]:
    """Return the declared numbers that have a finite range, by name."""
    return {
        choice.name: choice
        for choice in declared.choices
        if isinstance(choice, NumberChoice) and np.isfinite([choice.minimum, choice.maximum]).all()
    }


def grid(control: NumberChoice, present: float) -> Any:
    """Return values over the range of a number, as its slider runs, the present one among them."""
    ends = control.minimum, control.maximum
    if control.structural:
        # Each value is evaluated by itself, and degrees are powers of two anyway.
        doubled = np.exp2(np.arange(np.ceil(np.log2(max(ends))))) if min(ends) > 0 else ends
        between = np.append(doubled, ends)
    else:
        between = (np.geomspace if scale_of(control) == "log" else np.linspace)(*ends, _POINTS)
    between = np.clip(np.round(between) if control.integer else between, *ends)
    return np.unique(np.append(between, present))


def scale_of(control: NumberChoice) -> str:
    """Return the scale on which a number runs: logarithmic only above zero."""
    return "log" if control.scale == "log" and control.minimum > 0 else "linear"


def flips(swept: Sweep, control: NumberChoice, present: float) -> list[Flip]:
    """Return where the verdicts of a sweep over one number change, the nearest first.

    >>> from mlsysim import ResourceSimulation
    >>> simulation = ResourceSimulation("Doorbell")
    >>> control = numbers_of(simulation)["duty_cycle"]
    >>> swept = simulation.sweep(duty_cycle=grid(control, 0.002))
    >>> flips(swept, control, 0.002)
    [Flip(constraint='Battery for a year', at=0.0038, holds_below=True, exact=False)]
    """
    found = (
        _flip(path.removeprefix(VERDICTS), control, crossing)
        for path in swept.values
        if path.startswith(VERDICTS)
        for crossing in crossings(swept.space.axes[0].values, swept.full(path))
    )
    return sorted(found, key=lambda flip: abs(flip.at - present))


def _flip(constraint: str, control: NumberChoice, crossing: Crossing) -> Flip:
    # Between values that were tried one by one, or whole ones, there is nothing.
    exact = control.structural or (control.integer and crossing.high - crossing.low <= 1)
    last = crossing.low if crossing.falls else crossing.high
    at = float(last) if exact else float(f"{crossing.at:.2g}")
    return Flip(constraint, at, crossing.falls, exact)


def crossings(values: Any, margins: Any) -> Iterator[Crossing]:
    """Yield where margins change their sign.

    Between two points margins are taken as straight on a logarithmic axis, since waiting times
    grow by orders of magnitude from one to the next.

    >>> [round(crossing.at, 2) for crossing in crossings([1, 4], [1, -1])]
    [2.5]
    """
    points = [point for point in zip(values, margins, strict=True) if np.isfinite(point[1])]
    for (low, before), (high, after) in pairwise(points):
        if (before >= 0.0) != (after >= 0.0):
            (x, y), (end, top) = sorted(((low, before), (high, after)), key=lambda p: p[1])
            heights = np.sign([y, top]) * np.log1p(np.abs([y, top]))
            yield Crossing(float(np.interp(0.0, heights, [x, end])), low, high, bool(before >= 0.0))
