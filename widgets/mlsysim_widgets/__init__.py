"""The labs' widgets: a live dashboard made from what a simulation declares, and its lesson."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlsysim_widgets.accuracy_page import Accuracy, accuracy
    from mlsysim_widgets.dashboard import Dashboard
    from mlsysim_widgets.index import LabIndex, lab_index
    from mlsysim_widgets.journal import Journal
    from mlsysim_widgets.lesson import Gate, Prediction, Question, Reveal
    from mlsysim_widgets.lesson_cast import Cast
    from mlsysim_widgets.lesson_design import Decision, Greeting
    from mlsysim_widgets.lesson_report import Report

_HOME_OF = {
    "Accuracy": "accuracy_page",
    "Cast": "lesson_cast",
    "Dashboard": "dashboard",
    "Decision": "lesson_design",
    "Gate": "lesson",
    "Greeting": "lesson_design",
    "Journal": "journal",
    "LabIndex": "index",
    "Prediction": "lesson",
    "Question": "lesson",
    "Report": "lesson_report",
    "Reveal": "lesson",
    "accuracy": "accuracy_page",
    "lab_index": "index",
}

__all__ = [
    "Accuracy",
    "Cast",
    "Dashboard",
    "Decision",
    "Gate",
    "Greeting",
    "Journal",
    "LabIndex",
    "Prediction",
    "Question",
    "Report",
    "Reveal",
    "accuracy",
    "lab_index",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a page pays for the parts that it shows."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlsysim_widgets.{_HOME_OF[name]}"), name)
