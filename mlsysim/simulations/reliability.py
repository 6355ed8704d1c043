"""Failures, checkpoints, spares and the work that is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from mlsysim import formulas
from mlsysim.choices import Choice, NumberChoice
from mlsysim.constants import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_YEAR,
)
from mlsysim.facilities import Facilities
from mlsysim.failure_rates import FailureRates
from mlsysim.ledger import Reliability, SystemLedger, Verdict
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import (
    CHECKPOINT_INTERVAL,
    DURATION,
    FAILURE_RATE,
    REGION,
    REPAIR_TIME,
    RESTART_TIME,
)
from mlsysim.simulations.deployment import Deployment, solve, verdicts
from mlsysim.simulations.training import _ONE_RUN
from mlsysim.tracing import as_float, call, current_recorder

_KEPT = 0.9
_IN_SERVICE = 0.99


def _is_gang(simulation: BaseSimulation) -> bool:
    return bool(simulation.scenario.gang)


class ReliabilitySimulation(BaseSimulation):
    """What fails, how often to save, how many spares to keep, and how much work survives.

    The nodes of a training job work as a gang: one failure stops all of them, and what was done
    since the last checkpoint is lost. Devices of other applications fail one by one.

    >>> from mlsysim import Applications, Personas
    >>> ledger = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan).evaluate({})
    >>> round(ledger.reliability.mean_time_between_failures_hours, 2)
    3.09
    """

    title: ClassVar[str] = "Failures and checkpoints"
    default_application: ClassVar[str] = "Frontier"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        DURATION,
        FAILURE_RATE,
        REPAIR_TIME,
        NumberChoice(
            name="checkpoint_cost_s",
            label="Checkpoint cost",
            help="How long the job stands still to save its state.",
            unit="second",
            minimum=0.1,
            maximum=3600.0,
            default=10.0,
            scale="log",
            applies=_is_gang,
        ),
        replace(CHECKPOINT_INTERVAL, applies=_is_gang),
        replace(RESTART_TIME, applies=_is_gang),
        NumberChoice(
            name="spares",
            label="Spare nodes",
            help="Nodes held ready per job; without one a failure waits for the repair.",
            unit="dimensionless",
            minimum=0,
            maximum=256,
            default=16,
            integer=True,
            applies=_is_gang,
        ),
    )

    @property
    def units(self) -> float:
        """How many units of the application the persona runs: of a training job, one."""
        return _ONE_RUN if self.scenario.gang else super().units

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger, with the work that failures leave."""
        scenario, units = self.scenario, as_float(self.units)
        if current_recorder() is not None:
            # Nothing else would lead from the devices of a single job to a source.
            units = call(float, (self.units,))
        survival = self._gang(choice) if scenario.gang else self._alone(choice)
        spare_nodes = choice.get("spares", 0) * units
        deployment = Deployment(
            scenario=scenario,
            performance=solve(scenario, choice),
            units=units,
            region=Regions[choice["region"]],
            facility=Facilities[scenario.facility],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=scenario.duty_cycle,
            utilization=scenario.utilization,
            goodput=survival.si("goodput"),
            spare_devices=spare_nodes * scenario.system.devices_per_node,
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(FailureRates[choice["failure_rate"]]).replace(
                **{name: survival.si(name) for name in survival}
            ),
        )
        own = self._verdicts(ledger, choice)
        return replace(ledger, verdicts=(*own, *verdicts(scenario, ledger)))

    def _alone(self, choice: dict[str, Any]) -> Reliability:
        in_service = formulas.availability(
            interval=FailureRates[choice["failure_rate"]].node_failure_interval_s,
            repair=choice["repair_hours"] * SECONDS_PER_HOUR,
        )
        return Reliability(availability=in_service, goodput=in_service)

    def _gang(self, choice: dict[str, Any]) -> Reliability:
        rate = FailureRates[choice["failure_rate"]]
        nodes = self.scenario.system.nodes
        between = rate.job_failure_interval_s(nodes)
        repair, cost = choice["repair_hours"] * SECONDS_PER_HOUR, choice["checkpoint_cost_s"]
        in_repair = repair / between
        shortage = formulas.spare_shortage_probability(
            spares=as_float(choice["spares"]), demand=in_repair
        )
        restart = choice["restart_minutes"] * SECONDS_PER_MINUTE + shortage * repair
        work = choice["checkpoint_interval_minutes"] * SECONDS_PER_MINUTE
        return Reliability(
            availability=formulas.availability(interval=between, repair=restart),
            goodput=formulas.checkpointed_goodput(
                work=work, checkpoint=cost, restart=restart, interval=between
            ),
            checkpoint_interval=work,
            optimal_checkpoint_interval=formulas.optimal_checkpoint_interval(
                checkpoint=cost, interval=between
            ),
            young_checkpoint_interval=formulas.young_checkpoint_interval(
                checkpoint=cost, interval=between
            ),
            daly_checkpoint_interval=formulas.daly_checkpoint_interval(
                checkpoint=cost, interval=between
            ),
            spares=as_float(choice["spares"]),
        )

    def _verdicts(self, ledger: SystemLedger, choice: dict[str, Any]) -> tuple[Verdict, ...]:
        reliability = ledger.reliability
        if not self.scenario.gang:
            return (
                Verdict(
                    "In service",
                    "reliability.availability",
                    reliability.si("availability"),
                    _IN_SERVICE,
                    "dimensionless",
                    "at least",
                    "Repair or replace faster, or choose devices that fail less often.",
                ),
            )
        return (
            Verdict(
                "Work kept",
                "reliability.goodput",
                reliability.si("goodput"),
                _KEPT,
                "dimensionless",
                "at least",
                "Move the interval towards the best one, save faster, or keep more spares.",
            ),
            Verdict(
                "Saving pays",
                "reliability.checkpoint_interval",
                reliability.si("checkpoint_interval"),
                choice["checkpoint_cost_s"],
                "second",
                "at least",
                "Save less often, or to faster storage.",
            ),
        )
