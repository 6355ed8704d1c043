"""Roofline: what the hardware allows at each intensity, and what is reached below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlsysim import measured_runs, units
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.figure import Figure, axis, plain

NEEDED = ("arithmetic_intensity", "achieved_flop_rate", "ridge_point", "peak_flop_rate")


def roofline(ledger: SystemLedger) -> Figure | None:
    """Return the roof by its corner on log-log axes, the workload, and published runs below it."""
    group = ledger.performance
    if not all(name in group and group.si(name) > 0 for name in NEEDED):
        return None
    intensity, achieved, ridge, peak = (group.si(name) for name in NEEDED)
    texts = [group.text(name) for name in NEEDED]
    names = [group.metrics[name].label for name in NEEDED]
    measured = measured_runs.below(group)
    told = [f"{name} {text}" for name, text in zip(names, texts, strict=True)]
    return {
        "name": "roofline",
        "kind": "roofline",
        "title": _finding(texts[1], texts[3], group.si("binding_limit")),
        "alt": "; ".join([*told, *([f"{len(measured)} published runs"] if measured else [])]),
        "axes": {
            "x": axis("Arithmetic intensity", "FLOP/B", "log"),
            "y": axis("Compute", "FLOP/s", "log"),
        },
        "series": [
            {"name": "Roof", "role": "roof", "x": ridge, "y": peak, "text": texts[3]},
            *_published(measured),
            {"name": "Workload", "role": "point", "x": intensity, "y": achieved, "text": texts[1]},
        ],
        "table": {
            "columns": ["Quantity", "Value"],
            "rows": [
                *([name, text] for name, text in zip(names, texts, strict=True)),
                *([run.about, _rate(run.flop_rate)] for run in measured),
            ],
        },
    }


def _published(measured: Sequence[measured_runs.MeasuredRun]) -> list[dict[str, Any]]:
    if not measured:
        return []
    return [
        {
            "name": "Published runs",
            "role": "points",
            "x": plain(run.arithmetic_intensity for run in measured),
            "y": plain(run.flop_rate for run in measured),
            "texts": [run.about for run in measured],
            "text": f"{len(measured)} published runs",
        }
    ]


def _rate(flop_rate: float) -> str:
    return units.humanize(flop_rate, SystemLedger.metric("performance.achieved_flop_rate").unit)


def _finding(achieved: str, peak: str, binding_limit: str | None) -> str:
    bound = f", bound by {binding_limit}" if binding_limit else ""
    return f"Roofline: {achieved} of {peak} peak{bound}"
