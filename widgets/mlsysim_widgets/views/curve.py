"""Curve: a metric over the whole range of one number, and where its verdicts flip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlsysim import units
from mlsysim.choices import NumberChoice
from mlsysim.errors import UnknownName
from mlsysim.explore.ranges import Flip, flips, grid, numbers_of, scale_of
from mlsysim.explore.sweep import VERDICTS, Sweep
from mlsysim.ledger import SystemLedger
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets.controls import unit_label
from mlsysim_widgets.views.figure import Figure, axis, plain, spread

# More flips than these cannot be told apart in a small drawing; the table has them all.
_MOST_FLIPS = 4


def around(
    simulation: BaseSimulation, choice: Mapping[str, Any], control_name: str, metric: str
) -> Figure | None:
    """Return a metric over the range of one control, with the present design and the flips.

    None where the control is no number, where the metric does not apply, or where a simulation
    cannot take arrays.

    >>> from mlsysim import ResourceSimulation
    >>> simulation = ResourceSimulation("Doorbell")
    >>> around(simulation, {}, "batch_size", "performance.latency")["title"]
    'Latency: 111 ms at batch size 1; Deadline holds up to 1'
    """
    control = numbers_of(simulation).get(control_name)
    if control is None:
        return None
    complete = simulation.complete(choice)
    present = complete[control_name]
    try:
        swept = simulation.sweep(
            metrics=[metric], **{**complete, control_name: grid(control, present)}
        )
    except UnknownName:
        raise
    except Exception:  # noqa: BLE001 - whatever a user's simulation raises for an array
        return None
    return _curve(swept, control, present, metric) if metric in swept.values else None


def _curve(swept: Sweep, control: NumberChoice, present: float, path: str) -> Figure:
    metric = SystemLedger.metric(path)
    values, found = swept.space.axes[0].values, swept.full(path)
    now = float(found[values == present][0])
    scale = units.best_scale(now, metric.unit)
    told = [(flip, _told(control, flip)) for flip in flips(swept, control, present)[:_MOST_FLIPS]]
    text = units.humanize(now, metric.unit)
    here = f"{text} at {control.label.lower()} {chosen_text(control, present)}"
    finding = told[0][1] if told else _range(found, metric.unit)
    return {
        "name": "around",
        "kind": "curve",
        "title": f"{metric.label}: {here}; {finding}",
        "alt": f"{metric.label} over {control.label.lower()}, "
        f"{_range(found, metric.unit)}, {here}. {'. '.join(words for _, words in told)}".strip(),
        "axes": {
            "x": number_axis(control, scale_of(control)),
            "y": axis(metric.label, scale.label, metric_scale(found, metric.unit)),
        },
        "series": [
            {
                "name": metric.label,
                "role": "line",
                "x": plain(values),
                "y": plain(scale.of(found)),
                "text": _range(found, metric.unit),
            },
            {
                "name": "Now",
                "role": "point",
                "x": float(present),
                "y": plain([scale.of(now)])[0],
                "text": text,
            },
            *(
                {
                    "name": flip.constraint,
                    "role": "flip",
                    "x": plain([flip.at])[0],
                    "below": flip.holds_below,
                    "text": words,
                }
                for flip, words in told
            ),
        ],
        "table": _table(swept, control, path),
    }


def chosen_text(control: NumberChoice, value: float) -> str:
    """Return a value of a number the way people read it."""
    many = value >= 1e6
    number = units.humanize(float(value), "sample") if many else units.number_text(float(value))
    return f"{number} {_unit(control)}".strip()


def number_axis(control: NumberChoice, scale: str) -> dict[str, Any]:
    """Return the axis of a number, with its unit unless its label says it."""
    return axis(control.label, _unit(control), scale)


def _unit(control: NumberChoice) -> str:
    """Return the unit of a number, unless its label says it."""
    unit = unit_label(control.unit)
    return "" if control.label.lower().endswith(unit) else unit


def metric_scale(found: Any, unit: str) -> str:
    """Return the scale of an axis on which values of a metric can be told apart."""
    # Shares are read as shares: nobody looks for a tenth of a percent.
    return "linear" if unit == "dimensionless" else spread(found)


def _told(control: NumberChoice, flip: Flip) -> str:
    where = "up to" if flip.holds_below else "from"
    about = "" if flip.exact else "about "
    return f"{flip.constraint} holds {where} {about}{chosen_text(control, flip.at)}"


def _range(found: Any, unit: str) -> str:
    low, high = (units.humanize(float(end), unit) for end in (found.min(), found.max()))
    return f"{low} everywhere" if low == high else f"{low} to {high}"


def _table(swept: Sweep, control: NumberChoice, path: str) -> Any:
    metric = SystemLedger.metric(path)
    margins = [each for each in swept.values if each.startswith(VERDICTS)]
    over = (swept.full(each) for each in margins)
    rows = zip(swept.space.axes[0].values, swept.full(path), *over, strict=True)
    return {
        "columns": [
            control.label,
            metric.label,
            *(each.removeprefix(VERDICTS) for each in margins),
        ],
        "rows": [
            [
                chosen_text(control, value),
                units.humanize(float(number), metric.unit),
                *(_state(each) for each in states),
            ]
            for value, number, *states in rows
        ],
    }


def _state(margin: float) -> str:
    if np.isnan(margin):
        return "–"
    return "holds" if margin >= 0.0 else "broken"
