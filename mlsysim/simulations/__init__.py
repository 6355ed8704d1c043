"""The decision engine: simulations that turn a choice into a system ledger."""

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

SIMULATIONS: tuple[type[BaseSimulation], ...] = (
    ResourceSimulation,
    ReliabilitySimulation,
    NodeSimulation,
    SynthesisSimulation,
    ServingSimulation,
    TrainingSimulation,
    CompressionSimulation,
    PlacementSimulation,
    NetworkSimulation,
    DataSimulation,
)

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
