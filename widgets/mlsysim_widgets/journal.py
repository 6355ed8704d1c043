"""Journal: what one student predicted and decided, kept in the browser and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import anywidget
import traitlets

from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim_widgets import store
from mlsysim_widgets.scripts import script, style
from mlsysim_widgets.store import JournalFile, Record, Unreadable

UNNAMED = "Student"
"""Whose journal it is until somebody says a name."""


class Journal(anywidget.AnyWidget):
    """The journal of one student, which all parts of a lab share, and the bar that shows it.

    It is empty until a page is opened: the browser then says whose it is and what it kept, and
    the file in the home folder adds what it has. Writing adds a version; none is ever changed.
    Without the name of a lab it shows what all of them wrote.

    >>> journal = Journal("vol1-02")
    >>> journal.write("region", "decision", None)
    >>> len(journal.history("vol1-02/region"))
    1
    """

    _esm = script("journal.js")
    _css = style("theme.css", "lesson.css")

    # Whose journal it is and where it is kept; and whether the browser keeps it, as it says itself.
    view = traitlets.Dict().tag(sync=True)
    browser = traitlets.Enum(["unknown", "kept", "full", "blocked"], "unknown").tag(sync=True)
    records = traitlets.Tuple()

    def __init__(self, lab: str = ""):
        super().__init__()
        self.lab = lab
        self.student = UNNAMED
        self._opened = False
        self._file: JournalFile | None = None
        self._filed = self._trouble = self._notice = ""
        self._tell()
        self.on_msg(self._on_message)

    @property
    def opened(self) -> bool:
        """Whether a page has said whose journal it is."""
        return self._opened

    def load(self, student: str = UNNAMED, texts: Iterable[Any] = ()) -> None:
        """Take up a student's journal: from texts that a browser kept, and from the file."""
        self.student = store.student_name(student)
        folder = store.journal_folder()
        self._file = JournalFile(folder, self.student) if folder else None
        self._opened, self._notice = True, ""
        self._add(self.records)
        self.merge(texts)

    def switch(self, student: str) -> None:
        """Change to the journal of another student; the present one stays where it is kept."""
        name = store.student_name(student)
        if store.student_key(name) != store.student_key(self.student) or not self._opened:
            self.records = ()
            self.student = name
            # The page takes the last student's designs out of its address before others come.
            self._tell()
            self.load(name)

    def merge(self, texts: Iterable[Any]) -> None:
        """Add records that a browser kept; what cannot be read stays there untouched."""
        found, damaged = [], []
        for text in texts:
            try:
                found.append(store.record_of(text))
            except Unreadable as error:
                damaged.append(str(error))
        if damaged:
            self._notice = (
                f"{_entries(len(damaged))} in this browser could not be read ({damaged[0]}). "
                "It stays there unchanged; everything else is here."
            )
        self._add(found)

    def entry(self, name: str) -> Mapping[str, Any] | None:
        """Return what an entry says now: the first prediction made, the last decision taken."""
        version = store.standing(self.history(name))
        return version.data if version else None

    def history(self, name: str) -> list[Record]:
        """Return every version of an entry, the oldest first."""
        return [record for record in self.records if record.id == self._id(name)]

    @property
    def present(self) -> dict[str, Record]:
        """What every entry of every lab says now, without those that were taken back."""
        entries: dict[str, list[Record]] = {}
        for record in self.records:
            entries.setdefault(record.id, []).append(record)
        found = {name: store.standing(versions) for name, versions in entries.items()}
        return {name: record for name, record in found.items() if record}

    def write(self, name: str, kind: str, data: Mapping[str, Any] | None) -> None:
        """Add a version to an entry of this lab; without data, take the entry back."""
        self._add([self._version(name, kind, data)])

    def restart(self) -> None:
        """Take back every prediction and decision of this lab; they stay in the history."""
        own = [each for name, each in self.present.items() if name.startswith(f"{self.lab}/")]
        self._add([self._version(each.id, each.kind, None) for each in own])

    def of_lab(self) -> list[Record]:
        """Return every version of every entry of this lab."""
        return [record for record in self.records if record.id.startswith(f"{self.lab}/")]

    def choice(self, name: str, **preset: Any) -> dict[str, Any]:
        """Return what an earlier decision chose for each name of a preset, else the preset.

        >>> Journal("vol1-03").choice("vol1-02/region", region="Quebec")
        {'region': 'Quebec'}
        """
        decided = self.entry(name) or {}
        design = decided.get("design", {})
        made = {**design, **design.get("choice", {})}
        return {name: made.get(name, value) for name, value in preset.items()}

    def export(self) -> str:
        """Return the whole journal as text, which `take` reads again."""
        return store.journal_text(self.student, self.records)

    def take(self, text: Any) -> None:
        """Add an exported journal and go over to its student; raise `InvalidInput` otherwise."""
        try:
            student, records = store.journal_of(text)
        except Unreadable as error:
            because = f"Nothing was changed: {error}."
            raise InvalidInput("file", text, "a journal that was exported here", because) from None
        self.switch(student)
        self._notice = f"Taken in: {_entries(len(records))} of {student}."
        self._add(records)

    def _id(self, name: str) -> str:
        return name if "/" in name else f"{self.lab}/{name}"

    def _version(self, name: str, kind: str, data: Mapping[str, Any] | None) -> Record:
        replaces = tuple(sorted(each.key for each in store.latest(self.history(name))))
        # Read back as a file would be, so that what could not be read later is refused now.
        return store.record_of(Record(self._id(name), kind, store.now(), data, replaces).text)

    def _add(self, records: Iterable[Record]) -> None:
        """Keep records here, in the file, and in every browser that shows this page."""
        before = {record.key for record in self.records}
        everything = self._to_file(store.merged(self.records, records))
        new = [record for record in everything if record.key not in before]
        self._to_browser(new)
        self.records = everything
        self._tell()

    def _to_file(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        self._filed = self._trouble = ""
        if self._file is None:
            return records
        try:
            found = self._file.write(records) if records else self._file.load()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._trouble = f"The journal file in the home folder cannot be written: {reason}."
            return records
        if found.writable:
            self._filed = self._file.path.name
            self._notice = found.notice or self._notice
        else:
            self._trouble = found.notice
        return store.merged(records, found.records)

    def _to_browser(self, records: Iterable[Record]) -> None:
        listed = [{"key": record.key, "text": record.text} for record in records]
        if self._opened and listed:
            self.send({"keep": listed, "whose": store.student_key(self.student)})

    def _tell(self) -> None:
        self.view = {
            "opened": self._opened,
            "lab": self.lab,
            "student": self.student,
            "named": self.student != UNNAMED,
            "key": store.student_key(self.student),
            "head": store.journal_head(self.student),
            "entries": len(self.present),
            "file": self._filed,
            "notices": [notice for notice in (self._trouble, self._notice) if notice],
        }

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        asked = content if isinstance(content, Mapping) else {}
        try:
            self._act(asked.get("action"), asked)
        except MLSysimError as error:
            self._notice = str(error)
            self._tell()
        # The page waits for an answer, and nothing may have changed.
        self.send({"answered": asked.get("action")})

    def _act(self, action: Any, asked: Mapping[str, Any]) -> None:
        texts = asked.get("texts")
        texts = texts if isinstance(texts, list) else []
        own = asked.get("key") == store.student_key(self.student)
        if action == "open":
            self._open_page(asked.get("student"), asked.get("key"), texts)
        elif action == "merge" and own:
            self.merge(texts)
        elif action == "switch":
            self.switch(asked.get("student", ""))
        elif action == "import":
            self.take(asked.get("text"))
        elif action == "restart":
            self.restart()

    def _open_page(self, student: Any, key: Any, texts: list[Any]) -> None:
        """Answer a page that was opened; a second page follows the student of the first.

        Where a class server knows who it is, what the browser kept of others stays there.
        """
        if not self._opened:
            self.load(store.known_student() or student or UNNAMED)
        if key == store.student_key(self.student):
            self.merge(texts)
        self._to_browser(self.records)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
