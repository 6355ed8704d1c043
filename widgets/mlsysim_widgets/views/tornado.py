"""Tornado: how far each choice could move a metric, the widest first."""

from __future__ import annotations

import numpy as np

from mlsysim import units
from mlsysim.explore.sensitivity import Sensitivity, Swing
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.figure import Figure, axis, plain, spread

# Where no choice moves the metric asked for, the first of these that one does.
_OTHERS = (
    "performance.latency",
    "reliability.goodput",
    "reliability.availability",
    "sustainability.carbon",
    "economics.tco",
)
_ROWS = 10
_STILL = 1e-6


def applies(asked: Asked) -> bool:
    """Tell whether there are choices to compare, and a number that they may move."""
    known = any(asked.ledger.si(path) is not None for path in _OTHERS)
    return len(asked.simulation.choices) > 1 and known


def swings(asked: Asked) -> Figure:
    """Return the least and the most that each choice alone can make of a metric."""
    around = asked.simulation.sensitivity(asked.choice)
    known = [path for path in (asked.metric, *_OTHERS) if path in around.swings]
    moved = {path: _moving(around, path) for path in known}
    path = next((path for path in known if moved[path]), known[0])
    metric, now, found = SystemLedger.metric(path), asked.ledger.si(path), moved[path]
    labels = [asked.declared[swing.choice].label for swing in found]
    scale = units.best_scale(now, metric.unit)
    lows, highs = ([getattr(swing, end) for swing in found] for end in ("low", "high"))
    texts = [[units.humanize(value, metric.unit) for value in values] for values in (lows, highs)]
    here = units.humanize(now, metric.unit)
    title = f"{metric.label}: {here}, whatever is chosen"
    if found:
        ends = f"{texts[0][0]} to {texts[1][0]}"
        title = f"{metric.label} moves most with {labels[0].lower()}: {ends}, now {here}"
    return {
        "name": "tornado",
        "kind": "tornado",
        "title": title,
        "alt": "; ".join(
            [title, *(f"{a} {b} to {c}" for a, b, c in zip(labels, *texts, strict=True))]
        ),
        "axes": {"x": axis(metric.label, scale.label, _scale(found) if found else "linear")},
        "series": [
            {
                "name": "Whole range of the choice",
                "role": "span",
                "x": plain(scale.of(np.array(lows))),
                "until": plain(scale.of(np.array(highs))),
                "y": labels,
                "text": f"{len(found)} choices",
                "texts": [f"{a}: {b} to {c}" for a, b, c in zip(labels, *texts, strict=True)],
            },
            {"name": "Now", "role": "mark", "x": plain([scale.of(now)])[0], "text": here},
        ],
        "table": {
            "columns": ["Choice", "Least", "Most"],
            "rows": [list(row) for row in zip(labels, *texts, strict=True)],
        },
    }


def _moving(around: Sensitivity, path: str) -> list[Swing]:
    found = [
        swing
        for swing in around.tornado(path)
        if not np.isclose(swing.low, swing.high, rtol=_STILL, atol=0.0)
    ]
    if found and _scale(found) == "log":
        # What is wide on a logarithmic axis is wide as a ratio.
        found = sorted(found, key=lambda swing: swing.ratio, reverse=True)
    return found[:_ROWS]


def _scale(found: list[Swing]) -> str:
    return spread([end for swing in found for end in (swing.low, swing.high)])
