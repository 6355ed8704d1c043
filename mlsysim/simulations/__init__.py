"""The decision engine: simulations that turn a choice into a system ledger."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlsysim.choices import Choice, NumberChoice, Option, OptionChoice
    from mlsysim.simulations.base import BaseSimulation
    from mlsysim.simulations.compression import CompressionSimulation
    from mlsysim.simulations.data import DataSimulation
    from mlsysim.simulations.network import NetworkSimulation
    from mlsysim.simulations.node import NodeSimulation
    from mlsysim.simulations.placement import PlacementSimulation
    from mlsysim.simulations.reliability import ReliabilitySimulation
    from mlsysim.simulations.resource import ResourceSimulation
    from mlsysim.simulations.serving import ServingSimulation
    from mlsysim.simulations.synthesis import SynthesisSimulation
    from mlsysim.simulations.training import TrainingSimulation

    SIMULATIONS: tuple[type[BaseSimulation], ...]

_SIMULATIONS = (
    "resource",
    "reliability",
    "node",
    "synthesis",
    "serving",
    "training",
    "compression",
    "placement",
    "network",
    "data",
)
_HOME_OF = {
    "BaseSimulation": "simulations.base",
    **dict.fromkeys(("Choice", "NumberChoice", "Option", "OptionChoice"), "choices"),
    **{f"{name.capitalize()}Simulation": f"simulations.{name}" for name in _SIMULATIONS},
}

__all__ = [
    "SIMULATIONS",
    "BaseSimulation",
    "Choice",
    "CompressionSimulation",
    "DataSimulation",
    "NetworkSimulation",
    "NodeSimulation",
    "NumberChoice",
    "Option",
    "OptionChoice",
    "PlacementSimulation",
    "ReliabilitySimulation",
    "ResourceSimulation",
    "ServingSimulation",
    "SynthesisSimulation",
    "TrainingSimulation",
]


def __getattr__(name: str) -> Any:
    """Import a simulation when it is first used: a page needs one of them."""
    if name == "SIMULATIONS":
        return tuple(__getattr__(f"{each.capitalize()}Simulation") for each in _SIMULATIONS)
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlsysim.{_HOME_OF[name]}"), name)
