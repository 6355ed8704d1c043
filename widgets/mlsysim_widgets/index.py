"""Lab index: the course on one page, read from the notebooks, with how far a student is."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lesson import Part
from mlsysim_widgets.scripts import script, style

VOLUMES = {"vol1": "Volume 1 · One node", "vol2": "Volume 2 · The fleet"}
_ACCURACY = "accuracy.ipynb"
_ASKING = ("Prediction", "Question", "Decision")


class Lab(NamedTuple):
    """One lab: its path below the folder of labs, its title, the question it asks, and its time.

    `asks` are the entries that its parts write into a journal.
    """

    path: str
    title: str
    question: str
    minutes: int | None = None
    asks: frozenset[str] = frozenset()


class LabIndex(Part):
    """The labs of a folder as a list of links, and what a journal says of each.

    `accuracy` is the page on how right they are, listed after the last volume.
    """

    _esm = script("lab_index.js")
    _css = style("theme.css", "lab_index.css")

    kind = "index"

    def __init__(self, journal: Journal, labs: Sequence[Lab], accuracy: Lab | None = None):
        self.labs = tuple(labs)
        self.accuracy = accuracy
        super().__init__(journal)
        # An empty journal that is opened changes no record.
        journal.observe(self._on_journal, "view")

    def answered(self, lab: Lab) -> int:
        """Return how many of its parts this student has answered as the persona furthest on."""
        present = [name.partition(".") for name in self.journal.present]
        personas = {"", *(persona for _, _, persona in present)}
        return max(
            len(lab.asks.intersection(name for name, _, whose in present if whose in ("", persona)))
            for persona in personas
        )

    @property
    def next(self) -> Lab | None:
        """The lab to go on with: the last one begun and not done, else the first one not begun."""
        begun = [lab for lab in self.labs if 0 < self.answered(lab) < len(lab.asks)]
        if begun:
            return max(begun, key=self._last_time)
        return next((lab for lab in self.labs if lab.asks and not self.answered(lab)), None)

    def describe(self) -> Mapping[str, Any]:
        """Return the labs by volume, and where to go on."""
        folders = dict.fromkeys(_folder(lab) for lab in self.labs)
        sections = [
            {
                "title": VOLUMES.get(folder, folder),
                "pages": [self._page(lab) for lab in self.labs if _folder(lab) == folder],
            }
            for folder in folders
        ]
        if self.accuracy:
            sections.append(
                {"title": "How right are the labs?", "pages": [self._page(self.accuracy)]}
            )
        return {"sections": sections, "next": self._resume()}

    def _page(self, lab: Lab) -> dict[str, Any]:
        answered = self.answered(lab)
        return {
            "path": lab.path,
            "title": lab.title,
            "question": lab.question,
            "time": f"about {lab.minutes} minutes" if lab.minutes else "",
            "answered": answered,
            "asked": len(lab.asks),
            "state": _state(answered, len(lab.asks)) if self.journal.opened else "",
        }

    def _resume(self) -> dict[str, str] | None:
        lab = self.next
        if lab is None or not self.journal.opened:
            return None
        return {"label": "Go on with" if self.answered(lab) else "Begin", **_link(lab)}

    def _last_time(self, lab: Lab) -> str:
        said = self.journal.present.items()
        return max(each.time for name, each in said if name.partition(".")[0] in lab.asks)


def lab_index(journal: Journal | None = None, folder: str | Path = ".") -> LabIndex:
    """Return the course of a folder: its labs, and the page on accuracy beside them."""
    accuracy = Path(folder, _ACCURACY)
    page = _lab(accuracy, _ACCURACY) if accuracy.is_file() else None
    return LabIndex(journal or Journal(), labs_of(folder), page)


def labs_of(folder: str | Path) -> list[Lab]:
    """Return the labs below a folder, in the order of their paths.

    A lab is a notebook in a subfolder; its title, question and minutes come from its metadata, and
    what it asks from its code.
    """
    root = Path(folder)
    notebooks = sorted(
        path for path in root.glob("*/*.ipynb") if not path.parent.name.startswith(".")
    )
    return [_lab(path, path.relative_to(root).as_posix()) for path in notebooks]


def _folder(lab: Lab) -> str:
    return lab.path.rpartition("/")[0]


def _link(lab: Lab) -> dict[str, str]:
    return {"title": lab.title, "path": lab.path}


def _state(answered: int, asked: int) -> str:
    if not answered:
        return ""
    return "Done" if answered == asked else f"{answered} of {asked} answered"


def _lab(file: Path, path: str) -> Lab:
    notebook = json.loads(file.read_text("utf-8"))
    metadata = notebook.get("metadata", {})
    return Lab(
        path,
        str(metadata.get("title") or file.stem.replace("_", " ")),
        str(metadata.get("question", "")),
        metadata.get("minutes"),
        frozenset(_asked(notebook.get("cells", []))),
    )


def _asked(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the entries that the parts of a lab write: its name, and the names of its parts."""
    code = "\n".join("".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named = [(getattr(call.func, "id", ""), call.args) for call in calls]
    lab = next((_text(given[0]) for name, given in named if name == "Journal" and given), "")
    for name, given in named:
        if name in _ASKING and len(given) > 1:
            yield f"{lab}/{_text(given[1])}"


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""
