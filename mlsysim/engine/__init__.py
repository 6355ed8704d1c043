"""The engine: how long a model takes on a system, what it occupies and what it draws."""

from mlsysim.engine.solver import Engine
from mlsysim.engine.workload import DEFAULT_LENGTH, DEFAULT_RUNTIME, Collective

__all__ = ["DEFAULT_LENGTH", "DEFAULT_RUNTIME", "Collective", "Engine"]
