"""The universal scorecard that every simulation returns."""

from mlsysim.ledger.comparison import Comparison, Difference
from mlsysim.ledger.metrics import Factors, Group, Interval, Metric, Note, Verdict
from mlsysim.ledger.scorecard import (
    Economics,
    Performance,
    Reliability,
    Sustainability,
    SystemLedger,
    metric_paths,
)

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
