"""What running an application for a while takes: energy, carbon, water, money, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import anywhere
from mlsysim.constants import SECONDS_PER_HOUR, SECONDS_PER_YEAR, Constants
from mlsysim.engine import Engine
from mlsysim.facilities import Facility
from mlsysim.failure_rates import FailureRate
from mlsysim.ledger import (
    Economics,
    Factors,
    Group,
    Performance,
    Reliability,
    Sustainability,
    SystemLedger,
    Verdict,
)
from mlsysim.regions import Region

_WATTS_PER_TERAWATT_HOUR_A_YEAR = 1e12 * SECONDS_PER_HOUR / SECONDS_PER_YEAR
_SHARE_OF_WORLD_WORTH_A_VERDICT = 0.01


@dataclass(frozen=True)
class Deployment:
    """Units of an application in service at a place for a time.

    `goodput` is the share of the work done that is kept. Everything but region and facility may
    be an array, one entry for each point of a sweep.
    """

    scenario: Application
    performance: Performance
    units: float
    region: Region
    facility: Facility
    duration_s: Any
    lifetime_s: Any
    duty_cycle: Any
    utilization: Any
    goodput: Any = 1.0
    spare_devices: Any = 0.0

    @property
    def devices(self) -> float:
        """Devices in all units together."""
        return self.units * self.scenario.system.devices

    @cached_property
    def unit_power_w(self) -> Any:
        """Mean IT power of one unit: working, idle and off duty."""
        return self._unit_power_w(self.performance.si("power"))

    @cached_property
    def energy_factors(self) -> Factors:
        """What the ends of the interval of power do to the energy: a factor each."""
        ends = ends_of(self.performance, "power")
        return Factors(*(self._unit_power_w(end) / self.unit_power_w for end in ends))

    def _unit_power_w(self, running_w: Any) -> Any:
        system = self.scenario.system
        idle = system.devices * (system.hardware.idle_power_w + system.host_power_w)
        off = system.devices * system.hardware.idle_power_w if system.sleeps else 0.0
        on = formulas.power_at_load(idle=idle, maximum=running_w, load=self.utilization)
        return formulas.power_at_load(idle=off, maximum=on, load=self.duty_cycle)

    @property
    def samples(self) -> Any:
        """Units of work done and kept."""
        # The duration comes last, so that a sweep multiplies large arrays once.
        share = self.duty_cycle * self.utilization * self.goodput
        return self.performance.si("throughput") * self.units * share * self.duration_s

    def sustainability(self) -> Sustainability:
        """Return energy, carbon and water over the duration."""
        region, facility, system = self.region, self.facility, self.scenario.system
        it_power = self.unit_power_w * self.units
        it_energy = formulas.energy(it_power, self.duration_s)
        energy = formulas.facility_energy(it_energy, facility.power_usage_effectiveness)
        operational = formulas.operational_carbon(energy, region.carbon_kg_per_j)
        embodied = formulas.embodied_carbon(
            system.hardware.embodied_kgco2e,
            devices=self.devices + self.spare_devices,
            duration=self.duration_s,
            lifetime=self.lifetime_s,
        )
        on_site = formulas.on_site_water(it_energy, facility.water_usage_effectiveness_l_per_j)
        off_site = formulas.grid_water(energy, region.water_l_per_j)
        factors = self.energy_factors
        found = Sustainability(
            energy=energy,
            it_energy=it_energy,
            average_power=formulas.facility_power(it_power, facility.power_usage_effectiveness),
            device_power=self.unit_power_w,
            carbon=operational + embodied,
            operational_carbon=operational,
            embodied_carbon=embodied,
            water=on_site + off_site,
            on_site_water=on_site,
            grid_water=off_site,
            battery_life=self._battery_life(),
            region=region.label,
            carbon_basis=region.carbon_basis,
        )
        proportional = ("energy", "it_energy", "average_power", "device_power",
                        "operational_carbon", "on_site_water", "grid_water", "water")  # fmt: skip
        return found.within(
            **dict.fromkeys(proportional, factors),
            carbon=partial(_ends_of_sum, operational, factors, embodied),
            battery_life=Factors(1.0 / factors.high, 1.0 / factors.low),
        )

    def _battery_life(self) -> Any:
        capacity_wh = self.scenario.system.battery_wh
        if capacity_wh is None:
            return None
        return formulas.battery_life(capacity_wh * SECONDS_PER_HOUR, self.unit_power_w)

    def economics(self, sustainability: Sustainability) -> Economics:
        """Return capital and running cost over the duration."""
        capital = formulas.capital_cost(
            self.scenario.system.hardware.price_usd,
            devices=self.devices + self.spare_devices,
            duration=self.duration_s,
            lifetime=self.lifetime_s,
        )
        running = formulas.energy_cost(sustainability.si("energy"), self.region.price_usd_per_j)
        total = formulas.total_cost_of_ownership(capital=capital, running=running)
        found = Economics(
            tco=total,
            capital_cost=capital,
            running_cost=running,
            cost_per_sample=formulas.cost_per_sample(total, self.samples),
        )
        factors = self.energy_factors
        found = found.within(
            running_cost=factors, tco=partial(_ends_of_sum, running, factors, capital)
        )
        speed = self.performance.si_interval("throughput")
        if speed is None:
            return found
        usual = self.performance.si("throughput")
        return found.within(cost_per_sample=Factors(usual / speed.high, usual / speed.low))

    def failures(self, rate: FailureRate) -> Reliability:
        """Return how often the deployment fails: a job by any of its nodes, devices one by one."""
        nodes = self.scenario.system.nodes
        alone = formulas.series_failure_interval(rate.node_failure_interval_s, nodes)
        unit = rate.job_failure_interval_s(nodes) if self.scenario.gang else alone
        return Reliability(
            devices=self.devices,
            mean_time_between_failures=formulas.series_failure_interval(unit, self.units),
            expected_failures=formulas.expected_failures(
                duration=self.duration_s, rate=1.0 / unit, parts=self.units
            ),
        )


def ends_of(group: Group, name: str) -> tuple[Any, Any]:
    """Return the ends of a metric's interval: its value twice, where it has none."""
    return group.si_interval(name) or (group.si(name), group.si(name))


