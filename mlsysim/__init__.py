"""Physics-based simulation of machine-learning systems, from microcontrollers to global fleets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlsysim.applications import Application, Applications
    from mlsysim.engine import Engine
    from mlsysim.errors import InvalidInput, MLSysimError
    from mlsysim.facilities import Facilities
    from mlsysim.hardware import Hardware, HardwareSpec
    from mlsysim.ledger import (
        Economics,
        Performance,
        Reliability,
        Sustainability,
        SystemLedger,
        Verdict,
    )
    from mlsysim.models import Models
    from mlsysim.personas import Personas
    from mlsysim.regions import Regions
    from mlsysim.runtimes import Runtimes
    from mlsysim.simulations import (
        BaseSimulation,
        CompressionSimulation,
        DataSimulation,
        NetworkSimulation,
        NodeSimulation,
        NumberChoice,
        OptionChoice,
        PlacementSimulation,
        ReliabilitySimulation,
        ResourceSimulation,
        ServingSimulation,
        SynthesisSimulation,
        TrainingSimulation,
    )
    from mlsysim.systems import Layout, System, Systems

_HOME_OF = {
    "Application": "applications",
    "Applications": "applications",
    "BaseSimulation": "simulations",
    "CompressionSimulation": "simulations",
    "DataSimulation": "simulations",
    "Economics": "ledger",
    "Engine": "engine",
    "Facilities": "facilities",
    "Hardware": "hardware",
    "HardwareSpec": "hardware",
    "InvalidInput": "errors",
    "Layout": "systems",
    "MLSysimError": "errors",
    "Models": "models",
    "NetworkSimulation": "simulations",
    "NodeSimulation": "simulations",
    "NumberChoice": "simulations",
    "OptionChoice": "simulations",
    "Performance": "ledger",
    "Personas": "personas",
    "PlacementSimulation": "simulations",
    "Regions": "regions",
    "Reliability": "ledger",
    "ReliabilitySimulation": "simulations",
    "ResourceSimulation": "simulations",
    "Runtimes": "runtimes",
    "ServingSimulation": "simulations",
    "Sustainability": "ledger",
    "SynthesisSimulation": "simulations",
    "System": "systems",
    "SystemLedger": "ledger",
    "Systems": "systems",
    "TrainingSimulation": "simulations",
    "Verdict": "ledger",
}

__version__ = "0.1.0"

__all__ = [
    "Application",
    "Applications",
    "BaseSimulation",
    "CompressionSimulation",
    "DataSimulation",
    "Economics",
    "Engine",
    "Facilities",
    "Hardware",
    "HardwareSpec",
    "InvalidInput",
    "Layout",
    "MLSysimError",
    "Models",
    "NetworkSimulation",
    "NodeSimulation",
    "NumberChoice",
    "OptionChoice",
    "Performance",
    "Personas",
    "PlacementSimulation",
    "Regions",
    "Reliability",
    "ReliabilitySimulation",
    "ResourceSimulation",
    "Runtimes",
    "ServingSimulation",
    "Sustainability",
    "SynthesisSimulation",
    "System",
    "SystemLedger",
    "Systems",
    "TrainingSimulation",
    "Verdict",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mlsysim.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
