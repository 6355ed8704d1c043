"""Judging: what each student of a class answered, held against what the labs compute."""

from __future__ import annotations

import contextlib
import json
import math
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from mlsysim import simulations
from mlsysim.errors import MLSysimError
from mlsysim.ledger import SystemLedger
from mlsysim_widgets import store
from mlsysim_widgets.answer_key import AnswerKey, Unplayable, question_of
from mlsysim_widgets.handed_in import HandedIn, Problem, Student, entries_of
from mlsysim_widgets.lesson import Prediction
from mlsysim_widgets.lesson_design import Decision
from mlsysim_widgets.store import Record

NUMBERS = {
    "latency_s": "performance.latency",
    "carbon_kg": "sustainability.carbon",
    "cost_usd": "economics.tco",
}
"""What the table tells of a design: column and metric, in the unit that the column names."""

NOT_OFFERED = "not offered"
"""How an answer is marked that its lab does not take: it counts nowhere."""


@dataclass(frozen=True)
class Answer:
    """One row of the table: what one student answered or decided, and how it was."""

    student: str
    lab: str
    question: str
    persona: str
    kind: str
    asked: str
    answer: str
    outcome: str = ""
    right: bool | None = None
    ratio: float | None = None
    misconception: str = ""
    application: str = ""
    design: str = ""
    latency_s: float | None = None
    carbon_kg: float | None = None
    cost_usd: float | None = None
    attempts: int = 1
    time: str = ""
    checked: str = "recorded"
    finished: bool = False
    file: str = ""


Found = dict[tuple[str, str], dict[str, Answer]]
"""Answers of a student in a lab, by the name of each entry."""


@dataclass(frozen=True)
class Progress:
    """How far one student is in one lab, as the persona that is furthest.

    >>> Progress(answered=5, asked=6, right=2, judged=4).finished
    False
    """

    answered: int
    asked: int
    right: int
    judged: int

    @property
    def finished(self) -> bool:
        """Whether everything is answered."""
        return self.answered >= self.asked


@dataclass
class Collected:
    """A class: its answers, how far each student is in each lab, the labs' keys, problems."""

    found: Found = field(default_factory=dict)
    progress: dict[tuple[str, str], Progress] = field(default_factory=dict)
    keys: dict[str, AnswerKey] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    journals: int = 0

    @property
    def answers(self) -> list[Answer]:
        """The rows of the table."""
        return [answer for answers in self.found.values() for answer in answers.values()]

    @property
    def students(self) -> list[str]:
        """The names of all students who answered something, in order."""
        return sorted({student for student, _ in self.progress}, key=str.casefold)

    @property
    def labs(self) -> list[str]:
        """The labs that somebody answered, in order."""
        return sorted({lab for _, lab in self.progress})


def judge(handed: HandedIn, there: Mapping[str, Callable[[], AnswerKey]]) -> Collected:
    """Return what a class handed in, judged by the keys of the labs as far as they are there."""
    collected = Collected(problems=list(handed.problems), journals=handed.journals)
    collected.keys = _keys_of(handed, there, collected.problems)
    students = sorted(handed.students.values(), key=lambda student: student.name.casefold())
    for student in students:
        for name, versions in entries_of(student.records).items():
            lab, _, entry = name.partition("/")
            answer, doubts = _answer(student, name, versions, collected.keys.get(lab))
            if answer:
                collected.problems += [Problem(answer.file, f"{name}: {each}") for each in doubts]
                collected.found.setdefault((student.name, lab), {})[entry] = answer
    _hold_against_class(collected)
    for (student_name, lab), answers in collected.found.items():
        progress = _progress(lab, answers, collected.keys.get(lab), collected.found)
        collected.progress[student_name, lab] = progress
        for name, answer in answers.items():
            answers[name] = replace(answer, finished=progress.finished)
    return collected


