"""Optimum: how often to save, between losing time with it and losing work without."""

from __future__ import annotations

import numpy as np

from mlsysim import units
from mlsysim.choices import NumberChoice
from mlsysim.explore.sweep import Sweep
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.curve import chosen_text, metric_scale, number_axis
from mlsysim_widgets.views.figure import Figure, axis, plain

_NAME = "checkpoint_interval_minutes"
_BEST = "optimal_checkpoint_interval"
_RULES = ("young_checkpoint_interval", "daly_checkpoint_interval")
# What the interval is chosen for, the nearest first.
_AIMS = ("performance.training_time", "reliability.goodput", "economics.cost_per_sample")
_SUPERLATIVE = {"lower": "least", "higher": "highest"}
# One step of the curve: the rules speak about its optimum only where they are this near.
_GRID = 0.13
# Beyond a few tens of times the best interval nearly nothing is kept.
_AROUND = (0.05, 20.0)


def applies(asked: Asked) -> bool:
    """Tell whether there is an interval to choose, and a best one that is known."""
    return isinstance(asked.declared.get(_NAME), NumberChoice) and _BEST in asked.ledger.reliability


def interval(asked: Asked) -> Figure:
    """Return the aim over the checkpoint interval, with the best one and what rules say."""
    control = asked.declared[_NAME]
    assert isinstance(control, NumberChoice)  # noqa: S101 - `applies` saw to it
    now, reliability = float(asked.choice[_NAME]), asked.ledger.reliability
    exact = float(getattr(reliability, f"{_BEST}_minutes"))
    ends = control.minimum, control.maximum
    low, high = np.clip(np.multiply(exact, _AROUND), *ends)
    values = np.unique(np.append(np.geomspace(low, high, 49), np.clip([now, exact], *ends)))
    swept = asked.sweep(_AIMS, **{_NAME: values})
    path, place = _aim(swept)
    metric, found = SystemLedger.metric(path), swept.full(path)
    best = float(values[place])
    rules = [
        (reliability.metrics[name].label, float(getattr(reliability, f"{name}_minutes")))
        for name in _RULES
        if name in reliability and np.isclose(best, exact, rtol=_GRID)
    ]
    at = {
        name: float(np.interp(value, values, found))
        for name, value in (("now", now), ("best", best))
    }
    scale = units.best_scale(at["best"], metric.unit)
    texts = {name: units.humanize(value, metric.unit) for name, value in at.items()}
    title = (
        f"{metric.label} is {_SUPERLATIVE[metric.better or 'lower']} when saving every "
        f"{chosen_text(control, best)}: "
        f"{texts['best']}, {texts['now']} at {chosen_text(control, now)}"
    )
    said = [f"{name} says {chosen_text(control, value)}" for name, value in rules]
    return {
        "name": "optimum",
        "kind": "lines",
        "title": title,
        "alt": "; ".join([title, *said]),
        "axes": {
            "x": number_axis(control, "log"),
            "y": axis(metric.label, scale.label, metric_scale(found, metric.unit)),
        },
        "series": [
            {
                "name": metric.label,
                "role": "line",
                "x": plain(values),
                "y": plain(scale.of(found)),
                "text": metric.label,
                "texts": [
                    f"{units.humanize(float(y), metric.unit)} at {chosen_text(control, x)}"
                    for x, y in zip(values, found, strict=True)
                ],
            },
            {"name": "Best", "role": "mark", "x": best, "text": chosen_text(control, best)},
            *(
                {"name": name, "role": "mark", "x": value, "text": chosen_text(control, value)}
                for name, value in rules
            ),
            {
                "name": "Now",
                "role": "point",
                "x": now,
                "y": plain([scale.of(at["now"])])[0],
                "text": texts["now"],
            },
        ],
        "table": {
            "columns": [control.label, metric.label],
            "rows": [
                [chosen_text(control, x), units.humanize(float(y), metric.unit)]
                for x, y in zip(values, found, strict=True)
            ],
        },
    }


def _aim(swept: Sweep) -> tuple[str, int]:
    """Return the first aim with an optimum inside the range, and where it is.

    Where storage that is paid for longer also writes faster, only the cost has one.
    """
    places = {}
    for path in _AIMS:
        if path in swept.values:
            lower = SystemLedger.metric(path).better == "lower"
            places[path] = int((np.argmin if lower else np.argmax)(swept.full(path)))
    edges = (0, np.subtract(len(swept.space.axes[0].values), 1))
    inside = (each for each in places.items() if each[1] not in edges)
    return next(inside, next(iter(places.items())))
