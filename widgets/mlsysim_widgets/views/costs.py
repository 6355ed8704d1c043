"""Costs: what the money is spent on, as the deployment goes on."""

from __future__ import annotations

import numpy as np

from mlsysim import units
from mlsysim.choices import NumberChoice
from mlsysim_widgets.views.asked import Asked, paths_of, stacked
from mlsysim_widgets.views.curve import chosen_text, number_axis
from mlsysim_widgets.views.figure import Figure, axis, plain

_TOTAL = "economics.tco"
_POINTS = 40
_NAME = "duration_days"


def applies(asked: Asked) -> bool:
    """Tell whether there is a cost, and a duration to spread it over."""
    duration = asked.declared.get(_NAME)
    return isinstance(duration, NumberChoice) and bool(asked.ledger.si(_TOTAL))


def over_time(asked: Asked) -> Figure:
    """Return the parts of the cost, stacked, over the whole range of the duration."""
    duration, now = asked.declared[_NAME], float(asked.choice[_NAME])
    assert isinstance(duration, NumberChoice)  # noqa: S101 - `applies` saw to it
    days = np.unique(np.append(np.linspace(duration.minimum, duration.maximum, _POINTS), now))
    swept = asked.sweep(paths_of(_TOTAL), duration_days=days)
    total, parts = swept.full(_TOTAL), stacked(swept, _TOTAL)
    scale = units.best_scale(float(total.max()), "USD")
    texts = [[units.humanize(float(value), "USD") for value in values] for _, values in parts]
    present = int(np.searchsorted(days, now))
    shares = {name: float(values[present]) for name, values in parts}
    largest = max(shares, key=lambda name: shares[name])
    title = (
        f"Cost: {units.humanize(float(total[present]), 'USD')} over {chosen_text(duration, now)}; "
        f"the largest part is {largest.lower()}, {units.humanize(shares[largest], 'USD')}"
    )
    whens = [chosen_text(duration, day) for day in days]
    return {
        "name": "costs",
        "kind": "stack",
        "title": title,
        "alt": f"{title}. Up to {units.humanize(float(total.max()), 'USD')} over {whens[-1]}",
        "axes": {"x": number_axis(duration, "linear"), "y": axis("Cost", scale.label)},
        "series": [
            *(
                {
                    "name": name,
                    "role": "area",
                    "x": plain(days),
                    "y": plain(scale.of(values)),
                    "text": f"{name} {units.humanize(shares[name], 'USD')} now",
                    "texts": [
                        f"{name} {text} over {when}" for text, when in zip(each, whens, strict=True)
                    ],
                }
                for (name, values), each in zip(parts, texts, strict=True)
            ),
            {"name": "Now", "role": "mark", "x": now, "text": chosen_text(duration, now)},
        ],
        "table": {
            "columns": [duration.label, "Cost", *(name for name, _ in parts)],
            "rows": [
                [when, units.humanize(float(whole), "USD"), *cells]
                for when, whole, *cells in zip(whens, total, *texts, strict=True)
            ],
        },
    }
