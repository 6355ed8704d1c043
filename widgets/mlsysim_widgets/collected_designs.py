"""Collected designs: what a class decided for, on one plot of two aims that pull apart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from mlsysim.ledger import SystemLedger
from mlsysim.units import humanize
from mlsysim_widgets.judging import NUMBERS, Answer

_TICKS = 4
_MOST_NAMES = 8


class _Aim(NamedTuple):
    """One axis: a column of the table, and how its values are called and written."""

    column: str
    label: str
    unit: str

    def of(self, answer: Answer) -> float:
        value = getattr(answer, self.column)
        return float(value) if value is not None else 0.0

    def text(self, value: float) -> str:
        return humanize(value, self.unit)


def designs_figure(answers: Sequence[Answer]) -> str:
    """Return the designs of one decision: time against carbon, or against cost without it.

    A design is beaten where another for the same persona and application is at least as good in
    both and better in one.
    """
    time, carbon, cost = (_aim(column) for column in NUMBERS)
    other = carbon if any(carbon.of(answer) > 0 for answer in answers) else cost
    drawn = [answer for answer in answers if time.of(answer) > 0 and other.of(answer) > 0]
    if not drawn:
        return ""
    beaten = [answer for answer in drawn if _beaten(answer, drawn, time, other)]
    aim = "emits less" if other is carbon else "costs less"
    title = (
        f"{len(beaten)} of {len(drawn)} designs are beaten: one of the same task takes no longer "
        f"and {aim}, or the other way round."
        if beaten
        else f"None of the {len(drawn)} designs is beaten in both time and {other.label.lower()}."
    )
    tasks = list(dict.fromkeys(_task(answer) for answer in sorted(drawn, key=_task)))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>{_key(tasks)}"
        f"<p class='soft'>Up: {escape(other.label.lower())}; to the right: "
        f"{escape(time.label.lower())}; both logarithmic. Filled: not beaten. "
        "A number counts equal designs.</p>"
        f"{_plot(drawn, beaten, tasks, time, other)}</figure>{_table(drawn, beaten, time, other)}"
    )


def _aim(column: str) -> _Aim:
    metric = SystemLedger.metric(NUMBERS[column])
    return _Aim(column, metric.label, metric.unit)


def _task(answer: Answer) -> str:
    return f"{answer.persona} · {answer.application}"


def _beaten(answer: Answer, answers: Sequence[Answer], time: _Aim, other: _Aim) -> bool:
    own = (time.of(answer), other.of(answer))
    rivals = [(time.of(r), other.of(r)) for r in answers if _task(r) == _task(answer)]
    return any(one[0] <= own[0] and one[1] <= own[1] and one != own for one in rivals)


def _plot(
    drawn: Sequence[Answer], beaten: Sequence[Answer], tasks: list[str], time: _Aim, other: _Aim
) -> str:
    groups: dict[tuple[str, str, str], list[Answer]] = {}
    across, upward = ([aim.of(answer) for answer in drawn] for aim in (time, other))
    for answer in drawn:
        place = (_place(time.of(answer), across), _place(other.of(answer), upward))
        groups.setdefault((_task(answer), *place), []).append(answer)
    marks = "".join(
        f"<span class='mark persona-{_shape(tasks.index(task))}"
        f"{'' if group[0] in beaten else ' unbeaten'}' style='left:{x}%;bottom:{y}%' "
        f"title='{escape(_names(group))}'>{f'<b>{len(group)}</b>' if group[1:] else ''}</span>"
        for (task, x, y), group in groups.items()
    )
    alt = (
        f"{len(drawn)} designs; {time.label.lower()} from {time.text(min(across))} to "
        f"{time.text(max(across))}, {other.label.lower()} from {other.text(min(upward))} to "
        f"{other.text(max(upward))}; {len(beaten)} are beaten. The table below lists them."
    )
    ticks = [*_ticks("x", "left", time, across), *_ticks("y", "bottom", other, upward)]
    return f"<div class='plot' role='img' aria-label='{escape(alt)}'>{''.join(ticks)}{marks}</div>"


def _place(value: float, values: Sequence[float]) -> str:
    """Return where a value stands on a logarithmic axis, in percent."""
    low, high = min(values), max(values)
    if low == high:
        return "50"
    return f"{np.interp(np.log(value), np.log([low, high]), [6, 94]):.1f}"


def _ticks(axis: str, side: str, aim: _Aim, values: Sequence[float]) -> list[str]:
    steps = {aim.text(float(v)): v for v in np.geomspace(min(values), max(values), _TICKS)}
    return [
        f"<span class='{axis}' style='{side}:{_place(float(value), values)}%'>{escape(text)}</span>"
        for text, value in steps.items()
    ]


def _shape(place: int) -> int:
    return int(np.mod(place, 4))


def _names(group: Sequence[Answer]) -> str:
    names = [answer.student for answer in group]
    more = f" and {len(names[_MOST_NAMES:])} more" if names[_MOST_NAMES:] else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _key(tasks: Sequence[str]) -> str:
    items = "".join(
        f"<li><span class='mark unbeaten persona-{_shape(place)}'></span>{escape(task)}</li>"
        for place, task in enumerate(tasks)
    )
    return f"<ul class='key'>{items}</ul>"


def _table(drawn: Sequence[Answer], beaten: Sequence[Answer], time: _Aim, other: _Aim) -> str:
    heads = ("Student", "Task", time.label, other.label, "Beaten", "Because", "Design")
    rows = "".join(
        f"<tr><th scope='row'>{escape(answer.student)}</th><td>{escape(_task(answer))}</td>"
        f"<td>{escape(time.text(time.of(answer)))}</td>"
        f"<td>{escape(other.text(other.of(answer)))}</td>"
        f"<td>{'yes' if answer in beaten else 'no'}</td>"
        f"<td class='words'>{escape(answer.answer)}</td>"
        f"<td class='words'>{escape(answer.design)}</td></tr>"
        for answer in drawn
    )
    columns = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    return (
        "<details><summary>All designs as a table</summary>"
        "<div class='wide' tabindex='0' role='region' aria-label='All designs as a table'>"
        f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
