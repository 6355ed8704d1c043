"""Collecting: what a class handed in, as one table, one page, or the points of one student."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mlsysim.cli.labs import folder as labs_folder
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.explore.space import MissingLibrary

if TYPE_CHECKING:
    from mlsysim_widgets.answer_key import AnswerKey
    from mlsysim_widgets.judging import Answer, Collected

HELP = """\
Turn what a class handed in into one table (CSV) and one page (HTML).

FOLDER is searched, with all folders below it, for the data (JSON) that students downloaded in a
lab. Several files of one student are merged, and the newest version of an entry counts. What
cannot be read or does not hold together is named on standard error and on the page, and stops
nothing. Exit status: 0 when at least one journal was read, 2 when none was.

What is right is computed anew, by running the notebook of each lab as it lies in --labs; what a
journal says of itself is only held against that. Where a lab is not there, the outcome that most
of the class has on record decides, and the column "checked" says "recorded".

Noticed: entries changed without their history, answers that a lab does not take, outcomes and
designs that the engine does not compute, files named for somebody else, entries that two students
share. Not noticed: somebody who answers in another's name, who starts over until the answer is
right (see "attempts"), or who writes a whole journal by hand with times of its own. A journal is
the student's own file: it is not signed, and no check makes it proof.
"""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def run(arguments: Sequence[str], program: str) -> int:
    """Turn what a class handed in into one table and one page."""
    options = _parser(program).parse_args(arguments)
    if importlib.util.find_spec("anywidget") is None:
        raise MissingLibrary("anywidget", "widgets")
    from mlsysim_widgets.collected_page import page_of
    from mlsysim_widgets.handed_in import plain

    name = options.folder.resolve().name or "collected"
    collected = collect(options.folder, options.labs)
    for problem in collected.problems:
        print(plain(str(problem)), file=sys.stderr)  # noqa: T201 - a command speaks by printing
    if not collected.journals:
        print(f"{program}: there is no journal in {options.folder}", file=sys.stderr)  # noqa: T201
        return 2
    table, page = options.csv or Path(f"{name}.csv"), options.page or Path(f"{name}.html")
    written = io.StringIO()
    csv.writer(written).writerows(table_of(collected.answers))
    # Spreadsheets read it as UTF-8 only when it says so.
    _write(table, written.getvalue(), "utf-8-sig")
    _write(page, page_of(collected), "utf-8")
    print(summary(collected))  # noqa: T201
    print(f"Table: {table}\nPage:  {page}")  # noqa: T201
    return 0


def collect(folder: str | Path, labs: str | Path | None = None) -> Collected:
    """Return what was handed in below a folder, judged by the labs that are installed or given.

    Raises `InvalidInput` for what is no folder.
    """
    from mlsysim_widgets import handed_in, judging

    found = Path(folder)
    if not found.is_dir():
        raise InvalidInput("folder", str(folder), "a folder with what students handed in")
    return judging.judge(handed_in.read(found), _keys(labs))


def score(
    journal: str | Path = ".", *, lab: str, points: float = 1.0, labs: str | Path | None = None
) -> float:
    """Return the points of one student for one lab, from a journal or the folder it lies in.

    A prediction and a decision count when they are there, since nobody is marked on a prediction;
    a question counts when it is right:

        score = points · (predictions + decisions + right questions) / all that the lab asks

    Raises `InvalidInput` where there is no journal, or those of several students, or no such lab.
    """
    from mlsysim_widgets import handed_in, judging

    there = _keys(labs)
    if lab not in there:
        raise UnknownName("lab", lab, there)
    handed = handed_in.read(Path(journal), "*.json")
    if len(handed.students) != 1:
        students = [student.name for student in handed.students.values()]
        reasons = "; ".join(map(str, handed.problems)) or None
        accepted = "the journal of one student, or the folder it lies in"
        raise InvalidInput("journal", students or str(journal), accepted, reasons)
    key = there[lab]()
    judged = judging.judge(handed, {lab: lambda: key})
    (answers,) = [given for (_, of), given in judged.found.items() if of == lab] or [{}]
    asked = judging.furthest(key, answers)
    earned = [answer is not None and _earns(answer) for answer in asked]
    return float(fmean(points if each else 0.0 for each in earned))


def table_of(answers: Iterable[Answer]) -> list[list[Any]]:
    """Return the table, a heading and a row for each answer, safe to open in a spreadsheet."""
    rows = [[_cell(value) for value in vars(answer).values()] for answer in answers]
    return [columns(), *rows]


def columns() -> list[str]:
    """Return the names of the columns."""
    from mlsysim_widgets.judging import Answer

    return [field.name for field in fields(Answer)]


def summary(collected: Collected) -> str:
    """Return in words how many handed in and finished what."""
    counts = {
        "Journals": collected.journals,
        "students": len(collected.students),
        "answers": len(collected.answers),
        "problems": len(collected.problems),
    }
    lines = [f"{', '.join(f'{name}: {count}' for name, count in counts.items())}."]
    for lab in collected.labs:
        of_lab = [each for (_, name), each in collected.progress.items() if name == lab]
        finished = len([each for each in of_lab if each.finished])
        lines.append(f"{lab}: {finished} of {len(of_lab)} who began have finished.")
    return "\n".join(lines)


def _earns(answer: Answer) -> bool:
    return answer.kind != "question" or bool(answer.right)


def _cell(value: Any) -> Any:
    """Return a value as a spreadsheet takes it; a text must never be taken for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _keys(labs: str | Path | None) -> dict[str, Callable[[], AnswerKey]]:
    """Return what makes the keys of the labs that are given, else of those installed here."""
    from mlsysim_widgets.answer_key import answer_keys

    if labs is not None:
        if not Path(labs).is_dir():
            raise InvalidInput("labs", str(labs), "a folder with the notebooks of the labs")
        return answer_keys(Path(labs))
    try:
        return answer_keys(labs_folder())
    except InvalidInput:
        return {}


def _write(file: Path, text: str, encoding: str) -> None:
    try:
        file.write_text(text, encoding, newline="")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput("file", str(file), "a place that can be written", reason) from None


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="what students handed in")
    add("--csv", type=Path, metavar="FILE", help="the table (default: FOLDER's name.csv, here)")
    add("--page", type=Path, metavar="FILE", help="the page (default: FOLDER's name.html, here)")
    add("--labs", type=Path, metavar="FOLDER",
        help="the labs that the class worked on (default: those of this installation)")  # fmt: skip
    return parser