def _ends_of_sum(varying: Any, factors: Factors, fixed: Any) -> tuple[Any, Any]:
    """Return the ends of a sum of which one part is uncertain."""
    return varying * factors.low + fixed, varying * factors.high + fixed


def solve(scenario: Application, choice: Mapping[str, Any]) -> Performance:
    """Return the performance of one unit of an application under a choice."""
    return Engine.solve(
        scenario.model,
        scenario.system,
        phase=scenario.phase,
        batch_size=choice.get("batch_size", scenario.batch_size),
        precision=choice.get("precision", scenario.precision),
        runtime=scenario.runtime,
        sequence_length=scenario.sequence_length,
        context_length=scenario.sequence_length,
    )


def verdicts(scenario: Application, ledger: SystemLedger) -> tuple[Verdict, ...]:
    """Hold the mission's targets, memory, flash and the world's electricity against a ledger."""
    performance = ledger.performance
    found = [
        _verdict(ledger, t.constraint, t.metric, t.sense, t.limit, t.remedy)
        for t in scenario.all_targets
    ]
    smaller = "Try a narrower precision, a smaller batch, a smaller model or more devices."
    memory = performance.si("memory_capacity")
    found.append(
        _verdict(ledger, "Fits in memory", "performance.memory_used", "at most", memory, smaller)
    )
    flash = performance.si("flash_capacity")
    if flash is not None:
        found.append(
            _verdict(ledger, "Fits in flash", "performance.flash_used", "at most", flash, smaller)
        )
    world = Constants["world_electricity_per_year"].value * _WATTS_PER_TERAWATT_HOUR_A_YEAR
    drawn = ledger.si("sustainability.average_power")
    if anywhere(drawn > _SHARE_OF_WORLD_WORTH_A_VERDICT * world):
        fewer = "No grid can supply it: deploy fewer units."
        found.append(
            _verdict(
                ledger,
                "World's electricity",
                "sustainability.average_power",
                "at most",
                world,
                fewer,
            )
        )
    return tuple(found)


def _verdict(
    ledger: SystemLedger, constraint: str, metric: str, sense: str, limit: Any, remedy: str
) -> Verdict:
    unit = SystemLedger.metric(metric).unit
    return Verdict(constraint, metric, ledger.si(metric), limit, unit, sense, remedy)
