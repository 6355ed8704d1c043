"""Bands of residuals, worked out from a validation and written where predictions look them up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlsysim.accuracy import FILE
from mlsysim.validation.report import Report, Score

_COVERAGE = 0.80


# Families whose next rows come from chips, boards and software that no row speaks of yet: their
# bands are those of rows whose group was left out of the fit.
_SPLIT_BY_GROUP = ("tiny", "edge", "tiny_energy", "energy")


def write(report: Report, left_out: Mapping[str, float], file: Path = FILE) -> None:
    """Write one band for each kind of prediction that the report scored."""
    file.write_text(text(report, left_out), encoding="utf-8")


def text(report: Report, left_out: Mapping[str, float] | None = None) -> str:
    """Return the bands of a report as TOML.

    `left_out` may hold the log ratio of a row, by name, under constants fitted without its group.
    """
    left_out = left_out or {}
    bands: dict[str, list[Score]] = {}
    for score in report.scored:
        if score.predicted is not None:
            bands.setdefault(score.case.band, []).append(score)
    lines = ["# How far predictions were from measurements, written by `mlsysim fit`."]
    for name, scores in sorted(bands.items()):
        lines += ["", f'["{name}"]', *_record(scores, left_out)]
    return "\n".join(lines) + "\n"


def _record(scores: Sequence[Score], left_out: Mapping[str, float]) -> list[str]:
    sizes = np.abs([_log_ratio(score, left_out) for score in scores])
    errors = np.abs([score.error for score in scores])
    return [
        f"rows = {len(scores)}",
        f"median = {float(np.median(errors)):.4f}",
        f"log_half_width = {float(np.quantile(sizes, _COVERAGE)):.4f}",
        *_combinations(scores),
    ]


def _log_ratio(score: Score, left_out: Mapping[str, float]) -> float:
    found = math.log1p(score.error)
    if score.case.family in _SPLIT_BY_GROUP:
        return left_out.get(score.case.name, found)
    return found


def _combinations(scores: Sequence[Score]) -> list[str]:
    found = {
        f"{score.case.runtime} on {score.case.architecture}"
        for score in scores
        if score.case.runtime and score.case.architecture
    }
    return ["combinations = [", *(f'    "{name}",' for name in sorted(found)), "]"]
