"""Published runs, as they lie below the roofs of their hardware and format."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mlsysim.ledger import Performance
from mlsysim.sources import DATA

FILE = DATA / "measured_runs.csv"
_ALIKE = 1e-3


class MeasuredRun(NamedTuple):
    """A published run: the corner of its roof, its intensity, and the rate that was measured.

    Rates are in FLOP/s of one device, dense; intensity and ridge in FLOP/B. The intensity is that
    of the engine's operators, since publications state times.
    """

    peak_flop_rate: float
    ridge_point: float
    arithmetic_intensity: float
    flop_rate: float
    about: str


def below(run: Performance) -> list[MeasuredRun]:
    """Return the published runs below the same roof: the same peak and the same ridge.

    >>> from mlsysim import Engine, Models, Systems
    >>> run = Engine.solve(Models["Llama-3.1 70B"], Systems["H100 node"], phase="decode")
    >>> max(each.flop_rate for each in below(run)) < run.si("peak_flop_rate")
    True
    """
    peak, ridge = run.si("peak_flop_rate"), run.si("ridge_point")
    return [] if peak is None or ridge is None else list(_stored_below(peak, ridge))


@lru_cache(maxsize=64)
def _stored_below(peak: float, ridge: float) -> tuple[MeasuredRun, ...]:
    return tuple(
        each
        for each in stored()
        if _alike(each.peak_flop_rate, peak) and _alike(each.ridge_point, ridge)
    )


def stored() -> Iterator[MeasuredRun]:
    """Yield every stored run, read one by one."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for peak, ridge, intensity, rate, about in rows:
            yield MeasuredRun(float(peak), float(ridge), float(intensity), float(rate), about)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= _ALIKE * other
