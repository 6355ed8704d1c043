"""Roofs: where published measurements lie below the roof of their hardware and format."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from mlsysim.ledger import Performance
from mlsysim.sources import DATA
from mlsysim.validation.report import Score

FILE = DATA / "measured_runs.csv"
_PLACE = ("peak_flop_rate", "ridge_point", "arithmetic_intensity")
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


def write(scores: Iterable[Score]) -> None:
    """Store every scored row that is one execution: R_measured = R_predicted · t_pred / t_meas."""
    with FILE.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(MeasuredRun._fields)
        for score in scores:
            if score.run is not None and not score.case.apart:
                achieved = score.run.si("achieved_flop_rate") * (score.error + 1.0)
                numbers = [*(score.run.si(name) for name in _PLACE), achieved]
                about = score.case.about.partition(". ")[0]
                table.writerow([*(f"{number:.4g}" for number in numbers), about])


def below(run: Performance) -> list[MeasuredRun]:
    """Return the published runs below the same roof: the same peak and the same ridge.

    >>> from mlsysim import Engine, Models, Systems
    >>> run = Engine.solve(Models["Llama-3.1 70B"], Systems["H100 node"], phase="decode")
    >>> max(each.flop_rate for each in below(run)) < run.si("peak_flop_rate")
    True
    """
    corner = [run.si(name) for name in _PLACE[:2]]
    if None in corner:
        return []
    return [each for each in _stored() if _alike(each.peak_flop_rate, corner[0])
            and _alike(each.ridge_point, corner[1])]  # fmt: skip


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= _ALIKE * other


@cache
def _stored() -> tuple[MeasuredRun, ...]:
    with FILE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(
        MeasuredRun(
            float(row["peak_flop_rate"]),
            float(row["ridge_point"]),
            float(row["arithmetic_intensity"]),
            float(row["flop_rate"]),
            row["about"],
        )
        for row in rows
    )
