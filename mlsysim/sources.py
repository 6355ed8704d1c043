"""Where every number comes from: one record per document, measurement, derivation or estimate."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlsysim.errors import InvalidInput
from mlsysim.registry import Registry
from mlsysim.units import unit_of_field

R = TypeVar("R")
DATA = Path(__file__).parent / "data"
KINDS = ("datasheet", "measured", "published", "derived", "estimate", "definition")


@dataclass(frozen=True, slots=True)
class Source:
    """One place a number comes from.

    `kind` says how far to trust it: `datasheet` (the maker's figure), `measured`, `published`
    (a paper, table or data set), `derived` (computed from other sources), `estimate` (no document
    was read; the locator says how it was arrived at or where to check), `definition` (exact).

    >>> Sources["si-brochure"].kind
    'definition'
    """

    name: str
    title: str
    year: int
    locator: str
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput(f"kind of source {self.name}", self.kind, ", ".join(KINDS))

    def __str__(self) -> str:
        return f"{self.title} ({self.year}), {self.kind}. {self.locator}".strip()


def _load() -> Iterable[Source]:
    import tomllib

    for file in sorted((DATA / "sources").glob("*.toml")):
        for name, record in tomllib.loads(file.read_text(encoding="utf-8")).items():
            yield Source(name=name, **record)


Sources: Registry[Source] = Registry("source", _load)


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """A record whose values each name a source: `source`, unless the field has one of its own.

    `estimated` lists the fields whose value no document was read for. One entry of a mapping may
    be named with a dot: `peak_dense_flop_per_s.tf32`.
    """

    source: str
    field_sources: Mapping[str, str] | None = field(default=None, hash=False)
    estimated: tuple[str, ...] = ()

    def source_of(self, field: str) -> Source:
        """Return the source of one field of this record, or of one entry `field.key` of it.

        The most specific statement wins: entry before field, field before record.
        """
        for name in (field, field.partition(".")[0]):
            if self.field_sources and name in self.field_sources:
                return Sources[self.field_sources[name]]
            if name in self.estimated:
                return Sources["project-estimate"]
        return Sources[self.source]


class Provenance(NamedTuple):
    """One value of a record with its unit and its source."""

    field: str
    value: float
    unit: str
    source: str
    kind: str


def provenance(record: Sourced) -> list[Provenance]:
    """List every numeric value of a record with its unit, source and kind of source.

    Entries of a mapping are listed as `field.key`; years date a value and are left out.

    >>> from mlsysim.constants import Constants
    >>> row = provenance(Constants["seconds_per_hour"])[0]
    >>> row.value, row.unit, row.source, row.kind
    (3600.0, 'second', 'si-brochure', 'definition')
    """
    rows = []
    for name, value in _numbers(record):
        stated = getattr(record, "unit", None) if name in ("value", "amount_usd") else None
        unit = stated or unit_of_field(name.partition(".")[0])
        source = record.source_of(name)
        rows.append(Provenance(name, value, unit or "dimensionless", source.name, source.kind))
    return rows


def _numbers(record: Sourced) -> Iterable[tuple[str, float]]:
    for item in fields(record):
        value: Any = getattr(record, item.name)
        entries = value.items() if isinstance(value, Mapping) else [(None, value)]
        for key, number in entries:
            numeric = isinstance(number, int | float) and not isinstance(number, bool)
            if numeric and not item.name.endswith("year"):
                yield (f"{item.name}.{key}" if key else item.name), number


def read_table(file: str, build: Callable[[dict[str, str]], R]) -> Iterator[R]:
    """Yield one record for each line of a table in `mlsysim/data`.

    Raises `InvalidInput` naming the file, the line, the field and the record of a bad value.
    """
    text = (DATA / file).read_text(encoding="utf-8")
    for line, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        if None in row or None in row.values():
            raise InvalidInput(f"{file}, line {line}", row, "as many cells as the header has")
        try:
            yield build(row)
        except InvalidInput as error:
            place = f"{file}, line {line}: {error.field}"
            raise InvalidInput(place, error.received, error.accepted) from error


def cell_number(row: Mapping[str, str], field: str) -> float:
    """Return one cell of a table as a number.

    >>> cell_number({"name": "Quebec", "carbon_year": "2O23"}, "carbon_year")
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: carbon_year of Quebec: received '2O23'; accepted: a number.
    """
    try:
        number = float(row[field])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput(f"{field} of {row['name']}", row[field], "a number")
    return number
