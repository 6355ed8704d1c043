"""Views: pure functions from a ledger to a plain figure specification, or None without data."""

from __future__ import annotations

from collections.abc import Callable

from mlsysim.ledger import SystemLedger
from mlsysim_widgets.views.breakdown import carbon, cost, energy, latency, memory
from mlsysim_widgets.views.figure import Figure
from mlsysim_widgets.views.roofline import roofline

VIEWS: tuple[Callable[[SystemLedger], Figure | None], ...] = (
    roofline,
    latency,
    memory,
    energy,
    carbon,
    cost,
)


def figures(ledger: SystemLedger) -> list[Figure]:
    """Return every figure that a ledger has the numbers for."""
    return [figure for view in VIEWS if (figure := view(ledger))]


__all__ = [
    "VIEWS",
    "Figure",
    "carbon",
    "cost",
    "energy",
    "figures",
    "latency",
    "memory",
    "roofline",
]
