"""The whole system at once: every constraint together, and what one change does to the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from mlsysim import formulas
from mlsysim.choices import Choice, NumberChoice
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_YEAR
from mlsysim.facilities import Facilities
from mlsysim.failure_rates import FailureRates
from mlsysim.ledger import SystemLedger, Verdict
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import (
    BATCH_SIZE,
    DURATION,
    DUTY_CYCLE,
    FACILITY,
    FAILURE_RATE,
    PRECISION,
    REGION,
    REPAIR_TIME,
    UTILIZATION,
)
from mlsysim.simulations.deployment import Deployment, solve, verdicts
from mlsysim.simulations.node import HARDWARE, MODEL, exchanged
from mlsysim.simulations.resource import ResourceSimulation
from mlsysim.tracing import as_float

# A budget leaves a quarter over what the mission takes as it stands.
_ROOM_IN_A_BUDGET = 1.25
_DAYS_PER_YEAR = SECONDS_PER_YEAR / SECONDS_PER_DAY


def _usual(path: str) -> Any:
    """Return a default: what one unit takes in a year as it stands, and a quarter."""

    def budget(simulation: BaseSimulation) -> float:
        usual = ResourceSimulation(simulation.scenario, simulation.persona)
        taken = usual.evaluate({"duration_days": _DAYS_PER_YEAR}).si(path)
        each = _ROOM_IN_A_BUDGET * taken / simulation.persona.scale_factor
        return float(f"{each:.2g}")

    return budget


def _scaled(path: str, factor: float) -> Any:
    return lambda simulation: _usual(path)(simulation) * factor


class SynthesisSimulation(BaseSimulation):
    """One joint design held against all limits at once: the mission's, memory, power and budgets.

    `ledger.tightest` is the limit that leaves least room. `compare` tells which limits give way
    when one choice changes, and `sensitivity` which choices move a limit most.

    >>> sim = SynthesisSimulation("Inference", "CloudTitan")
    >>> sim.evaluate({}).feasible
    True
    >>> for flip in sim.compare({}, {"batch_size": 1024}).flips:
    ...     print(flip)
    Fits in memory is violated now: margin 66 % before, -129 % after
    Deadline is violated now: margin 65 % before, -118 % after
    """

    title: ClassVar[str] = "The whole system"
    default_application: ClassVar[str] = "Inference"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        MODEL,
        HARDWARE,
        PRECISION,
        BATCH_SIZE,
        UTILIZATION,
        DUTY_CYCLE,
        FAILURE_RATE,
        replace(REPAIR_TIME, default=1.0),
        NumberChoice(
            name="least_availability",
            label="Promised availability",
            help="Share of the time that a unit must be in service.",
            unit="dimensionless",
            minimum=0.5,
            maximum=0.99999,
            default=lambda simulation: 0.75 if simulation.scenario.gang else 0.99,
        ),
        NumberChoice(
            name="budget_usd",
            label="Budget",
            help="What one unit may cost in a year, hardware and electricity together.",
            unit="USD",
            minimum=_scaled("economics.tco", 0.01),
            maximum=_scaled("economics.tco", 100.0),
            default=_usual("economics.tco"),
            scale="log",
        ),
        NumberChoice(
            name="carbon_budget_kg",
            label="Carbon budget",
            help="What one unit may emit in a year, manufacturing included.",
            unit="kilogram_CO2e",
            minimum=_scaled("sustainability.carbon", 0.01),
            maximum=_scaled("sustainability.carbon", 100.0),
            default=_usual("sustainability.carbon"),
            scale="log",
        ),
        DURATION,
    )

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger, with a verdict for every limit there is."""
        scenario = exchanged(self, choice)
        rate = FailureRates[choice["failure_rate"]]
        availability = self._availability(choice)
        deployment = Deployment(
            scenario=scenario,
            performance=solve(scenario, choice),
            units=as_float(self.persona.scale_factor),
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=choice["duty_cycle"],
            utilization=choice["utilization"],
            goodput=availability,
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(rate).replace(availability=availability),
        )
        own = (*self._budgets(ledger, choice), *self._rack(ledger, choice))
        return replace(ledger, verdicts=(*verdicts(scenario, ledger), *own))

    def _availability(self, choice: dict[str, Any]) -> Any:
        rate, nodes = FailureRates[choice["failure_rate"]], self.scenario.system.nodes
        return formulas.availability(
            interval=rate.job_failure_interval_s(nodes),
            repair=choice["repair_hours"] * SECONDS_PER_HOUR,
        )

    def _budgets(self, ledger: SystemLedger, choice: dict[str, Any]) -> tuple[Verdict, ...]:
        unit_years = self.persona.scale_factor * choice["duration_days"] / _DAYS_PER_YEAR
        return (
            Verdict(
                "In service",
                "reliability.availability",
                ledger.si("reliability.availability"),
                choice["least_availability"],
                "dimensionless",
                "at least",
                "Repair faster, or choose a fleet that fails less often.",
            ),
            Verdict(
                "Budget",
                "economics.tco",
                ledger.si("economics.tco"),
                choice["budget_usd"] * unit_years,
                "USD",
                "at most",
                "Choose cheaper hardware or electricity, work less, or raise the budget.",
            ),
            Verdict(
                "Carbon budget",
                "sustainability.carbon",
                ledger.si("sustainability.carbon"),
                choice["carbon_budget_kg"] * unit_years,
                "kilogram_CO2e",
                "at most",
                "Move to a cleaner grid, keep devices longer, work less, or raise the budget.",
            ),
        )

    def _rack(self, ledger: SystemLedger, choice: dict[str, Any]) -> tuple[Verdict, ...]:
        """Hold the power of one node against what a rack of the facility can supply and cool."""
        facility, system = Facilities[choice["facility"]], self.scenario.system
        limit_kw = facility.rack_max_kw or facility.rack_typical_kw
        if limit_kw is None:
            return ()
        return (
            Verdict(
                "A rack supplies a node",
                "performance.power",
                ledger.si("performance.power") / system.nodes,
                limit_kw * 1000.0,
                "watt",
                "at most",
                "Choose a facility that cools more, or devices that draw less.",
            ),
        )
