"""Predictions held against published measurements, and the constants fitted to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlsysim.errors import InvalidInput
from mlsysim.validation.cases import Case, Unpredictable
from mlsysim.validation.report import Report, Score

Progress = Callable[[Iterable[Any]], Iterable[Any]]

__all__ = ["Case", "Report", "Score", "Unpredictable", "cases_of", "validate"]


def cases_of(directory: Path) -> Iterator[Case]:
    """Yield every measured row of a directory; raise `InvalidInput` where there is none."""
    from mlsysim.validation import datacentre, energy, reliability, tiny

    if not directory.is_dir():
        raise InvalidInput("directory", str(directory), "a folder with measurement files")
    found = False
    for family in (datacentre, tiny, energy, reliability):
        for case in family.cases(directory):
            found = True
            yield case
    if not found:
        raise InvalidInput(
            "directory", str(directory), "a folder with files such as perf_measured.csv"
        )


def validate(directory: Path, progress: Progress = iter) -> Report:
    """Return how every measured row of a directory compares with its prediction.

    `progress` may wrap the rows to show how far the work is.
    """
    cases = list(cases_of(directory))
    return Report(tuple(Score.of(case) for case in progress(cases)))
