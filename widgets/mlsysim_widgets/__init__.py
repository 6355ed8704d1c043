"""The labs' widgets: a live dashboard made from what a simulation declares, and its lesson."""

from mlsysim_widgets.accuracy import Accuracy, accuracy
from mlsysim_widgets.dashboard import Dashboard
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lab_index import LabIndex, lab_index
from mlsysim_widgets.lesson import Gate, Prediction, Question, Reveal
from mlsysim_widgets.lesson_cast import Cast
from mlsysim_widgets.lesson_design import Decision, Greeting
from mlsysim_widgets.lesson_report import Report

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
