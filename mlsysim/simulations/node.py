"""Where the time goes on one node, and which limit to lift first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from mlsysim.facilities import Facilities
from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.ledger import Performance, SystemLedger, Verdict
from mlsysim.models import Models
from mlsysim.regions import Regions
from mlsysim.registry import Registry
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import BATCH_SIZE, DURATION, FACILITY, PRECISION, REGION
from mlsysim.simulations.deployment import Deployment, solve, verdicts
from mlsysim.tracing import as_float

# The parts that a latency is made of, with what makes each of them shorter.
_PARTS = {
    "compute_time": ("Arithmetic", "the arithmetic rate"),
    "memory_time": ("Memory traffic", "the memory bandwidth"),
    "communication_time": ("Communication", "the bandwidth of the links"),
    "overhead_time": ("Launching operators", "the launch rate"),
}


def _models(simulation: Any) -> Registry[Any]:
    own = simulation.scenario.model
    return _narrowed("model", Models, own, lambda model: simulation.scenario.phase in model.phases)


def _hardware(simulation: Any) -> Registry[Any]:
    system, precision = simulation.scenario.system, simulation.scenario.precision

    def fits(twin: HardwareSpec) -> bool:
        linked = system.devices == 1 or twin.link_byte_per_s_per_direction is not None
        return twin.tier == system.hardware.tier and precision in twin.precisions and linked

    return _narrowed("hardware", Hardware, system.hardware, fits)


def _narrowed(
    kind: str, registry: Registry[Any], own: Any, fits: Callable[[Any], bool]
) -> Registry[Any]:
    """Return the twins that fit, and the application's own even where nobody registered it."""

    def load() -> Iterator[Any]:
        for twin in registry.values():
            if twin.name == own.name:
                yield own
            elif fits(twin):
                yield twin
        if own.name not in registry:
            yield own

    return Registry(kind, load)


MODEL = OptionChoice(
    name="model",
    label="Model",
    help="What is run: its operators set the work and the traffic.",
    options=_models,
    default=lambda simulation: simulation.scenario.model.name,
)
HARDWARE = OptionChoice(
    name="hardware",
    label="Hardware",
    help="The device that runs it: its peaks set the limits.",
    options=_hardware,
    default=lambda simulation: simulation.scenario.system.hardware.name,
)


def chosen_twin(simulation: BaseSimulation, name: str, choice: dict[str, Any]) -> Any:
    """Return the twin that a choice names, out of those that the simulation offers."""
    offered: Any = next(each for each in simulation.choices if each.name == name)
    return offered.options[choice[name]]


def exchanged(simulation: BaseSimulation, choice: dict[str, Any]) -> Application:
    """Return the application with the model and the hardware of a choice in place of its own."""
    scenario = simulation.scenario
    hardware = chosen_twin(simulation, "hardware", choice)
    return replace(
        scenario,
        model=chosen_twin(simulation, "model", choice),
        system=replace(scenario.system, hardware=hardware),
        sequence_length=choice.get("sequence_length", scenario.sequence_length),
    )


class NodeSimulation(BaseSimulation):
    """Which model runs how fast on which hardware, and what limits it.

    >>> sim = NodeSimulation("Inference", "CloudTitan")
    >>> slow, fast = (sim.evaluate({"hardware": name}) for name in ("A100", "H200"))
    >>> slow.performance.binding_limit, slow.performance.latency > fast.performance.latency
    ('memory bandwidth', True)
    """

    title: ClassVar[str] = "Time on one node"
    choices: tuple[Choice, ...] = (
        REGION,
        MODEL,
        HARDWARE,
        BATCH_SIZE,
        PRECISION,
        NumberChoice(
            name="sequence_length",
            label="Context",
            help="Tokens in front of the one that is worked on.",
            unit="dimensionless",
            minimum=1,
            maximum=131_072,
            default=lambda simulation: simulation.scenario.sequence_length,
            integer=True,
            scale="log",
            applies=lambda simulation: simulation.scenario.sequence_length is not None,
        ),
        FACILITY,
        DURATION,
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application that needs many nodes is no question about one."""
        nodes = application.system.nodes
        return None if nodes == 1 else f"{application.label} runs on {nodes:,} nodes, not on one."

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of a node that runs the model chosen."""
        scenario = exchanged(self, choice)
        deployment = Deployment(
            scenario=scenario,
            performance=solve(scenario, choice),
            units=as_float(self.persona.scale_factor),
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=scenario.duty_cycle,
            utilization=scenario.utilization,
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(scenario.failure_rate),
        )
        found = (_explained(each, ledger.performance) for each in verdicts(scenario, ledger))
        return replace(ledger, verdicts=tuple(found))


def _explained(verdict: Verdict, performance: Performance) -> Verdict:
    """Let a verdict on the latency say which part of it pays most, by Amdahl's law."""
    latency = performance.si("latency")
    if verdict.metric != "performance.latency" or ndim(latency):
        return verdict
    times = {name: performance.si(name) or 0.0 for name in _PARTS}
    largest = max(times, key=lambda name: times[name])
    part, remedy = _PARTS[largest]
    share = times[largest] / latency
    gain = formulas.amdahl_speedup(share=share, factor=2.0)
    words = f"{part} takes {share:.0%} of it: twice {remedy} makes it {gain:.2g} times as fast."
    return replace(verdict, remedy=words)
