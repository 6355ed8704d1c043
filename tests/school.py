"""A class for tests: students who walk through real labs, and what they hand in."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from mlsysim_widgets import Cast, Decision, Journal, Prediction, Report, store

from mlsysim import Personas

LABS = Path(__file__).resolve().parents[1] / "labs"


def parts_of(lab: str) -> list[Any]:
    """Run the code of a lab as its kernel does, and return its parts."""
    volume, _, number = lab.partition("-")
    (notebook,) = LABS.glob(f"{volume}/{number}_*.ipynb")
    names: dict[str, Any] = {}
    shown = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, lab, "exec"), names)  # noqa: S102
        if last:
            shown.append(eval(compile(ast.Expression(last.value), lab, "eval"), names))  # noqa: S307
    return [*shown, *names.values()]


def of(parts: list[Any], kind: type) -> list[Any]:
    """Return the parts of a kind, each once."""
    return list({id(part): part for part in parts if isinstance(part, kind)}.values())


def walk(name: str, lab: str, *, until: int = 99) -> Report:
    """Let a student answer a lab in order, up to a number of answers; return the report.

    The same student always answers alike.
    """
    luck = random.Random(f"{name} {lab}")  # noqa: S311 - nobody guards a secret with it
    parts = parts_of(lab)
    (journal,), (cast,), (report,) = (of(parts, kind) for kind in (Journal, Cast, Report))
    journal.load(name)
    cast.play(luck.choice(list(Personas)))
    for part in [*of(parts, Prediction), *of(parts, Decision)][:until]:
        if isinstance(part, Decision):
            _decide(part, luck)
        elif part._number:
            low, high = part._number.minimum, part._number.maximum
            part.commit(min(high, max(low, round(part.answer * luck.lognormvariate(0, 0.8), 1))))
        else:
            part.commit(luck.choice(list(part._options)))
    return report


def _decide(part: Decision, luck: random.Random) -> None:
    dashboard = part.dashboard
    if dashboard is None:
        return
    for _ in range(luck.randrange(3)):
        control = luck.choice([c for c in dashboard.spec["controls"] if c["kind"] == "option"])
        dashboard.choose(**{control["name"]: luck.choice(control["options"])["value"]})
        if dashboard.error:
            dashboard.undo()
    part.decide(luck.choice(part.reasons))


def fill(folder: Path, students: Iterable[str], *labs: str) -> None:
    """Let students walk through labs to the end, and hand in."""
    for name in students:
        for lab in labs:
            hand_in(folder, name, walk(name, lab))


def sample(folder: Path) -> None:
    """Lay out what the instructor's page works with: a small class, and one journal apart."""
    few = list(names(3))
    fill(folder / "handed-in", few, "vol1-02", "vol1-08")
    (spoilt,) = folder.glob(f"handed-in/{few[1]}/report-vol1-02-*.json")
    spoilt.write_text(spoilt.read_text("utf-8")[:-100], encoding="utf-8")
    journal = walk(few[0], "vol1-08").data()
    folder.joinpath("journal.json").write_text(journal, encoding="utf-8")


def hand_in(folder: Path, name: str, report: Report) -> Path:
    """Put what a student downloads into a folder of its own, as a course's system does."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"report-{report.journal.lab}-{store.student_key(name)}.json"
    file.write_text(report.data(), encoding="utf-8")
    file.with_suffix(".html").write_text(report.page(), encoding="utf-8")
    return file


def names(count: int) -> Iterator[str]:
    """Return the names of as many students."""
    first = ["Ada", "Bo", "Chidi", "Dana", "Eva", "Farid"]
    last = ["Lindqvist", "Okafor", "Nakamura", "da Silva", "Müller"]
    pairs = [f"{one} {other}" for other in last for one in first]
    return iter(pairs[:count])
