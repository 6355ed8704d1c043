"""The labs' widgets: a live dashboard made from what a simulation declares, and its lesson."""

from mlsysim_widgets.accuracy import Accuracy, accuracy
from mlsysim_widgets.dashboard import Dashboard
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lab_index import LabIndex, lab_index

__all__ = [
    "Accuracy",
    "Dashboard",
    "Journal",
    "LabIndex",
    "accuracy",
    "lab_index",
]
