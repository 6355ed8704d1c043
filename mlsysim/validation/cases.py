"""Measured rows as cases: what was measured, and how to predict it."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from mlsysim.errors import InvalidInput, MLSysimError

T = TypeVar("T")
FROM_MEMORY = "written from memory, not read in its source"


class Unpredictable(MLSysimError):
    """A row that no law of the project speaks about, with the reason.

    >>> str(Unpredictable("no latency was measured"))
    'no latency was measured'
    """


class Solved(float):
    """A predicted time, in seconds, with the run it was read off.

    >>> Solved(2.0, run=None) + 1.0
    3.0
    """

    run: Any

    def __new__(cls, seconds: float, run: Any) -> Self:
        """Keep the run beside the number."""
        solved = super().__new__(cls, seconds)
        solved.run = run
        return solved


@dataclass(frozen=True)
class Case:
    """One measured row: where it belongs, what it measured, and its prediction.

    `family` is the total it counts in, `group` the line of the report, `band` the family of
    residuals whose interval is stated for it; `runtime` and `architecture` are the twins that
    stand for its software and its chip. A case with a reason to be kept `apart` is reported,
    but not scored.
    """

    name: str
    family: str
    group: str
    band: str
    measured: float
    predict: Callable[[], float]
    apart: str = ""
    unit: str = "second"
    about: str = ""
    runtime: str = ""
    architecture: str = ""


class Row(Mapping[str, str]):
    """One line of a measurement file, with cells read as text or as numbers.

    >>> row = Row("perf.csv", 2, {"batch": "8", "dp": ""})
    >>> row.number("batch"), row.number("dp", 1.0), row.whole("batch")
    (8.0, 1.0, 8)
    """

    def __init__(self, file: str, line: int, cells: Mapping[str, str]):
        self.file, self.line, self._cells = file, line, cells

    def __getitem__(self, column: str) -> str:
        return (self._cells[column] or "").strip()

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def number(self, column: str, default: float | None = None) -> float:
        """Return a cell as a finite number; an empty one is the default, or an error without."""
        text = self.get(column) or ""
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidInput(f"{column} in {self.file}, line {self.line}", text, "a number")
        return value

    def measured(self, column: str) -> float:
        """Return a cell as a number, or NaN where it holds none: such a row is counted as such."""
        try:
            return self.number(column)
        except InvalidInput:
            return math.nan

    def whole(self, column: str, default: int | None = None) -> int:
        """Return a cell as a whole number."""
        return round(self.number(column, default))

    @property
    def from_memory(self) -> str:
        """Why a row counts apart when nobody read it in its source, else nothing."""
        stated = f"{self.get('confidence', '')} {self.get('how_obtained', '')}"
        return FROM_MEMORY if "memory" in stated else ""

    def has(self, column: str) -> bool:
        """Tell whether a cell holds anything."""
        return bool(self.get(column))


def first_match(patterns: Iterable[tuple[str, Any]], text: str, default: Any) -> Any:
    """Return what belongs to the first pattern that a text holds.

    >>> first_match((("v1", "old"), ("v", "new")), "V2", "none")
    'new'
    """
    found = (value for pattern, value in patterns if re.search(pattern, text, re.IGNORECASE))
    return next(found, default)


def unless_refused(make: Callable[[], T], otherwise: T) -> T:
    """Return what is made of a row, or something else where the row does not allow it.

    >>> unless_refused(lambda: Row("f.csv", 2, {"n": "many"}).number("n"), 1.0)
    1.0
    """
    try:
        return make()
    except MLSysimError:
        return otherwise


def read(directory: Path, file: str) -> list[Row]:
    """Return the rows of a measurement file, none when there is no such file."""
    path = directory / file
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [Row(file, line, cells) for line, cells in enumerate(csv.DictReader(stream), 2)]
