"""Roofline: what the hardware allows at each intensity, and what the workload reaches."""

from __future__ import annotations

from typing import Any

from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.figure import Figure

NEEDED = ("arithmetic_intensity", "achieved_flop_rate", "ridge_point", "peak_flop_rate")


def roofline(ledger: SystemLedger) -> Figure | None:
    """Return the roof, given by its corner on log-log axes, and the point below it."""
    group = ledger.performance
    if not all(name in group and group.si(name) > 0 for name in NEEDED):
        return None
    intensity, achieved, ridge, peak = (group.si(name) for name in NEEDED)
    texts = [group.text(name) for name in NEEDED]
    names = [group.metrics[name].label for name in NEEDED]
    series: list[dict[str, Any]] = [
        {"name": "Roof", "role": "roof", "x": ridge, "y": peak, "text": texts[3]},
        {"name": "Workload", "role": "point", "x": intensity, "y": achieved, "text": texts[1]},
    ]
    return {
        "name": "roofline",
        "kind": "roofline",
        "title": _finding(texts[1], texts[3], group.si("binding_limit")),
        "alt": "; ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True)),
        "axes": {
            "x": {"label": "Arithmetic intensity", "unit": "FLOP/B", "scale": "log"},
            "y": {"label": "Compute", "unit": "FLOP/s", "scale": "log"},
        },
        "series": series,
        "table": {
            "columns": ["Quantity", "Value"],
            "rows": [[name, text] for name, text in zip(names, texts, strict=True)],
        },
    }


def _finding(achieved: str, peak: str, binding_limit: str | None) -> str:
    bound = f", {binding_limit}-bound" if binding_limit else ""
    return f"Roofline: {achieved} of {peak} peak{bound}"
