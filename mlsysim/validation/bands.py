"""Bands of residuals, worked out from a validation and written where predictions look them up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlsysim.accuracy import FILE
from mlsysim.validation.report import Report, Score

_COVERAGE = 0.80
# The next rows of these families come from chips and models that no row speaks of yet, and err
# more than those the constants were fitted to.
_OF_NEW_THINGS = ("tiny", "edge", "energy")
_COVERAGE_OF_NEW_THINGS = 0.84


def write(report: Report, file: Path = FILE) -> None:
    """Write one band for each kind of prediction that the report scored."""
    file.write_text(text(report), encoding="utf-8")


def text(report: Report) -> str:
    """Return the bands of a report as TOML."""
    bands: dict[str, list[Score]] = {}
    for score in report.scored:
        if score.predicted is not None:
            bands.setdefault(score.case.band, []).append(score)
    lines = ["# How far predictions were from measurements, written by `mlsysim fit`."]
    for name, scores in sorted(bands.items()):
        lines += ["", f'["{name}"]', *_record(scores)]
    return "\n".join(lines) + "\n"


def _record(scores: Sequence[Score]) -> list[str]:
    sizes = np.abs([math.log1p(score.error) for score in scores])
    errors = np.abs([score.error for score in scores])
    new = scores[0].case.family in _OF_NEW_THINGS
    share = _COVERAGE_OF_NEW_THINGS if new else _COVERAGE
    return [
        f"rows = {len(scores)}",
        f"median = {float(np.median(errors)):.4f}",
        f"log_half_width = {float(np.quantile(sizes, share)):.4g}",
        *_combinations(scores),
    ]


def _combinations(scores: Sequence[Score]) -> list[str]:
    found = {
        f"{score.case.runtime} on {score.case.architecture}"
        for score in scores
        if score.case.runtime and score.case.architecture
    }
    return ["combinations = [", *(f'    "{name}",' for name in sorted(found)), "]"]
