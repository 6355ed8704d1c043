"""Front: the designs between which two aims have to be traded off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlsysim import units
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.errors import MLSysimError
from mlsysim.explore.ranges import grid
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.curve import chosen_text
from mlsysim_widgets.views.figure import Figure, axis, plain, spread

# Two aims that pull apart, and the choices that move both; the first that a simulation has counts.
TRADES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "performance.request_latency_p99",
        "economics.cost_per_million_output_tokens",
        ("batch_limit", "replicas"),
    ),
    (
        "performance.memory_used",
        "performance.training_time",
        ("recomputation", "microbatch_size", "sharding"),
    ),
    ("performance.quality_kept", "performance.file_size", ("precision", "sparsity", "pruning")),
    ("performance.latency", "sustainability.carbon", ("placement", "radio", "server_batch_size")),
    ("reliability.goodput", "economics.tco", ("checkpoint_interval_minutes", "spares")),
    ("performance.latency", "economics.cost_per_sample", ("hardware", "batch_size")),
    ("performance.latency", "economics.cost_per_sample", ("precision", "batch_size")),
)
_POINTS = 8


def applies(asked: Asked) -> bool:
    """Tell whether there are two aims that some choice trades against each other."""
    return _trade(asked) is not None


def traded(asked: Asked) -> Figure:
    """Return the front of two aims, with the present and the pinned design."""
    found = _trade(asked)
    assert found is not None  # noqa: S101 - `applies` saw to it
    first, second, varied = found
    values = {name: _values(asked, asked.declared[name]) for name in varied}
    space: dict[str, Any] = {**asked.choice, **values}
    designs = asked.simulation.pareto(first, second, **space)
    # Where the limits leave no choice, the trade-off behind them is what there is to see.
    relaxed = len(designs) < 2
    if relaxed:
        designs = asked.simulation.pareto(first, second, respect_verdicts=False, **space)
    metrics = [SystemLedger.metric(path) for path in (first, second)]
    ledgers = {"A": ("pinned", asked.pinned), "Now": ("point", asked.ledger)}
    marks = {
        name: (role, [ledger.si(path) for path in (first, second)])
        for name, (role, ledger) in ledgers.items()
        if ledger is not None and None not in [ledger.si(path) for path in (first, second)]
    }
    columns = [[design.first for design in designs], [design.second for design in designs]]
    every = [
        [*column, *(both[place] for _, both in marks.values())]
        for place, column in enumerate(columns)
    ]
    scales = [
        units.best_scale(float(np.median(column)), metric.unit)
        for column, metric in zip(every, metrics, strict=True)
    ]
    labels = [_designed(asked, varied, design.choice) for design in designs]
    texts = [
        [units.humanize(value, metric.unit) for value in column]
        for column, metric in zip(columns, metrics, strict=True)
    ]
    title = _finding(metrics, texts, designs.considered, relaxed)
    told = [f"{a}, {b}: {c}" for a, b, c in zip(*texts, labels, strict=True)]
    return {
        "name": "front",
        "kind": "front",
        "title": title,
        "alt": "; ".join([title, *told]),
        "axes": {
            name: axis(metric.label, scale.label, spread(column))
            for name, metric, scale, column in zip("xy", metrics, scales, every, strict=True)
        },
        "series": [
            {
                "name": "Best designs",
                "role": "points",
                "joined": len(designs) > 1,
                "x": plain(scales[0].of(np.array(columns[0]))),
                "y": plain(scales[1].of(np.array(columns[1]))),
                "text": f"{len(designs)} of {designs.considered} designs",
                "texts": told,
            },
            *(
                {
                    "name": name,
                    "role": role,
                    "x": plain([scales[0].of(both[0])])[0],
                    "y": plain([scales[1].of(both[1])])[0],
                    "text": ", ".join(
                        units.humanize(value, metric.unit)
                        for value, metric in zip(both, metrics, strict=True)
                    ),
                }
                for name, (role, both) in marks.items()
            ),
        ],
        "table": {
            "columns": ["Design", *(metric.label for metric in metrics)],
            "rows": [[label, *cells] for label, *cells in zip(labels, *texts, strict=True)],
        },
    }


def _trade(asked: Asked) -> tuple[str, str, list[str]] | None:
    for first, second, names in TRADES:
        varied = [name for name in names if name in asked.declared]
        # With hardware both must vary: a batch alone shows nothing of it.
        complete = len(varied) == len(names) or "hardware" not in names
        known = all(asked.ledger.si(path) is not None for path in (first, second))
        if varied and known and complete:
            return first, second, varied
    return None


def _values(asked: Asked, choice: Choice) -> list[Any]:
    present = asked.choice[choice.name]
    if isinstance(choice, NumberChoice):
        every = grid(choice, present)
        places = np.unique(np.linspace(0, np.subtract(len(every), 1), _POINTS).astype(int))
        chosen = np.union1d(every[places], [present])
        return [int(value) if choice.integer else float(value) for value in chosen]
    assert isinstance(choice, OptionChoice)  # noqa: S101 - there are no other kinds
    return [option.value for option in choice.listed() if _works(asked, choice, option.value)]


def _works(asked: Asked, choice: Choice, value: str) -> bool:
    """Tell whether a value goes with the rest of the design: some devices lack its precision."""
    try:
        asked.simulation.evaluate({**asked.choice, choice.name: value})
    except MLSysimError:
        return False
    return True


def _designed(asked: Asked, varied: list[str], choice: Mapping[str, Any]) -> str:
    told = []
    for name in varied:
        declared = asked.declared[name]
        if isinstance(declared, NumberChoice):
            told.append(f"{declared.label.lower()} {chosen_text(declared, choice[name])}")
        else:
            labels = {each.value: each.label for each in getattr(declared, "listed", tuple)()}
            told.append(labels.get(choice[name], str(choice[name])))
    return ", ".join(told)


def _finding(metrics: list[Any], texts: list[list[str]], considered: int, relaxed: bool) -> str:
    names = f"{metrics[0].label} against {metrics[1].label.lower()}"
    note = ", limits ignored" if relaxed else ""
    if len(texts[0]) == 1:
        return f"{names}: one of {considered} designs is best in both{note}"
    ends = " to ".join(f"{texts[0][end]} and {texts[1][end]}" for end in (0, -1))
    return f"{names}: {ends}{note}"
