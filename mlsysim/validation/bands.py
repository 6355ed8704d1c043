"""Bands of residuals, worked out from a validation and written where predictions look them up."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    """Return the bands of a report as JSON."""
    bands: dict[str, list[Score]] = {}
    for score in report.scored:
        if score.predicted is not None:
            bands.setdefault(score.case.band, []).append(score)
    return document({name: _record(scores) for name, scores in sorted(bands.items())})


def _record(scores: Sequence[Score]) -> dict[str, Any]:
    sizes = np.abs([math.log1p(score.error) for score in scores])
    errors = np.abs([score.error for score in scores])
    new = scores[0].case.family in _OF_NEW_THINGS
    share = _COVERAGE_OF_NEW_THINGS if new else _COVERAGE
    return {
        "rows": len(scores),
        "median": round(float(np.median(errors)), 4),
        "log_half_width": float(f"{np.quantile(sizes, share):.4g}"),
        "combinations": _combinations(scores),
    }


def _combinations(scores: Sequence[Score]) -> list[str]:
    found = {
        f"{score.case.runtime} on {score.case.architecture}"
        for score in scores
        if score.case.runtime and score.case.architecture
    }
    return sorted(found)


def document(records: Mapping[str, Any]) -> str:
    """Return records as the text of a file that reads well in a comparison of versions."""
    return json.dumps(records, indent=1, ensure_ascii=False) + "\n"
