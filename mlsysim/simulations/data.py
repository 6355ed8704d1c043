"""Where data lies, how it moves, what it feeds, how fresh it is, and what keeping it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice, labelled
from mlsysim.constants import (
    JOULES_PER_KWH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_YEAR,
    Constants,
)
from mlsysim.errors import InvalidInput
from mlsysim.facilities import Facilities
from mlsysim.ledger import Economics, Performance, Reliability, SystemLedger, Verdict
from mlsysim.ledger.metrics import Factors
from mlsysim.models.graph import Network
from mlsysim.models.recommendation import Recommender
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.combined import together, use_of
from mlsysim.simulations.declared import CHECKPOINT_INTERVAL, DURATION, FACILITY, REGION, trains
from mlsysim.simulations.deployment import Deployment, ends_of, solve, verdicts
from mlsysim.simulations.training import _ONE_RUN
from mlsysim.storage import Routes, StorageTier, StorageTiers
from mlsysim.tracing import call, current_recorder

_BYTES_PER_TB = 1e12
_BYTES_PER_GB = 1e9
_BYTES_PER_MB = 1e6
_GIGABIT = 1e9 / 8.0
_MONTHS_PER_YEAR = 12.0
# A token of a vocabulary above 65,536 takes four bytes, as a category or a number does.
_BYTES_OF_A_VALUE = 4.0
# Master weight and two moments of four bytes each, and the weight itself.
_CHECKPOINT_BYTES_PER_PARAMETER = 14.0
# What one worker prepares, in megabytes a second: tokens are copied, categories are hashed,
# pictures are decoded.
_USUAL_DECODING_MB_PER_S = {"tokens": 200.0, "categories": 50.0, "pictures": 20.0}
_USUAL_TERABYTES = 10.0
# MLPerf Storage counts a run whose accelerators are busy nine tenths of the time.
_FED = 0.1
_KEPT = 0.9
_EARLY = 0.1

_MOVEMENTS = {
    "copied": "Copied once, before the work starts",
    "streamed": "Read over the link whenever it is needed",
}


def _serves(simulation: Any) -> bool:
    return not trains(simulation)


def _kind_of_sample(simulation: Any) -> str:
    if simulation.scenario.sequence_length is not None:
        return "tokens"
    return "categories" if isinstance(simulation.scenario.model, Recommender) else "pictures"


def _usual_sample(simulation: Any) -> float:
    scenario = simulation.scenario
    if scenario.sequence_length is not None:
        return _BYTES_OF_A_VALUE * float(scenario.sequence_length)
    model: Network = scenario.model
    values = float(np.prod(model.input_shape))
    if not isinstance(model, Recommender):
        return values
    tables = sum(kind == "embedding" for kind in model.operators("inference").kinds)
    return _BYTES_OF_A_VALUE * (values + tables)


def _usual_dataset(simulation: Any) -> float:
    tokens = getattr(simulation.scenario.model, "training_tokens", None)
    if tokens is None or not trains(simulation):
        return _USUAL_TERABYTES
    return float(tokens) * _BYTES_OF_A_VALUE / _BYTES_PER_TB


def _usual_checkpoint(simulation: Any) -> float:
    parameters = float(simulation.scenario.model.parameters)
    # As short as people would write it.
    return float(f"{parameters * _CHECKPOINT_BYTES_PER_PARAMETER / _BYTES_PER_TB:.3g}")


@dataclass(frozen=True, slots=True)
class _Flow:
    """Bytes and rates of one unit: what is stored, what moves, what is wanted and supplied."""

    stored: Any
    read_rate: Any
    write_rate: Any
    demand: Any
    storage: Any
    link: Any | None
    decoding: Any
    arrival: Any
    age: Any | None

    @property
    def supply(self) -> Any:
        """What the slowest stage lets through."""
        link = self.storage if self.link is None else self.link
        return formulas.pipeline_rate(storage=self.storage, link=link, decoding=self.decoding)

    @property
    def slowest(self) -> str | None:
        """The stage that sets the pace, where there is one answer to that."""
        stages = {"storage": self.storage, "link": self.link, "decoding": self.decoding}
        rates = {name: rate for name, rate in stages.items() if rate is not None}
        if any(ndim(rate) for rate in (self.demand, *rates.values())):
            return None
        return min(rates, key=lambda name: rates[name])

    @property
    def starved(self) -> Any:
        """The share of time that the accelerators wait."""
        return formulas.starved_fraction(supply=self.supply, demand=self.demand)


class DataSimulation(BaseSimulation):
    """Whether data reaches the accelerators in time, and what moving and keeping it costs.

    Storage, link and decoding work at the same time: the slowest sets the pace, less what a cache
    saves of it. Checkpoints are written by all nodes at once to the same storage, which is
    provisioned for what is kept. Storage is rented: its price includes its electricity.

    >>> sim = DataSimulation("Training", "CloudTitan")
    >>> tokens, pictures = (sim.evaluate({"sample_bytes": size}) for size in (32e3, 2e9))
    >>> tokens.performance.si("starved_fraction"), pictures.performance.si("starved_fraction") > 0
    (0.0, True)
    """

    title: ClassVar[str] = "Data, storage and movement"
    default_application: ClassVar[str] = "Training"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        DURATION,
        NumberChoice(
            name="dataset_tb",
            label="Data set",
            help="All data, in terabytes of 10^12 bytes.",
            unit="terabyte",
            minimum=0.001,
            maximum=100_000.0,
            default=_usual_dataset,
            scale="log",
        ),
        NumberChoice(
            name="sample_bytes",
            label="One sample",
            help="Bytes read for one unit of work, as they lie in storage.",
            unit="byte",
            minimum=1.0,
            maximum=1e10,
            default=_usual_sample,
            scale="log",
        ),
        OptionChoice(
            name="location",
            label="Where it lies",
            help="Where the data is, as seen from the accelerators.",
            options=Routes,
            default="same_region",
        ),
        OptionChoice(
            name="movement",
            label="Movement",
            help="Whether the data is copied first, or read from where it lies.",
            options=labelled(_MOVEMENTS),
            default="copied",
        ),
        NumberChoice(
            name="link_gbit_per_s",
            label="Link",
            help="Bandwidth from where the data lies, in gigabits a second.",
            unit="gigabit/second",
            minimum=0.01,
            maximum=100_000.0,
            default=100.0,
            scale="log",
        ),
        OptionChoice(
            name="storage",
            label="Storage",
            help="What the data is read from, and checkpoints are written to.",
            options=StorageTiers,
            default="parallel_fs",
        ),
        NumberChoice(
            name="cached_fraction",
            label="Cached",
            help="Share of reads that memory or a local disk answers.",
            unit="dimensionless",
            minimum=0.0,
            maximum=0.99,
            default=0.0,
        ),
        NumberChoice(
            name="loader_workers",
            label="Loader workers",
            help="Processes for each accelerator that decode and batch.",
            unit="dimensionless",
            minimum=1,
            maximum=256,
            default=8,
            integer=True,
            scale="log",
        ),
        NumberChoice(
            name="decoding_mb_per_s",
            label="Decoding",
            help="What one worker prepares, in megabytes a second.",
            unit="megabyte/second",
            minimum=0.01,
            maximum=10_000.0,
            default=lambda simulation: _USUAL_DECODING_MB_PER_S[_kind_of_sample(simulation)],
            scale="log",
        ),
        NumberChoice(
            name="retention_days",
            label="Retention",
            help="How long new data, or checkpoints, are kept.",
            unit="day",
            minimum=0.01,
            maximum=3650.0,
            default=lambda simulation: 1.0 if trains(simulation) else 30.0,
            scale="log",
        ),
        NumberChoice(
            name="new_tb_per_day",
            label="New data",
            help="Terabytes that come in every day.",
            unit="terabyte/day",
            minimum=0.0001,
            maximum=10_000.0,
            default=1.0,
            scale="log",
            applies=_serves,
        ),
        NumberChoice(
            name="refresh_hours",
            label="Refresh",
            help="How often new data is taken over.",
            unit="hour",
            minimum=0.01,
            maximum=8760.0,
            default=24.0,
            scale="log",
            applies=_serves,
        ),
        NumberChoice(
            name="oldest_hours",
            label="Freshness",
            help="How old the newest data in use may be on average.",
            unit="hour",
            minimum=0.01,
            maximum=8760.0,
            default=24.0,
            scale="log",
            applies=_serves,
        ),
        NumberChoice(
            name="checkpoint_tb",
            label="Checkpoint",
            help="Terabytes that all nodes write together.",
            unit="terabyte",
            minimum=0.0001,
            maximum=1000.0,
            default=_usual_checkpoint,
            scale="log",
            applies=trains,
        ),
        replace(CHECKPOINT_INTERVAL, applies=trains),
        NumberChoice(
            name="transfer_budget_usd",
            label="Transfer budget",
            help="What moving data may cost over the whole time.",
            unit="USD",
            minimum=1.0,
            maximum=1e9,
            default=100_000.0,
            scale="log",
        ),
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application has no data pipeline of its own."""
        label = application.label
        if application.phase == "training":
            return None
        if application.system.hardware.tier != "cloud":
            return f"{label} works on what its own sensor or user has just said or seen."
        if isinstance(application.model, Network):
            return None
        return f"{label} is sent a few bytes of text for each token: no storage has to feed it."

    @property
    def units(self) -> float:
        """One: a job or a service in a data center is as large as its system, whoever runs it."""
        return _ONE_RUN

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of the work, with what data takes of it and adds to it."""
        if choice["movement"] == "streamed" and Routes[choice["location"]].shipped:
            accepted = "copied: nothing can be read while it is on the road"
            raise InvalidInput("movement", "streamed", accepted)
        scenario, alone, units = self.scenario, solve(self.scenario, choice), self.units
        if current_recorder() is not None:
            # Nothing else would lead from the number of devices to a source.
            units = call(float, (units,))
        flow = self._flow(choice, alone)
        kept = self._checkpoints(choice, flow)
        deployment = Deployment(
            scenario=scenario,
            performance=self._fed(alone, flow),
            units=units,
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=scenario.duty_cycle,
            utilization=scenario.utilization,
            goodput=1.0 if kept is None else kept.si("goodput"),
        )
        failures = deployment.failures(scenario.failure_rate)
        moved = self._moved(choice, deployment, flow)
        own = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=together(own, *self._elsewhere(choice, deployment, flow, moved)),
            economics=self._cost(choice, deployment, deployment.economics(own), flow, moved),
            reliability=failures
            if kept is None
            else failures.replace(**{name: kept.si(name) for name in kept}),
        )
        found = self._verdicts(choice, ledger)
        return replace(ledger, verdicts=(*verdicts(scenario, ledger), *found))

    def _flow(self, choice: dict[str, Any], alone: Performance) -> _Flow:
        system, route = self.scenario.system, Routes[choice["location"]]
        dataset = choice["dataset_tb"] * _BYTES_PER_TB
        new_rate = self._new_byte_per_s(choice)
        stored = dataset + new_rate * choice["retention_days"] * SECONDS_PER_DAY
        if trains(self):
            stored = np.maximum(stored, dataset + choice["checkpoint_tb"] * _BYTES_PER_TB)
        tier, nodes = StorageTiers[choice["storage"]], float(system.nodes)
        read = _shared_rate(tier, nodes * tier.read_byte_per_s_per_node, stored)
        link = choice["link_gbit_per_s"] * _GIGABIT
        streamed = choice["movement"] == "streamed"
        workers = choice["loader_workers"] * float(system.devices)

        def arrival(volume: Any) -> Any:
            if route.shipped:
                return route.handling_s
            return formulas.transfer_time(volume, bandwidth=link, latency=route.handling_s)

        age = None
        if not trains(self):
            interval = choice["refresh_hours"] * SECONDS_PER_HOUR
            delay = 0.0 if streamed else arrival(new_rate * interval)
            age = formulas.mean_data_age(interval=interval, delay=delay)
        return _Flow(
            stored=stored,
            read_rate=read,
            write_rate=_shared_rate(tier, nodes * tier.write_byte_per_s_per_node, stored),
            demand=alone.si("throughput") * choice["sample_bytes"],
            storage=formulas.cached_rate(read, choice["cached_fraction"]),
            link=formulas.cached_rate(link, choice["cached_fraction"]) if streamed else None,
            decoding=workers * choice["decoding_mb_per_s"] * _BYTES_PER_MB,
            arrival=0.0 if streamed else arrival(dataset),
            age=age,
        )

    def _new_byte_per_s(self, choice: dict[str, Any]) -> Any:
        if trains(self):
            interval = choice["checkpoint_interval_minutes"] * SECONDS_PER_MINUTE
            return choice["checkpoint_tb"] * _BYTES_PER_TB / interval
        return choice["new_tb_per_day"] * _BYTES_PER_TB / SECONDS_PER_DAY

    def _fed(self, alone: Performance, flow: _Flow) -> Performance:
        """Return the performance that is left when devices idle while they wait for data."""
        system, starved = self.scenario.system, flow.starved
        working = 1.0 - starved
        idle = system.devices * (system.hardware.idle_power_w + system.host_power_w)

        def power(running: Any) -> Any:
            return formulas.power_at_load(idle=idle, maximum=running, load=working)

        faster = ("throughput", "model_flops_utilization", "achieved_flop_rate")
        latency, throughput = alone.si("latency") / working, alone.si("throughput") * working
        drawn = power(alone.si("power"))
        scaled = {"latency": lambda end: end / working, "throughput": lambda end: end * working,
                  "power": power}  # fmt: skip
        return alone.replace(
            **{name: alone.si(name) * working for name in faster},
            latency=latency,
            power=drawn,
            energy=drawn * latency,
            energy_per_sample=drawn / throughput,
            input_demand=flow.demand,
            input_supply=flow.supply,
            storage_supply=flow.storage,
            link_supply=flow.link,
            decoding_supply=flow.decoding,
            starved_fraction=starved,
            binding_limit=_binding(alone, flow),
            dataset_transfer_time=flow.arrival,
            data_age=flow.age,
            stored_bytes=flow.stored,
        ).within(
            **{
                name: tuple(change(end) for end in ends_of(alone, name))
                for name, change in scaled.items()
            }
        )

    def _checkpoints(self, choice: dict[str, Any], flow: _Flow) -> Reliability | None:
        if not trains(self):
            return None
        nodes = self.scenario.system.nodes
        between = self.scenario.failure_rate.job_failure_interval_s(nodes)
        size = choice["checkpoint_tb"] * _BYTES_PER_TB
        work = choice["checkpoint_interval_minutes"] * SECONDS_PER_MINUTE
        saving, loading = (
            formulas.transfer_time(size, bandwidth=rate, latency=0.0)
            for rate in (flow.write_rate, flow.read_rate)
        )
        return Reliability(
            goodput=formulas.checkpointed_goodput(
                work=work, checkpoint=saving, restart=loading, interval=between
            ),
            checkpoint_interval=work,
            optimal_checkpoint_interval=formulas.optimal_checkpoint_interval(
                checkpoint=saving, interval=between
            ),
            checkpoint_time=saving,
        )

    def _moved(self, choice: dict[str, Any], deployment: Deployment, flow: _Flow) -> Any:
        """Return the bytes that are sent to the accelerators."""
        duration = deployment.duration_s
        if choice["movement"] == "streamed":
            running = duration * deployment.duty_cycle * deployment.utilization
            read = np.minimum(flow.demand, flow.supply) * running
            return read * (1.0 - choice["cached_fraction"])
        new = 0.0 if trains(self) else self._new_byte_per_s(choice) * duration
        return choice["dataset_tb"] * _BYTES_PER_TB + new

    @staticmethod
    def _elsewhere(
        choice: dict[str, Any], deployment: Deployment, flow: _Flow, moved: Any
    ) -> tuple[Any, ...]:
        """Return what storage and network use."""
        tier, duration = StorageTiers[choice["storage"]], deployment.duration_s
        terabytes = flow.stored / _BYTES_PER_TB
        storage = use_of(
            formulas.energy(terabytes * tier.power_w_per_tb, duration),
            duration,
            deployment.region,
            deployment.facility,
        )
        if not Routes[choice["location"]].long_haul:
            return (storage,)
        joules_per_gb = Constants["fixed_line_energy"].value * JOULES_PER_KWH
        network = use_of(moved / _BYTES_PER_GB * joules_per_gb, duration, deployment.region)
        return storage, network

    @staticmethod
    def _cost(
        choice: dict[str, Any], deployment: Deployment, own: Economics, flow: _Flow, moved: Any
    ) -> Economics:
        per_month = StorageTiers[choice["storage"]].price_usd_per_gb_month / _BYTES_PER_GB
        storage = formulas.storage_cost(
            flow.stored,
            per_month * _MONTHS_PER_YEAR / SECONDS_PER_YEAR,
            duration=deployment.duration_s,
        )
        transfer = formulas.transfer_cost(
            moved, Routes[choice["location"]].price_usd_per_gb / _BYTES_PER_GB
        )
        added, samples = storage + transfer, deployment.samples
        total = own.si("tco") + added
        usual = own.si("cost_per_sample")
        return own.replace(
            tco=total,
            cost_per_sample=formulas.cost_per_sample(total, samples),
            transfer_cost=transfer,
            storage_cost=storage,
        ).within(
            tco=tuple(end + added for end in ends_of(own, "tco")),
            cost_per_sample=Factors(*(end / usual for end in ends_of(own, "cost_per_sample"))),
        )

    def _verdicts(self, choice: dict[str, Any], ledger: SystemLedger) -> tuple[Verdict, ...]:
        run = ledger.performance
        duration = choice["duration_days"] * SECONDS_PER_DAY
        found = [
            Verdict("Accelerators fed", "performance.starved_fraction", run.si("starved_fraction"),
                    _FED, "dimensionless", "at most",
                    "Cache more, add workers, take faster storage, or smaller samples."),
            Verdict("Arrives early", "performance.dataset_transfer_time",
                    run.si("dataset_transfer_time"), _EARLY * duration, "second", "at most",
                    "Ship it, widen the link, or bring the work to the data."),
            Verdict("Transfer within budget", "economics.transfer_cost",
                    ledger.si("economics.transfer_cost"), choice["transfer_budget_usd"],
                    "USD", "at most", "Keep data and work in one region, or move less of it."),
        ]  # fmt: skip
        capacity = StorageTiers[choice["storage"]].capacity_per_node_bytes
        if capacity is not None:
            found.append(
                Verdict("Fits the drives", "performance.stored_bytes", run.si("stored_bytes"),
                        capacity * self.scenario.system.nodes, "byte", "at most",
                        "Keep less, or take storage outside of the nodes.")
            )  # fmt: skip
        return (*found, *(self._of_training(ledger) if trains(self) else self._fresh(choice, run)))

    @staticmethod
    def _of_training(ledger: SystemLedger) -> tuple[Verdict, ...]:
        reliability = ledger.reliability
        return (
            Verdict("Saved within the interval", "reliability.checkpoint_time",
                    reliability.si("checkpoint_time"), reliability.si("checkpoint_interval"),
                    "second", "at most", "Save less often, write less, or to faster storage."),
            Verdict("Work kept", "reliability.goodput", reliability.si("goodput"), _KEPT,
                    "dimensionless", "at least",
                    "Move the interval towards the best one, or write faster."),
        )  # fmt: skip

    @staticmethod
    def _fresh(choice: dict[str, Any], run: Performance) -> tuple[Verdict, ...]:
        return (
            Verdict("Fresh enough", "performance.data_age", run.si("data_age"),
                    choice["oldest_hours"] * SECONDS_PER_HOUR, "second", "at most",
                    "Refresh more often, over a faster link, or read data where it lies."),
        )  # fmt: skip


def _shared_rate(tier: StorageTier, of_nodes: Any, stored: Any) -> Any:
    """Return what all nodes get together: of their own links, of what was provisioned, of all."""
    rate = of_nodes
    if tier.byte_per_s_per_tb is not None:
        rate = np.minimum(rate, tier.byte_per_s_per_tb * stored / _BYTES_PER_TB)
    if tier.total_byte_per_s is not None:
        rate = np.minimum(rate, tier.total_byte_per_s)
    return rate


def _binding(alone: Performance, flow: _Flow) -> str | None:
    """Say what limits the work: the slowest stage if it starves, else what limits it alone."""
    slowest = flow.slowest
    if slowest is None:
        return None
    return slowest if flow.supply < flow.demand else alone.si("binding_limit")
