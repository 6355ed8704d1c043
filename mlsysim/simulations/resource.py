"""Energy, carbon, water and money of a deployment over its life."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from mlsysim.choices import Choice, NumberChoice
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from mlsysim.facilities import Facilities
from mlsysim.ledger import SystemLedger
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import (
    BATCH_SIZE,
    DURATION,
    DUTY_CYCLE,
    FACILITY,
    PRECISION,
    REGION,
    UTILIZATION,
)
from mlsysim.simulations.deployment import Deployment, solve, verdicts
from mlsysim.tracing import as_float


class ResourceSimulation(BaseSimulation):
    """What a deployment uses and costs: where it runs, how long, how hard, and how it is replaced.

    >>> from mlsysim import Applications, Personas
    >>> sim = ResourceSimulation(Applications.Doorbell, Personas.TinyPioneer)
    >>> quebec, poland = sim.evaluate({"region": "Quebec"}), sim.evaluate({"region": "Poland"})
    >>> quebec.sustainability.carbon_kg < poland.sustainability.carbon_kg
    True
    """

    title: ClassVar[str] = "Resources of a deployment"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        DURATION,
        BATCH_SIZE,
        PRECISION,
        DUTY_CYCLE,
        UTILIZATION,
        NumberChoice(
            name="replacement_years",
            label="Replaced after",
            help="How long devices serve before they are replaced.",
            unit="year",
            minimum=0.5,
            maximum=20.0,
            default=lambda simulation: simulation.scenario.lifetime_years,
        ),
    )

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of the deployment that `choice` describes."""
        deployment = Deployment(
            scenario=self.scenario,
            performance=solve(self.scenario, choice),
            units=as_float(self.persona.scale_factor),
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=choice["replacement_years"] * SECONDS_PER_YEAR,
            duty_cycle=choice["duty_cycle"],
            utilization=choice["utilization"],
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(self.scenario.failure_rate),
        )
        return replace(ledger, verdicts=verdicts(self.scenario, ledger))
