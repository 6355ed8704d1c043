"""The decision engine: simulations that turn a choice into a system ledger."""

from mlsysim.choices import Choice, NumberChoice, Option, OptionChoice
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.compression import CompressionSimulation
from mlsysim.simulations.node import NodeSimulation
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
)

__all__ = [
    "SIMULATIONS",
    "BaseSimulation",
    "Choice",
    "CompressionSimulation",
    "NodeSimulation",
    "NumberChoice",
    "Option",
    "OptionChoice",
    "ReliabilitySimulation",
    "ResourceSimulation",
    "ServingSimulation",
    "SynthesisSimulation",
    "TrainingSimulation",
]
