"""Handed in: the journals below a folder, whose they are, and what in them cannot be so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

from mlsysim_widgets import store
from mlsysim_widgets.journal import UNNAMED
from mlsysim_widgets.store import Record

_READ = 16_000_000
"""More bytes than any journal has; of a larger file no more is read."""
_NAMED_FILE = re.compile(r"(?:report|journal)-[^/]*-([0-9a-f]{8})(?![0-9a-z])[^/]*$")


class Problem(NamedTuple):
    """A file that could not be read or does not hold together, with the reason in plain words."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass
class Student:
    """One student: the name, every record of all files, and in which file each was found."""

    name: str
    records: tuple[Record, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class HandedIn:
    """All that a folder holds: students by their key, the number of journals, and problems."""

    students: dict[str, Student] = field(default_factory=dict)
    journals: int = 0
    problems: list[Problem] = field(default_factory=list)


class _Journal(NamedTuple):
    file: str
    folder: str
    student: str
    records: tuple[Record, ...]

    @property
    def key(self) -> str:
        """Who handed it in: a student's name, or for the unnamed the place."""
        if self.student != UNNAMED:
            return store.student_key(self.student)
        return f"{UNNAMED} {self.folder or self.file}"


def read(given: Path, pattern: str = "**/*.json") -> HandedIn:
    """Return what was handed in: every journal below a folder, however it is sorted, or a file."""
    handed = HandedIn()
    journals = []
    folder = given.parent if given.is_file() else given
    for path in [given] if given.is_file() else _files(folder, pattern):
        name = plain(path.relative_to(folder).as_posix())
        try:
            with path.open("rb") as file:
                student, records = store.journal_of(file.read(_READ))
        except OSError as error:
            handed.problems.append(Problem(name, f"it cannot be read: {error.strerror}"))
        except store.Unreadable as error:
            handed.problems.append(Problem(name, f"it was not read: {error}"))
        else:
            place = plain(path.parent.relative_to(folder).as_posix())
            journals.append(_Journal(name, "" if place == "." else place, student, records))
    handed.journals = len(journals)
    for journal in journals:
        handed.problems += [Problem(journal.file, reason) for reason in _doubts(journal)]
        named = journal.student if journal.student != UNNAMED else journal.key
        known = handed.students.setdefault(journal.key, Student(named))
        known.records = store.merged(known.records, journal.records)
        known.files.update({record.key: journal.file for record in journal.records})
    handed.problems += [*_copies(journals), *_strangers(journals)]
    if given.is_dir():
        handed.problems.extend(_pages(folder, journals))
    return handed


def entries_of(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the versions of each prediction and decision, by its name."""
    entries: dict[str, list[Record]] = {}
    for record in records:
        if record.kind != "role":
            entries.setdefault(record.id, []).append(record)
    return entries


def plain(text: str) -> str:
    """Return a text that a terminal shows as it is: whatever would steer it is left out."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _files(folder: Path, pattern: str) -> list[Path]:
    def hidden(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return any(part.startswith(".") or part == "__MACOSX" for part in parts)

    return sorted(path for path in folder.glob(pattern) if path.is_file() and not hidden(path))


def _doubts(journal: _Journal) -> Iterator[str]:
    """Yield what in one journal cannot be so, however it came about."""
    if not any(store.standing(versions) for versions in entries_of(journal.records).values()):
        yield "it holds no answer"
    if journal.student == UNNAMED:
        yield f'it does not say whose it is: the name was left at "{UNNAMED}"'
    named = _NAMED_FILE.search(journal.file)
    if named and not store.student_key(journal.student).endswith(named[1]):
        yield f"the file was named for somebody else than {journal.student}, whom it names"
    known = {record.key: record for record in journal.records}
    replaced = [(record, key) for record in journal.records for key in record.replaces]
    missing = {record.id for record, key in replaced if key not in known}
    if missing:
        yield f"a version that {listed(missing)} replaces is missing or was changed"
    crossed = {each.id for each, key in replaced if key in known and known[key].id != each.id}
    if crossed:
        yield f"{listed(crossed)} replaces a version of something else"
    untimely = {record.id for record in journal.records if not _timely(record.time)}
    if untimely:
        yield f"{listed(untimely)} bears a time that never was"


def _timely(time: str) -> bool:
    """Say whether there is such a time, and it is not of a later day: clocks are wrong by hours."""
    try:
        datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").astimezone()
    except (ValueError, OverflowError):
        return False
    return time[:10] <= store.now()[:10]


def _copies(journals: list[_Journal]) -> Iterator[Problem]:
    """Yield who holds records of another student: a record's name is made of its content."""
    holders: dict[str, list[_Journal]] = {}
    for journal in journals:
        for record in journal.records:
            holders.setdefault(record.key, []).append(journal)
    shared = Counter(
        (one.file, other.file, other.student)
        for held in holders.values()
        for one, other in permutations(held, 2)
        if one.key != other.key
    )
    for (mine, theirs, student), count in shared.items():
        entries = "1 entry is" if count == 1 else f"{count} entries are"
        yield Problem(mine, f"{entries} the same, to the microsecond, in {theirs} of {student}")


def _strangers(journals: list[_Journal]) -> Iterator[Problem]:
    """Yield the files of a folder for one student that name different ones."""
    whose: dict[str, set[str]] = {}
    for journal in journals:
        if journal.folder:
            whose.setdefault(journal.folder, set()).add(journal.student)
    sizes = Counter(len(names) > 1 for names in whose.values())
    if sizes[True] >= sizes[False]:
        return  # These are folders of groups, not of students.
    for journal in journals:
        others = whose.get(journal.folder, set()).difference({journal.student})
        if others:
            said = f"it names {journal.student}, and what lies beside it {listed(others)}"
            yield Problem(journal.file, said)


def _pages(folder: Path, journals: list[_Journal]) -> Iterator[Problem]:
    """Yield the report pages that came without the data that they show."""
    keys = {store.student_key(journal.student) for journal in journals}
    folders = {journal.folder for journal in journals if journal.folder}
    for path in _files(folder, "**/report-*.html"):
        place = plain(path.parent.relative_to(folder).as_posix())
        if place not in folders and not any(key in path.name for key in keys):
            name = plain(path.relative_to(folder).as_posix())
            yield Problem(name, "only the page was handed in; the data (JSON) is what is read")


def listed(names: Iterable[str]) -> str:
    """Return the first names of several, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered[3:])} more" if ordered[3:] else ""
    return f"{', '.join(ordered[:3])}{more}"
