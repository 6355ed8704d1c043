"""Roofs: where scored measurements lie below the roof of their hardware and format."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from mlsysim import measured_runs
from mlsysim.validation.report import Score

_PLACE = ("peak_flop_rate", "ridge_point", "arithmetic_intensity")


def write(scores: Iterable[Score]) -> None:
    """Store every scored row that is one execution: R_measured = R_predicted · t_pred / t_meas."""
    with measured_runs.FILE.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(measured_runs.MeasuredRun._fields)
        for score in scores:
            if score.run is not None and not score.case.apart:
                achieved = score.run.si("achieved_flop_rate") * (score.error + 1.0)
                numbers = [*(score.run.si(name) for name in _PLACE), achieved]
                about = score.case.about.partition(". ")[0]
                table.writerow([*(f"{number:.4g}" for number in numbers), about])
