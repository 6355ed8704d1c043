"""Collected page: what a class handed in, to look at before the discussion, and to print."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from mlsysim.personas import Personas
from mlsysim_widgets import store
from mlsysim_widgets.collected_designs import designs_figure
from mlsysim_widgets.judging import NOT_OFFERED, Answer, Collected, Progress
from mlsysim_widgets.lesson import Prediction
from mlsysim_widgets.lesson_design import Decision
from mlsysim_widgets.paper import time_text, whole_page

_RATIOS = (0.1, 0.3333, 1, 3, 10)
_MISSES = (
    "more than 10 × too low",
    "3 to 10 × too low",
    "up to 3 × too low",
    "up to 3 × too high",
    "3 to 10 × too high",
    "more than 10 × too high",
)
_RIGHT = "right"
_KINDS = ("prediction", "decision", "question")
_LONGEST = 120


def page_of(collected: Collected) -> str:
    """Return one self-contained page: problems, who finished what, and every question."""
    count = _count(len(collected.students), "student")
    header = (
        f"<h1>What {count} handed in</h1>"
        f"<p>{_count(collected.journals, 'journal')} read, {time_text(store.now())}. "
        "Answers are counted as they stand now; starting over is counted in the table.</p>"
    )
    sections = "".join(_lab(lab, collected) for lab in collected.labs)
    body = f"{_problems(collected)}{_finished(collected)}{sections}"
    return whole_page(f"What {count} handed in", header, body, "report.css", "collected.css")


def _problems(collected: Collected) -> str:
    if not collected.problems:
        return ""
    listed = "".join(
        f"<li><strong>{escape(problem.file)}</strong>: {escape(problem.reason)}</li>"
        for problem in collected.problems
    )
    title = f"{_count(len(collected.problems), 'thing')} to look at"
    return f"<section><h2>{title}</h2><ul class='problems'>{listed}</ul></section>"


# ── Who finished what ───────────────────────────────────────────────────────────────────────


def _finished(collected: Collected) -> str:
    if not collected.students:
        return "<p>Nobody has answered anything yet.</p>"
    labs = [escape(lab) for lab in collected.labs]
    heads = "".join(f"<th scope='col'><a href='#{lab}'>{lab}</a></th>" for lab in labs)
    rows = "".join(
        f"<tr><th scope='row'>{escape(student)}</th>"
        f"{''.join(_cell(collected.progress.get((student, lab))) for lab in collected.labs)}</tr>"
        for student in collected.students
    )
    totals = "".join(f"<td>{_total(lab, collected)}</td>" for lab in collected.labs)
    return (
        "<section><h2>Who finished what</h2>"
        "<p class='soft'>Answered of all that the lab asks of one persona, decisions included, and "
        "right of what is right or wrong. Nobody is marked on a prediction.</p>"
        "<div class='wide' tabindex='0' role='region' aria-label='Who finished what'>"
        f"<table><thead><tr><th scope='col'>Student</th>{heads}</tr></thead><tbody>{rows}"
        f"<tr><th scope='row'>Finished</th>{totals}</tr></tbody></table></div></section>"
    )


def _cell(progress: Progress | None) -> str:
    if progress is None:
        return "<td>–</td>"
    done = "✓ " if progress.finished else ""
    look = " class='done'" if progress.finished else ""
    answered = f"{done}{progress.answered} of {progress.asked}"
    return f"<td{look}>{answered}, {progress.right} of {progress.judged} right</td>"


def _total(lab: str, collected: Collected) -> str:
    of_lab = [progress for (_, name), progress in collected.progress.items() if name == lab]
    finished = [progress for progress in of_lab if progress.finished]
    return f"{len(finished)} of {len(of_lab)}"


# ── One lab ─────────────────────────────────────────────────────────────────────────────────


def _lab(lab: str, collected: Collected) -> str:
    key = collected.keys.get(lab)
    asked: dict[str, list[Answer]] = {}
    for answer in collected.answers:
        if answer.lab == lab and answer.checked != NOT_OFFERED:
            asked.setdefault(answer.question, []).append(answer)
    parts = {entry.question: entry.part for entry in key.entries.values()} if key else {}
    ordered = sorted(asked, key=lambda question: _KINDS.index(asked[question][0].kind))
    articles = "".join(_article(asked[question], parts.get(question)) for question in ordered)
    unknown = "" if key else "<p class='soft'>This lab is not here: outcomes are as recorded.</p>"
    title = escape(key.title if key else f"Lab {lab}")
    return f"<section id='{escape(lab)}'><h2>{title}</h2>{unknown}{articles}</section>"


def _article(answers: Sequence[Answer], part: Prediction | Decision | None) -> str:
    question = escape(answers[0].asked)
    body = (
        _decisions(answers, part if isinstance(part, Decision) else None)
        if answers[0].kind == "decision"
        else _predictions(answers, part if isinstance(part, Prediction) else None)
    )
    kind = escape(f"{answers[0].kind} {answers[0].question}")
    return f"<article><h3>{question}</h3><p class='soft'>{kind}</p>{body}</article>"


def _predictions(answers: Sequence[Answer], part: Prediction | None) -> str:
    finding, told = _finding(answers)
    if part is not None and not part.labels:
        histograms = _by_ratio(answers, part.within)
    else:
        histograms = _by_persona(answers, part.labels if part else [])
    return f"<p class='finding'>{escape(finding)}</p>{histograms}{told}"


def _by_ratio(answers: Sequence[Answer], within: float) -> str:
    counts = Counter(
        _RIGHT if answer.right else _MISSES[bisect(_RATIOS, answer.ratio or 0)]
        for answer in answers
    )
    outcomes = sorted({(answer.persona, answer.outcome) for answer in answers})
    computed = ", ".join(
        f"{outcome} for {Personas[persona].label}" if persona else outcome
        for persona, outcome in outcomes
    )
    order = [*_MISSES[:3], _RIGHT, *_MISSES[3:]]
    bars = _bars(counts, order, {_RIGHT: f"right, within a factor of {within:g}"})
    return f"<p class='soft'>It is {escape(computed)}.</p>{bars}"


def _by_persona(answers: Sequence[Answer], labels: Sequence[str]) -> str:
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.persona, answer.outcome), []).append(answer)
    drawn = [
        f"<div>{_whose(persona, len(groups))}"
        f"{_bars(Counter(a.answer for a in group), labels, {outcome: f'{outcome}: right'})}</div>"
        for (persona, outcome), group in sorted(groups.items())
    ]
    return f"<div class='several'>{''.join(drawn)}</div>"


def _whose(persona: str, groups: int) -> str:
    return f"<h4>{escape(Personas[persona].label)}</h4>" if persona and groups > 1 else ""


def _bars(
    counts: Counter[str], order: Iterable[str], right: Mapping[str, str] | None = None
) -> str:
    right = right or {}
    names = dict.fromkeys([*order, *right, *(name for name, _ in counts.most_common())])
    rows = "".join(
        f"<li{' class=right' if name in right else ''} style='--count:{counts[name]}'>"
        f"{'✓ ' if name in right else ''}{escape(_short(right.get(name, name)))}"
        f"<div class='measure'><span class='bar'></span><span>{counts[name]}</span></div></li>"
        for name in names
    )
    return f"<ol class='bars' style='--most:{max(counts.values())}'>{rows}</ol>"


def _finding(answers: Sequence[Answer]) -> tuple[str, str]:
    """Return how many are right, and what most others believe, in the words of the lab."""
    right = [answer for answer in answers if answer.right]
    wrong = Counter((_said(answer), answer.misconception) for answer in answers if not answer.right)
    finding = f"{len(right)} of {len(answers)} are right"
    if not wrong:
        return f"{finding}.", ""
    (((said, why), count),) = wrong.most_common(1)
    told = f"<p><strong>Most common misconception:</strong> {escape(why)}</p>" if why else ""
    return f"{finding}; {count} say: {said}.", told


def _said(answer: Answer) -> str:
    if answer.ratio is None or answer.answer.endswith("×"):
        return _short(answer.answer)
    return "less than that" if answer.ratio < 1 else "more than that"


def _decisions(answers: Sequence[Answer], part: Decision | None) -> str:
    reasons = Counter(answer.answer for answer in answers)
    reason, count = reasons.most_common(1)[0]
    finding = f"{count} of {len(answers)} say: {_short(reason)}."
    bars = _bars(reasons, part.reasons if part else [])
    return f"<p class='finding'>{escape(finding)}</p>{bars}{designs_figure(answers)}"


def _short(text: str) -> str:
    return f"{text[:_LONGEST]}…" if text[_LONGEST:] else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