def furthest(key: AnswerKey, answers: Mapping[str, Answer]) -> list[Answer | None]:
    """Return the answers to all that a lab asks of the persona who is furthest, None for a gap."""
    valid = {name: each for name, each in answers.items() if each.checked != NOT_OFFERED}
    of_personas = [[valid.get(name) for name in key.required(each)] for each in key.personas]
    return max(of_personas, key=lambda found: len(list(filter(None, found))))


def _keys_of(
    handed: HandedIn, there: Mapping[str, Callable[[], AnswerKey]], problems: list[Problem]
) -> dict[str, AnswerKey]:
    answered = {
        name.partition("/")[0]
        for student in handed.students.values()
        for name in entries_of(student.records)
    }
    keys = {}
    for lab in sorted(answered & set(there)):
        try:
            keys[lab] = there[lab]()
        except Unplayable as error:
            problems.append(Problem(lab, str(error)))
    return keys


def _answer(
    student: Student, name: str, versions: list[Record], key: AnswerKey | None
) -> tuple[Answer | None, list[str]]:
    record = store.standing(versions)
    if record is None or record.data is None:
        return None, []
    lab, _, entry = name.partition("/")
    question, persona = question_of(entry)
    known = key.entries.get(entry) if key else None
    decided = record.kind == "decision"
    answer = Answer(
        student=student.name,
        lab=lab,
        question=question,
        persona=persona or record.data.get("design", {}).get("persona", ""),
        kind=known.kind if known else record.kind,
        asked=record.data["question"],
        answer=record.data["reason" if decided else "text"],
        attempts=len([version for version in versions if version.data]),
        time=f"{record.time[:19]}Z",
        file=student.files[record.key],
    )
    doubts = []
    if not decided and len([version for version in versions if not version.replaces]) > 1:
        doubts.append("it was begun more than once; the earliest answer counts")
    part = known.part if known else None
    if key and (part is None or isinstance(part, Decision) != decided):
        doubts.append(f"{key.title} asks no {record.kind} of that name")
        return replace(answer, checked=NOT_OFFERED), doubts
    if decided:
        return _decided(answer, record.data, part, key, doubts), doubts
    if isinstance(part, Prediction):
        return _computed(answer, record.data, part, doubts), doubts
    return _recorded(answer, record.data, doubts), doubts


# ── Predictions and questions ───────────────────────────────────────────────────────────────


def _computed(
    answer: Answer, data: Mapping[str, Any], part: Prediction, doubts: list[str]
) -> Answer:
    given = data["given"]
    try:
        true = part.judged(given)
    except MLSysimError:
        doubts.append(f"{reprlib.repr(given)} is no answer that the lab takes")
        return replace(answer, answer=str(given), right=False, checked=NOT_OFFERED)
    claimed = [name for name in ("text", "actual", "right") if data[name] != true[name]]
    if claimed:
        ours, theirs = (", ".join(_named(n, each) for n in claimed) for each in (true, data))
        doubts.append(f"it says {theirs}; the lab says {ours}")
    worded = [name for name in ("question", "feedback") if data[name] != true[name]]
    if worded and not claimed:
        doubts.append(f"its {' and '.join(worded)} has other words than the lab here")
    return replace(
        answer,
        asked=true["question"],
        answer=true["text"],
        outcome=true["actual"],
        right=true["right"],
        ratio=None if isinstance(given, str) else part.ratio(given),
        misconception="" if true["right"] else true["feedback"],
        checked="computed",
    )


def _named(name: str, data: Mapping[str, Any]) -> str:
    called = {"text": "answered", "actual": "outcome", "right": "right"}[name]
    return f"{called}: {reprlib.repr(data[name])}"


def _recorded(answer: Answer, data: Mapping[str, Any], doubts: list[str]) -> Answer:
    right = bool(data["right"])
    if isinstance(data["given"], str):
        right = data["given"] == data["actual"]
        if right != data["right"]:
            doubts.append(f"it says right: {data['right']}, but its own outcome says {right}")
    return replace(
        answer,
        answer=data["text"],
        outcome=data["actual"],
        right=right,
        misconception="" if right else data["feedback"],
    )


