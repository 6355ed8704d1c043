"""Lab index: the list of labs, read from the notebooks themselves."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import NamedTuple

_VOLUMES = {"vol1": "Volume 1 · One node", "vol2": "Volume 2 · The fleet"}
_STYLE = Path(__file__).parent / "static" / "lab_index.css"


class Lab(NamedTuple):
    """One lab: its path below the folder of labs, its title, and the question it asks."""

    path: str
    title: str
    question: str


class LabIndex:
    """The labs of a folder, which a notebook shows as a list of links."""

    def __init__(self, labs: list[Lab]):
        self.labs = labs

    def __str__(self) -> str:
        return "\n".join(f"{lab.title}: {lab.question} ({lab.path})" for lab in self.labs)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        folders = dict.fromkeys(lab.path.rpartition("/")[0] for lab in self.labs)
        sections = "".join(self._section(folder) for folder in folders)
        return f"<style>{_STYLE.read_text('utf-8')}</style><nav class='mls-index'>{sections}</nav>"

    def _section(self, folder: str) -> str:
        items = "".join(
            f"<li><a href='{escape(lab.path)}'><strong>{escape(lab.title)}</strong>"
            f"<span>{escape(lab.question)}</span></a></li>"
            for lab in self.labs
            if lab.path.rpartition("/")[0] == folder
        )
        return f"<h2>{escape(_VOLUMES.get(folder, folder))}</h2><ol>{items}</ol>"


def lab_index(folder: str | Path = ".") -> LabIndex:
    """Return the labs below a folder, in the order of their paths.

    A lab is a notebook in a subfolder; its title and question come from its metadata.
    """
    root = Path(folder)
    notebooks = sorted(
        path for path in root.glob("*/*.ipynb") if not path.parent.name.startswith(".")
    )
    return LabIndex([_lab(path, path.relative_to(root).as_posix()) for path in notebooks])


def _lab(file: Path, path: str) -> Lab:
    metadata = json.loads(file.read_text("utf-8")).get("metadata", {})
    title = str(metadata.get("title") or file.stem.replace("_", " "))
    return Lab(path, title, str(metadata.get("question", "")))
