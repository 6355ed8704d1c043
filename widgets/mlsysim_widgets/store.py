"""Store: what a student wrote down, as records that merge, and the file that keeps them."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim_widgets.scripts import STATIC

FORMAT = "mlsysim journal"
VERSION = 1
FOLDER = "MLSYSIM_JOURNAL"
"""The environment variable that names another folder for journals, or none if it is empty."""
STUDENT = "MLSYSIM_STUDENT"
"""The environment variable in which a class server says who it is that logged in."""

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""For each older version of the format, what makes the next one of it."""

_ENVELOPE = {"format": FORMAT, "version": VERSION}
_LARGEST = 10_000_000
_LONGEST_NAME = 60
_PREVIOUS = (".previous-3.json", ".previous-2.json", ".previous-1.json")


class Unreadable(MLSysimError):
    """A text that is no journal, with the reason in plain words.

    One that is `foreign` is sound but not ours to write: newer than this program, or another's.
    """

    def __init__(self, reason: str, *, foreign: bool = False):
        super().__init__(reason)
        self.foreign = foreign


@dataclass(frozen=True)
class Record:
    """One version of one entry; without data it takes the entry back.

    It names the versions that it replaces, so that no clock decides which is the latest.

    >>> first = Record("vol1-00/region", "decision", now(), None)
    >>> second = Record("vol1-00/region", "decision", now(), None, (first.key,))
    >>> latest([second, first]) == [second]
    True
    """

    id: str
    kind: str
    time: str
    data: Mapping[str, Any] | None
    replaces: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The record as JSON, always in the same spelling."""
        return _json({field.name: getattr(self, field.name) for field in fields(self)})

    @cached_property
    def key(self) -> str:
        """A name that no other record has, since it is made of the content."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]


