"""Answer key: what a lab asks, with its outcomes computed anew from the lab's own notebook."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from mlsysim.errors import MLSysimError
from mlsysim.personas import Personas
from mlsysim_widgets.lesson import Prediction, Question
from mlsysim_widgets.lesson_cast import Cast
from mlsysim_widgets.lesson_design import Decision

_JOURNAL = re.compile(r"""\bJournal\(\s*["']([^"']+)["']""")


class Unplayable(MLSysimError):
    """A notebook whose code does not run here, with the reason."""


class Entry(NamedTuple):
    """One thing that a lab asks of one persona, or of everybody: what judges it, and its kind."""

    question: str
    persona: str
    kind: str
    part: Prediction | Decision


class AnswerKey:
    """What one lab asks, by the name that each entry has in a journal.

    The notebook is run once for each persona of its cast, as its kernel would: it must be one
    that you trust.

    >>> from mlsysim.cli.labs import folder
    >>> key = answer_keys(folder())["vol1-08"]()
    >>> key.title, sorted(key.required("TinyPioneer"))[:3]
    ('Lab 08 · Training', ['again', 'plain', 'stage.tinypioneer'])
    >>> key.entries["stage.edgeguardian"].part.answer
    'memory bandwidth'
    """

    def __init__(self, notebook: Path):
        document = json.loads(notebook.read_text("utf-8"))
        self.title = str(document.get("metadata", {}).get("title") or notebook.stem)
        code = code_of(document)
        self.entries: dict[str, Entry] = {}
        casts = of_kind(played(code, notebook), Cast)
        self.simulations = {cast._simulation.__name__: cast._simulation for cast in casts}
        for persona in casts[0]._stories if casts else [""]:
            parts = played(code, notebook)
            for cast in of_kind(parts, Cast):
                cast.play(persona)
            self._add(parts)

    def _add(self, parts: list[Any]) -> None:
        for prediction in of_kind(parts, Prediction):
            question, persona = question_of(prediction.name)
            kind = "question" if isinstance(prediction, Question) else "prediction"
            entry = Entry(question, persona, kind, prediction.frozen())
            self.entries.setdefault(prediction.name, entry)
        for decision in of_kind(parts, Decision):
            entry = Entry(*question_of(decision.name), "decision", decision)
            self.entries.setdefault(decision.name, entry)

    @property
    def personas(self) -> list[str]:
        """The personas that are asked apart; one without a name where there are none."""
        return list(dict.fromkeys(e.persona for e in self.entries.values() if e.persona)) or [""]

    def required(self, persona: str) -> list[str]:
        """Return the names of what somebody who plays a persona has to answer."""
        return [name for name, entry in self.entries.items() if entry.persona in ("", persona)]


def answer_keys(folder: Path) -> dict[str, Callable[[], AnswerKey]]:
    """Return what makes the key of each lab below a folder, by the lab's name in journals."""
    found: dict[str, Callable[[], AnswerKey]] = {}
    for notebook in sorted(folder.glob("*/*.ipynb")):
        with contextlib.suppress(OSError, ValueError):
            code = "\n".join(code_of(json.loads(notebook.read_text("utf-8"))))
            for lab in _JOURNAL.findall(code):
                found.setdefault(lab, partial(_key, notebook, notebook.stat().st_mtime_ns))
    return found


@cache
def _key(notebook: Path, _changed: int) -> AnswerKey:
    """Return the key of a notebook, which is run again only when it was changed."""
    return AnswerKey(notebook)


def question_of(name: str) -> tuple[str, str]:
    """Return the question that an entry of a journal answers, and for which persona.

    >>> question_of("stage.cloudtitan"), question_of("plain")
    (('stage', 'CloudTitan'), ('plain', ''))
    """
    question, _, last = name.rpartition(".")
    personas = {persona.lower(): persona for persona in Personas}
    return (question, personas[last]) if question and last in personas else (name, "")


def code_of(document: Mapping[str, Any]) -> list[str]:
    """Return the code cells of a notebook.

    >>> code_of({"cells": [{"cell_type": "code", "source": ["a = ", "1"]}]})
    ['a = 1']
    """
    cells = document.get("cells", [])
    return ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]


def played(code: list[str], notebook: Path) -> list[Any]:
    """Return what the cells of a notebook show and what they name; raise `Unplayable`.

    >>> played(["a = 2", "a + 1"], Path("lab.ipynb"))[0]
    3
    """
    names: dict[str, Any] = {"__name__": notebook.name}
    shown = []
    try:
        with _at_home(notebook.parent), contextlib.redirect_stdout(io.StringIO()):
            for source in code:
                tree = ast.parse(source)
                last = (
                    tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
                )
                exec(compile(tree, notebook.name, "exec"), names)  # noqa: S102 - our own labs
                if isinstance(last, ast.Expr):
                    expression = compile(ast.Expression(last.value), notebook.name, "eval")
                    shown.append(eval(expression, names))  # noqa: S307 - our own labs
    except Exception as error:
        raise Unplayable(f"{notebook.name} does not run here: {error}") from error
    return [*shown, *names.values()]


@contextlib.contextmanager
def _at_home(folder: Path) -> Iterator[None]:
    """Let a notebook import what lies beside it, as its kernel does."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def of_kind(parts: list[Any], kind: Any) -> list[Any]:
    """Return the parts of a kind, each once.

    >>> of_kind([1, "a", 2, "a"], str)
    ['a']
    """
    return list({id(part): part for part in parts if isinstance(part, kind)}.values())
