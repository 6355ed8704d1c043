"""The labs' widgets: a live dashboard made from what a simulation declares."""

from mlsysim_widgets.dashboard import Dashboard
from mlsysim_widgets.lab_index import LabIndex, lab_index

__all__ = ["Dashboard", "LabIndex", "lab_index"]