def now() -> str:
    """Return the present time in UTC, so that times sort as texts."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def merged(*groups: Iterable[Record]) -> tuple[Record, ...]:
    """Return every record once, the oldest first: nothing is ever lost by merging."""
    unique = {record.key: record for group in groups for record in group}
    return tuple(sorted(unique.values(), key=lambda record: (record.time, record.key)))


def latest(versions: Iterable[Record]) -> list[Record]:
    """Return the versions of one entry that none replaces: several after two tabs wrote at once."""
    versions = list(versions)
    replaced = {key for record in versions for key in record.replaces}
    return [record for record in versions if record.key not in replaced]


def standing(versions: Iterable[Record]) -> Record | None:
    """Return the version that an entry stands by: the first prediction made, else the last one.

    >>> first = Record("vol1-00/region", "decision", now(), {"reason": "clean"})
    >>> standing([first]) == first
    True
    >>> standing([first, Record("vol1-00/region", "decision", now(), None, (first.key,))])
    """
    present = [version for version in latest(versions) if version.data]
    if not present:
        return None
    return present[0 if present[0].kind == "prediction" else -1]


def student_name(name: Any) -> str:
    """Return a name in the one spelling that is kept, or raise `InvalidInput`.

    >>> student_name("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    accepted = f"a name of up to {_LONGEST_NAME} letters"
    if not isinstance(name, str):
        raise InvalidInput("student", name, accepted)
    spelled = " ".join(name.split())
    if not spelled or len(spelled) > _LONGEST_NAME or not spelled.isprintable():
        raise InvalidInput("student", name, accepted)
    return spelled


def student_key(student: str) -> str:
    """Return the name of a student's storage, safe as a file name on every system.

    >>> student_key("Ada Lovelace") == student_key("ada lovelace") != student_key("Ada")
    True
    """
    letters = re.sub(r"[^a-z0-9]+", "-", student.casefold()).strip("-")
    return f"{letters[:24]}-{hashlib.sha256(student.casefold().encode()).hexdigest()[:8]}"


def record_of(text: Any) -> Record:
    """Return the record that a text holds, or raise `Unreadable`."""
    return _records({**_ENVELOPE, "student": FORMAT, "records": [_parsed(text)]})[0]


def journal_head(student: str) -> str:
    """Return how the text of a journal begins, before its records."""
    return _json({**_ENVELOPE, "student": student}).removesuffix("}")


def journal_text(student: str, records: Iterable[Record]) -> str:
    """Return a whole journal as text, to write to a file or to hand in."""
    lines = ",\n".join(record.text for record in records)
    return f'{journal_head(student)}, "records": [\n{lines}\n]}}'


def journal_of(text: Any) -> tuple[str, tuple[Record, ...]]:
    """Return the student and the records of a journal's text, or raise `Unreadable`."""
    document = _parsed(text)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Unreadable("it is not a journal of these labs")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise Unreadable("it does not say which version it has")
    if version > VERSION:
        raise Unreadable("it was written by a newer version of these labs", foreign=True)
    while version < VERSION:
        if version not in UPGRADES:
            raise Unreadable(f"version {version} of journals is not known")
        document = UPGRADES[version](document)
        version = document["version"]
    try:
        student = student_name(document.get("student"))
    except InvalidInput:
        raise Unreadable("it does not say whose it is") from None
    return student, merged(_records(document))


class Loaded(NamedTuple):
    """What a file gave: its records, whether it may be written, and what the student must know."""

    records: tuple[Record, ...]
    writable: bool
    notice: str


class JournalFile:
    """The file of one student's journal: whole at every moment, with previous versions beside it.

    What cannot be read is put aside as it is, and never written over.
    """

    def __init__(self, folder: Path, student: str):
        self.student = student
        self.path = folder / f"{student_key(student)}.json"

    def load(self) -> Loaded:
        """Return what the file holds, or what its previous version holds if it is unreadable."""
        try:
            return Loaded(self._read(self.path), writable=True, notice="")
        except FileNotFoundError:
            return Loaded((), writable=True, notice="")
        except OSError as error:
            return Loaded((), writable=False, notice=_untouched(self.path, _words(error)))
        except Unreadable as error:
            if error.foreign:
                return Loaded((), writable=False, notice=_untouched(self.path, str(error)))
            return self._put_aside(str(error))

    def write(self, records: Iterable[Record]) -> Loaded:
        """Add records to the file, and return all that it then holds. Raises `OSError`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self.path.with_suffix(".lock")):
            before = self.load()
            everything = merged(before.records, records)
            if before.writable and (everything != before.records or not self.path.exists()):
                self._rotate()
                write_atomically(self.path, journal_text(self.student, everything).encode())
        return Loaded(everything, before.writable, before.notice)

    def _read(self, path: Path) -> tuple[Record, ...]:
        student, records = journal_of(path.read_bytes())
        if student_key(student) != student_key(self.student):
            raise Unreadable(f"it is the journal of {student}", foreign=True)
        return records

    def _put_aside(self, reason: str) -> Loaded:
        stamp = re.sub(r"\D", "", now())
        aside = self.path.with_name(f"{self.path.stem}.unreadable-{stamp}.json")
        try:
            self.path.rename(aside)
        except OSError:
            return Loaded((), writable=False, notice=_untouched(self.path, reason))
        records = self._recovered()
        instead = "The version before it was taken instead." if records else ""
        told = f"{_untouched(self.path, reason, aside)} {instead}".strip()
        return Loaded(records, writable=True, notice=told)

    def _recovered(self) -> tuple[Record, ...]:
        for suffix in reversed(_PREVIOUS):
            with contextlib.suppress(OSError, Unreadable):
                return self._read(self.path.with_suffix(suffix))
        return ()

    def _rotate(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            present = self.path.read_bytes()
            steps = [self.path.with_suffix(suffix) for suffix in _PREVIOUS]
            for older, newer in itertools.pairwise(steps):
                with contextlib.suppress(FileNotFoundError):
                    newer.replace(older)
            write_atomically(steps[-1], present)


def known_student() -> str:
    """Return who logged in, where the server says so, else nothing."""
    return os.environ.get(STUDENT, "")[:_LONGEST_NAME]


def journal_folder() -> Path | None:
    """Return the folder of journals, or None where there is none."""
    if (named := os.environ.get(FOLDER)) is not None:
        return Path(named) if named else None
    try:
        return Path.home() / ".mlsysim" / "journals"
    except RuntimeError:
        return None


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, even if the machine stops in between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    # Not every system lets a folder be opened; there the rename itself has to do.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other kernels of the same student waiting, where the system has such locks."""
    with path.open("ab") as lock:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _untouched(path: Path, reason: str, now_at: Path | None = None) -> str:
    if now_at is None:
        return f"The journal file {path.name} is left as it is and not written: {reason}."
    return f"The journal file could not be used: {reason}. It is kept unchanged as {now_at.name}."


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)


def _parsed(text: Any) -> Any:
    if not isinstance(text, str | bytes):
        raise Unreadable("it is no text")
    if len(text) > _LARGEST:
        raise Unreadable("it is larger than any journal")
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        value = json.loads(decoded)
        # Refuses what JSON has no word for: NaN, infinity, halves of characters.
        _json(value).encode()
    except (ValueError, RecursionError):
        raise Unreadable("it is damaged or incomplete") from None
    return value


def _records(document: dict[str, Any]) -> list[Record]:
    import fastjsonschema

    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise Unreadable(
            f"something in it is not as it should be ({str(error.name)[:80]})"
        ) from None
    listed = document["records"]
    return [Record(**{**record, "replaces": tuple(record["replaces"])}) for record in listed]


@cache
def _validator() -> Callable[[Any], Any]:
    import fastjsonschema

    schema = json.loads(STATIC.joinpath("journal.schema.json").read_text("utf-8"))
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return compiled
