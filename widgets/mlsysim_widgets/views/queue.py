"""Queue: how waiting grows as the load comes near what can be answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlsysim import units
from mlsysim.choices import NumberChoice
from mlsysim.explore.ranges import crossings
from mlsysim.explore.sweep import VERDICTS
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.figure import Figure, axis, plain

_RATE = "request_rate"
_LOAD = "performance.offered_load"
_CAPACITY = "performance.request_capacity"
_TAIL = "performance.time_to_first_token_p99"
_LINES = ("performance.time_to_first_token", _TAIL, "performance.waiting_time_p99")
_SHARES = np.append(np.linspace(0.05, 0.85, 25), np.linspace(0.87, 1.1, 20))


def applies(asked: Asked) -> bool:
    """Tell whether requests arrive at random, and can be varied."""
    rate = asked.declared.get(_RATE)
    needed = (asked.ledger.si(path) for path in (_LOAD, _CAPACITY, _TAIL))
    return isinstance(rate, NumberChoice) and all(value is not None for value in needed)


def tail(asked: Asked) -> Figure:
    """Return mean and 99 % of the time to first token, and waiting, over the load."""
    rate = asked.declared[_RATE]
    assert isinstance(rate, NumberChoice)  # noqa: S101 - `applies` saw to it
    rates = np.clip(np.multiply(_SHARES, asked.ledger.si(_CAPACITY)), rate.minimum, rate.maximum)
    swept = asked.sweep([_LOAD, *_LINES], request_rate=np.unique(rates))
    load, late = swept.full(_LOAD), swept.full(_TAIL)
    now, here = asked.ledger.si(_LOAD), asked.ledger.si(_TAIL)
    scale = units.best_scale(here, "second")
    limits = [each for each in asked.ledger.verdicts if each.metric == _TAIL]
    told = [
        _limit(each.constraint, load, swept.full(f"{VERDICTS}{each.constraint}")) for each in limits
    ]
    within = units.humanize(here, "second")
    finding = f"99 % get a first token within {within} at {_percent(now)} load"
    title = "; ".join([finding, *filter(None, told)])
    lines = [path for path in _LINES if path in swept.values]
    return {
        "name": "queue",
        "kind": "lines",
        "title": title,
        "alt": f"{title}. At {_percent(load[0])} load {units.humanize(float(late[0]), 'second')}, "
        f"at {_percent(load[-1])} load {units.humanize(float(late[-1]), 'second')}",
        "axes": {"x": axis("Load", "%"), "y": axis("Time", scale.label, "log")},
        "series": [
            *(
                _line(path, load, swept.full(path), scale, dash)
                for path, dash in zip(lines, ("dot", "solid", "dash"), strict=False)
            ),
            {
                "name": "Now",
                "role": "point",
                "x": _share(now),
                "y": plain([scale.of(here)])[0],
                "text": units.humanize(here, "second"),
            },
            *(
                {
                    "name": each.constraint,
                    "role": "limit",
                    "y": plain([scale.of(each.limit)])[0],
                    "text": units.humanize(each.limit, "second"),
                }
                for each in limits
            ),
        ],
        "table": {
            "columns": ["Load", *(SystemLedger.metric(path).label for path in lines)],
            "rows": [
                [_percent(share), *(units.humanize(float(value), "second") for value in values)]
                for share, *values in zip(load, *(swept.full(path) for path in lines), strict=True)
            ],
        },
    }


def _line(path: str, load: Any, values: Any, scale: units.Scale, dash: str) -> dict[str, Any]:
    # A logarithmic axis has no place for requests that never wait.
    shown = [place for place in range(len(load)) if values[place] > 0.0]
    name = SystemLedger.metric(path).label
    texts = [units.humanize(float(values[place]), "second") for place in shown]
    return {
        "name": name,
        "role": "line",
        "dash": dash,
        "x": [_share(float(load[place])) for place in shown],
        "y": plain(scale.of(values[shown])),
        "text": name,
        "texts": [
            f"{name} {text} at {_percent(load[place])} load"
            for place, text in zip(shown, texts, strict=True)
        ],
    }


def _limit(constraint: str, load: Any, margins: Any) -> str:
    found = [crossing.at for crossing in crossings(load, margins) if crossing.falls]
    return f"{constraint} holds up to about {found[0]:.0%}" if found else ""


def _share(load: float) -> float:
    return plain([units.best_scale(0.5, "dimensionless").of(load)])[0]


def _percent(load: float) -> str:
    return f"{_share(float(load)):.3g} %"
