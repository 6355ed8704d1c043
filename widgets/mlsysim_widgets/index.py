"""Lab index: the list of labs, read from the notebooks themselves."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import NamedTuple

VOLUMES = {"vol1": "Volume 1 · One node", "vol2": "Volume 2 · The fleet"}
_ACCURACY = "accuracy.ipynb"
_STYLE = Path(__file__).parent / "static" / "lab_index.css"


class Lab(NamedTuple):
    """One lab: its path below the folder of labs, its title, and the question it asks."""

    path: str
    title: str
    question: str


class LabIndex:
    """The labs of a folder, which a notebook shows as a list of links.

    `accuracy` is the page on how right they are, listed after the last volume.
    """

    def __init__(self, labs: list[Lab], accuracy: Lab | None = None):
        self.labs = labs
        self.accuracy = accuracy

    def __str__(self) -> str:
        pages = [*self.labs, *([self.accuracy] if self.accuracy else [])]
        return "\n".join(f"{page.title}: {page.question} ({page.path})" for page in pages)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        folders = dict.fromkeys(lab.path.rpartition("/")[0] for lab in self.labs)
        sections = "".join(
            _section(
                VOLUMES.get(folder, folder),
                [lab for lab in self.labs if lab.path.rpartition("/")[0] == folder],
            )
            for folder in folders
        )
        if self.accuracy:
            sections = f"{sections}{_section('How right are the labs?', [self.accuracy])}"
        return f"<style>{_STYLE.read_text('utf-8')}</style><nav class='mls-index'>{sections}</nav>"


def lab_index(folder: str | Path = ".") -> LabIndex:
    """Return the labs below a folder, in the order of their paths.

    A lab is a notebook in a subfolder; its title and question come from its metadata.
    The page on accuracy lies beside the subfolders.
    """
    root = Path(folder)
    notebooks = sorted(
        path for path in root.glob("*/*.ipynb") if not path.parent.name.startswith(".")
    )
    accuracy = root.joinpath(_ACCURACY)
    return LabIndex(
        [_lab(path, path.relative_to(root).as_posix()) for path in notebooks],
        _lab(accuracy, _ACCURACY) if accuracy.is_file() else None,
    )


def _section(title: str, labs: list[Lab]) -> str:
    items = "".join(
        f"<li><a href='{escape(lab.path)}'><strong>{escape(lab.title)}</strong>"
        f"<span>{escape(lab.question)}</span></a></li>"
        for lab in labs
    )
    return f"<h2>{escape(title)}</h2><ol>{items}</ol>"


def _lab(file: Path, path: str) -> Lab:
    metadata = json.loads(file.read_text("utf-8")).get("metadata", {})
    title = str(metadata.get("title") or file.stem.replace("_", " "))
    return Lab(path, title, str(metadata.get("question", "")))
