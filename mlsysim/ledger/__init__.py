"""The universal scorecard that every simulation returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlsysim.ledger.metrics import Factors, Group, Interval, Metric, Note, Verdict
from mlsysim.ledger.scorecard import (
    Economics,
    Performance,
    Reliability,
    Sustainability,
    SystemLedger,
    metric_paths,
)

if TYPE_CHECKING:
    from mlsysim.ledger.comparison import Comparison, Difference

__all__ = [
    "Comparison",
    "Difference",
    "Economics",
    "Factors",
    "Group",
    "Interval",
    "Metric",
    "Note",
    "Performance",
    "Reliability",
    "Sustainability",
    "SystemLedger",
    "Verdict",
    "metric_paths",
]


def __getattr__(name: str) -> Any:
    """Import what compares ledgers when it is first used: most of them are never compared."""
    if name not in {"Comparison", "Difference"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlsysim.ledger import comparison

    return getattr(comparison, name)
