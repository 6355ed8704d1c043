"""The decision engine: simulations that turn a choice into a system ledger."""

from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.choices import Choice, NumberChoice, Option, OptionChoice
from mlsysim.simulations.data import DataSimulation
from mlsysim.simulations.network import NetworkSimulation
from mlsysim.simulations.node import NodeSimulation
from mlsysim.simulations.placement import PlacementSimulation
from mlsysim.simulations.reliability import ReliabilitySimulation
from mlsysim.simulations.resource import ResourceSimulation

SIMULATIONS: tuple[type[BaseSimulation], ...] = (
    ResourceSimulation,
    ReliabilitySimulation,
    NodeSimulation,
    PlacementSimulation,
    NetworkSimulation,
    DataSimulation,
)

__all__ = [
    "SIMULATIONS",
    "BaseSimulation",
    "Choice",
    "DataSimulation",
    "NetworkSimulation",
    "NodeSimulation",
    "NumberChoice",
    "Option",
    "OptionChoice",
    "PlacementSimulation",
    "ReliabilitySimulation",
    "ResourceSimulation",
]