def _hold_against_class(collected: Collected) -> None:
    """Report who has another outcome on record than most, where no lab can be asked."""
    same: dict[tuple[str, str], list[Answer]] = {}
    for (_, lab), answers in collected.found.items():
        for entry, answer in answers.items():
            if answer.checked == "recorded" and answer.kind != "decision":
                same.setdefault((lab, entry), []).append(answer)
    for (lab, entry), answers_of_class in same.items():
        ((outcome, count),) = Counter(each.outcome for each in answers_of_class).most_common(1)
        others = [each for each in answers_of_class if each.outcome != outcome]
        if count <= len(others):
            continue
        for other in others:
            said = f"its outcome is {reprlib.repr(other.outcome)}, that of most students {outcome}"
            collected.problems.append(Problem(other.file, f"{lab}/{entry}: {said}"))
            right = other.answer == outcome
            judged = replace(other, outcome=outcome, right=right)
            collected.found[other.student, lab][entry] = judged


# ── Decisions ───────────────────────────────────────────────────────────────────────────────


def _decided(
    answer: Answer, data: Mapping[str, Any], part: Any, key: AnswerKey | None, doubts: list[str]
) -> Answer:
    reason, design = data["reason"], data["design"]
    answer = replace(answer, application=design["application"], design=design["sentence"])
    if part and reason not in part.reasons:
        doubts.append(f"{reprlib.repr(reason)} is no reason that the lab offers")
        return replace(answer, checked=NOT_OFFERED)
    claimed = {number["path"]: number for number in design["numbers"]}
    numbers = {column: claimed.get(path, {}).get("value") for column, path in NUMBERS.items()}
    kinds = {kind.__name__: kind for kind in simulations.SIMULATIONS}
    kind = {**kinds, **(key.simulations if key else {})}.get(design["simulation"])
    ledger = None
    try:
        ledger = kind and _ledger(
            kind, design["application"], design["persona"], json.dumps(design["choice"])
        )
    except Exception as error:  # noqa: BLE001 - a design made by hand may raise anything
        doubts.append(f"its design cannot be evaluated: {error}")
    if ledger:
        numbers = {column: ledger.si(path) for column, path in NUMBERS.items()}
        doubts.extend(_other_numbers(claimed, ledger))
    latency, carbon, cost = (_finite(value) for value in numbers.values())
    return replace(
        answer,
        latency_s=latency,
        carbon_kg=carbon,
        cost_usd=cost,
        checked="computed" if ledger else "recorded",
    )


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@cache
def _ledger(kind: Any, application: str, persona: str, choice: str) -> SystemLedger:
    ledger: SystemLedger = kind(application, persona).evaluate(json.loads(choice))
    return ledger


def _other_numbers(claimed: Mapping[str, Any], ledger: SystemLedger) -> list[str]:
    doubts = []
    for path, number in claimed.items():
        text = ""
        with contextlib.suppress(MLSysimError):
            ledger.si(path)
            group, _, name = path.partition(".")
            text = getattr(ledger, group).text(name)
        if text != number["text"]:
            said = f"{number['label']} {reprlib.repr(number['text'])}, the design {text or 'none'}"
            doubts.append(f"it says {said}")
    return doubts


# ── Progress ────────────────────────────────────────────────────────────────────────────────


def _progress(
    lab: str,
    answers: Mapping[str, Answer],
    key: AnswerKey | None,
    found: Found,
) -> Progress:
    if key:
        required = furthest(key, answers)
        given = list(filter(None, required))
        asked = len(required)
    else:
        # Nobody can be asked for more than somebody answered.
        given = list({answer.question: answer for answer in answers.values()}.values())
        of_class = [each for (_, other), each in found.items() if other == lab]
        asked = len({answer.question for each in of_class for answer in each.values()})
    judged = [answer for answer in given if answer.right is not None]
    right = [answer for answer in judged if answer.right]
    return Progress(len(given), asked, len(right), len(judged))
