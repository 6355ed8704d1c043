"""Which fabric joins the devices, and which collective sums over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice, labelled
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR, Constants
from mlsysim.engine import Collective, Engine
from mlsysim.fabrics import Fabric, Fabrics
from mlsysim.facilities import Facilities
from mlsysim.ledger import Performance, SystemLedger, Verdict
from mlsysim.models import Transformer
from mlsysim.precisions import Precisions
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import DURATION, FACILITY, REGION, trains
from mlsysim.simulations.deployment import Deployment, verdicts
from mlsysim.systems import System
from mlsysim.tracing import SourcedFloat, as_float
from mlsysim.units import humanize

_BYTES_PER_GB = 1e9
_SECONDS_PER_MICROSECOND = 1e-6
# One sum after attention, one after the feed-forward layer.
_SUMS_PER_LAYER = 2.0
# What Megatron-Core takes together, in parameters: enough for the steps of a large ring to pay.
_LEAST_BUCKET, _BUCKET_PER_REPLICA = 40e6, 1e6
# NCCL's figures for one step of a ring: between nodes, and over NVLink.
_NETWORK_STEP_US, _NVLINK_STEP_US = 14.0, 3.4
# Compressing reads a message and writes it once more, on the way out and on the way in.
_PASSES_OF_COMPRESSION = 4.0
_HALF = 0.5

_ALGORITHMS = {
    "ring": "Ring: least traffic, a step for each member",
    "tree": "Double binary tree: few steps",
    "hierarchical": "Inside of nodes first, then a ring across",
    "in_switch": "Sums in the switches",
    "central": "Parameter server: one device sums for all",
}
_ORDERS = {
    "packed": "Neighbours in the ring stand beside each other",
    "scattered": "Members stand wherever there was room",
}


def _members(simulation: Any) -> int:
    layout = simulation.scenario.system.layout
    return int(layout.data if trains(simulation) else layout.tensor)


def _usual_members_of_node(simulation: Any) -> int:
    system = simulation.scenario.system
    return max(int(system.devices_per_node // (system.layout.tensor * system.layout.context)), 1)


def _divisors_of_a_node(simulation: Any) -> tuple[str, ...]:
    devices = simulation.scenario.system.devices_per_node
    return tuple(str(n) for n in range(1, devices + 1) if devices % n == 0)


def _usual_message(simulation: Any) -> float:
    scenario = simulation.scenario
    width = Precisions[scenario.precision].activation_bytes
    if trains(simulation):
        return max(_LEAST_BUCKET, _BUCKET_PER_REPLICA * _members(simulation)) * width
    return float(scenario.batch_size * scenario.model.hidden * width)


def _usual_link(simulation: Any) -> float:
    system = simulation.scenario.system
    own = system.hardware.link_byte_per_s_per_direction
    across = system.scale_out_byte_per_s_per_direction
    return float(across if trains(simulation) else own) / _BYTES_PER_GB


@dataclass(frozen=True, slots=True)
class _Group:
    """The devices that sum together: how many, where they stand, and what the fabric gives each."""

    members: float
    members_of_node: float
    inside_byte_per_s: float
    link_byte_per_s: Any
    step_s: Any
    level_s: Any
    levels: float
    core_load: Any

    @property
    def byte_per_s(self) -> Any:
        """What one ring or tree gets: members of one node share all of their links."""
        across = formulas.congested_bandwidth(self.link_byte_per_s, self.core_load)
        if self.members_of_node == 1.0:
            return across
        return np.minimum(self.inside_byte_per_s, across * self.members_of_node)


class NetworkSimulation(BaseSimulation):
    """Which links matter, and how devices should sum over them.

    In training, replicas sum their gradients, message by message, while the backward pass still
    runs; weights and batch grow with the replicas. In serving, a tensor-parallel group sums the
    activations of each layer, and waits for it. What such a sum takes goes into the engine in
    place of its own, which is that of the best algorithm on an idle fabric.

    >>> sim = NetworkSimulation("Frontier", "CloudTitan")
    >>> ring, tree = (sim.evaluate({"algorithm": name, "message_bytes": 1e6})
    ...               for name in ("ring", "tree"))
    >>> tree.performance.collective_time < ring.performance.collective_time
    True
    """

    title: ClassVar[str] = "Fabric and collective"
    default_application: ClassVar[str] = "Frontier"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        DURATION,
        OptionChoice(
            name="fabric",
            label="Fabric",
            help="How the devices are wired to each other.",
            options=Fabrics,
            default=lambda simulation: "rails" if trains(simulation) else "switch",
        ),
        OptionChoice(
            name="algorithm",
            label="Collective",
            help="How the members of a group sum their messages.",
            options=labelled(_ALGORITHMS),
            default=lambda simulation: "ring" if trains(simulation) else "in_switch",
        ),
        NumberChoice(
            name="members",
            label="Members",
            help="Replicas that sum gradients, or devices that share each layer.",
            unit="dimensionless",
            minimum=2,
            maximum=lambda simulation: 4096 if trains(simulation) else 64,
            default=_members,
            integer=True,
            structural=True,
            scale="log",
        ),
        OptionChoice(
            name="members_per_node",
            label="Replicas in a node",
            help="Replicas that share one node: the more, the fewer devices divide each layer.",
            options=_divisors_of_a_node,
            default=lambda simulation: str(_usual_members_of_node(simulation)),
            applies=trains,
        ),
        OptionChoice(
            name="rank_order",
            label="Rank order",
            help="Whether members next to each other in a ring share a leaf switch or a link.",
            options=labelled(_ORDERS),
            default="packed",
            applies=trains,
        ),
        NumberChoice(
            name="message_bytes",
            label="Message",
            help="Bytes summed at once: a bucket of gradients, or the activations of a layer.",
            unit="byte",
            minimum=1e3,
            maximum=1e12,
            default=_usual_message,
            scale="log",
        ),
        NumberChoice(
            name="link_gb_per_s_per_direction",
            label="Link",
            help="Bandwidth of one device to the fabric, in each direction.",
            unit="gigabyte/second",
            minimum=0.1,
            maximum=2000.0,
            default=_usual_link,
            scale="log",
        ),
        NumberChoice(
            name="oversubscription",
            label="Oversubscription",
            help="Bandwidth below a leaf switch over bandwidth above it; 1 is none.",
            unit="dimensionless",
            minimum=1.0,
            maximum=32.0,
            default=1.0,
            scale="log",
        ),
        NumberChoice(
            name="step_latency_us",
            label="Latency of a step",
            help="Software, adapter and cable; the switches on the way come on top.",
            unit="microsecond",
            minimum=0.1,
            maximum=1000.0,
            default=lambda simulation: _NETWORK_STEP_US if trains(simulation) else _NVLINK_STEP_US,
            scale="log",
        ),
        NumberChoice(
            name="overlap",
            label="Overlap",
            help="Share of the traffic that runs while the devices still compute.",
            unit="dimensionless",
            minimum=0.0,
            maximum=1.0,
            default=lambda simulation: (
                1.0 - simulation.scenario.runtime.exposed_communication_fraction
            ),
            applies=trains,
        ),
        NumberChoice(
            name="compression",
            label="Compression",
            help="Times that a message becomes smaller; what it does to learning is not told.",
            unit="dimensionless",
            minimum=1.0,
            maximum=1000.0,
            default=1.0,
            scale="log",
        ),
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application has nothing to sum over a network."""
        layout, label = application.system.layout, application.label
        if application.system.devices == 1:
            return f"{label} runs on one device, which needs no fabric."
        if application.phase == "training" and layout.data > 1:
            return None
        if isinstance(application.model, Transformer) and layout.tensor > 1:
            return None
        return f"{label} trades rows of tables between its devices and sums nothing over them."

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of the cluster with the fabric and the collective chosen."""
        scenario = self._scenario(choice)
        group = self._group(choice, scenario.system)
        message, count = self._messages(choice, scenario)
        each = self._time_of_one(choice, group, message, scenario.system)
        exposed = formulas.exposed_fraction(overlap=choice.get("overlap", 0.0), buckets=count)
        known = Collective(
            seconds=each * count if trains(self) else each,
            exposed_fraction=exposed if trains(self) else 1.0,
        )
        performance = self._performance(choice, scenario, group, message, each, count, known)
        deployment = Deployment(
            scenario=scenario,
            performance=performance,
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
            performance=performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(scenario.failure_rate),
        )
        own = self._verdicts(choice, group, ledger)
        return replace(ledger, verdicts=(*verdicts(scenario, ledger), *own))

    def _scenario(self, choice: dict[str, Any]) -> Application:
        scenario, members = self.scenario, choice["members"]
        system, layout = scenario.system, scenario.system.layout
        if not trains(self):
            return replace(scenario, system=replace(system, layout=replace(layout, tensor=members)))
        together = int(choice["members_per_node"])
        tensor = layout.tensor
        if together != _usual_members_of_node(self):
            tensor = max(system.devices_per_node // (together * layout.context), 1)
        return replace(
            scenario,
            batch_size=max(round(scenario.batch_size * members / layout.data), members),
            system=replace(system, layout=replace(layout, tensor=tensor, data=members)),
        )

    def _group(self, choice: dict[str, Any], system: System) -> _Group:
        fabric, members = Fabrics[choice["fabric"]], as_float(choice["members"])
        of_node = float(choice.get("members_per_node", "1"))
        if fabric.shape in ("switch", "torus"):
            of_node = 1.0
        link = choice["link_gb_per_s_per_direction"] * _BYTES_PER_GB
        reached = system.hardware.twin_of_architecture.link_fraction
        leaf = fabric.members_of_leaf(of_node, as_float(system.devices_per_node))
        places = max(as_float(system.nodes) * of_node, members)
        away = _share_away(choice, fabric, leaf, members, places)
        devices = as_float(system.devices)
        levels = 1.0
        if fabric.ports:
            levels = float(formulas.fat_tree_levels(devices=devices, ports=fabric.ports))
        step = choice["step_latency_us"] * _SECONDS_PER_MICROSECOND
        hops = 1.0 + away * 2.0 * (levels - 1.0) if fabric.shape != "torus" else away
        return _Group(
            members=members,
            members_of_node=of_node,
            inside_byte_per_s=(system.hardware.link_byte_per_s_per_direction or 0.0) * reached,
            link_byte_per_s=link * reached,
            step_s=step + hops * fabric.hop_latency_s,
            level_s=step + fabric.hop_latency_s,
            levels=levels,
            core_load=away if fabric.shape == "torus" else away * choice["oversubscription"],
        )

    def _messages(self, choice: dict[str, Any], scenario: Application) -> tuple[Any, Any]:
        """Return the size of one message and how many of them one execution sums."""
        if not trains(self):
            layers = scenario.model.layers if isinstance(scenario.model, Transformer) else 0
            return choice["message_bytes"], _SUMS_PER_LAYER * layers
        layout = scenario.system.layout
        gradients = formulas.parameter_bytes(
            scenario.model.parameters / (layout.tensor * layout.pipeline),
            Precisions[scenario.precision].activation_bytes,
        )
        message = np.minimum(choice["message_bytes"], gradients)
        return message, gradients / message

    @staticmethod
    def _time_of_one(choice: dict[str, Any], group: _Group, message: Any, system: System) -> Any:
        sent = message / choice["compression"]
        ways = {"devices": group.members, "bandwidth": group.byte_per_s, "latency": group.step_s}
        algorithm = choice["algorithm"]
        if algorithm == "ring":
            time = formulas.ring_all_reduce_time(sent, **ways)
        elif algorithm == "tree":
            time = formulas.tree_all_reduce_time(sent, **ways)
        elif algorithm == "hierarchical":
            time = _hierarchical(group, sent)
        elif algorithm == "in_switch":
            time = formulas.in_switch_all_reduce_time(
                sent, levels=group.levels, bandwidth=group.byte_per_s, latency=group.level_s
            )
        else:
            time = formulas.central_all_reduce_time(sent, **ways)
        packing = formulas.memory_time(
            _PASSES_OF_COMPRESSION * message, system.hardware.memory_bandwidth_byte_per_s
        )
        launch = Constants["collective_launch_time"].value
        return launch + time + np.where(choice["compression"] > 1.0, packing, 0.0)

    def _performance(
        self,
        choice: dict[str, Any],
        scenario: Application,
        group: _Group,
        message: Any,
        each: Any,
        count: Any,
        known: Collective,
    ) -> Performance:
        waiting = _solve(scenario, known)
        free = _solve(scenario, Collective(seconds=0.0)).si("latency")
        fabric, devices = Fabrics[choice["fabric"]], as_float(scenario.system.devices)
        link = choice["link_gb_per_s_per_direction"] * _BYTES_PER_GB
        if fabric.dimensions:
            bisection = formulas.torus_bisection_bandwidth(
                link, devices=devices, dimensions=fabric.dimensions
            )
        else:
            bisection = formulas.bisection_bandwidth(
                link, devices=devices, oversubscription=choice["oversubscription"]
            )
        latency = waiting.si("latency")
        sums = fabric.reduces or choice["algorithm"] != "in_switch"
        return waiting.replace(
            message_size=message,
            collective_time=each * count,
            algorithm_bandwidth=message / each,
            bus_bandwidth=formulas.bus_bandwidth(message, each, devices=group.members),
            bisection_bandwidth=bisection,
            core_load=group.core_load,
            ring_tree_crossover=formulas.ring_tree_crossover(
                group.byte_per_s, devices=group.members, latency=group.step_s
            ),
            exposed_fraction=1.0 - free / latency,
            scaling_efficiency=free / latency,
            group_devices=devices,
            summing_switches=SourcedFloat(
                sums,
                name=f"{fabric.name}.reduces",
                label="switches that can sum what the algorithm asks of them",
                unit="dimensionless",
                source=fabric.source_of("reduces").name,
            ),
        )

    def _verdicts(
        self, choice: dict[str, Any], group: _Group, ledger: SystemLedger
    ) -> tuple[Verdict, ...]:
        run, fabric = ledger.performance, Fabrics[choice["fabric"]]
        found = [
            Verdict("Core carries the traffic", "performance.core_load", run.si("core_load"), 1.0,
                    "dimensionless", "at most",
                    "Pack neighbours under one leaf, or buy less oversubscription."),
            Verdict("Fabric reaches all", "performance.group_devices", run.si("group_devices"),
                    fabric.most_devices, "device", "at most",
                    "Choose a fabric of more levels, or fewer devices."),
            Verdict("Half the speed", "performance.scaling_efficiency",
                    run.si("scaling_efficiency"), _HALF, "dimensionless", "at least",
                    "Overlap more, send less, or join fewer devices by faster links."),
            Verdict("Switches can sum", "performance.summing_switches",
                    run.si("summing_switches"), 1.0, "dimensionless", "at least",
                    "Take a fabric with switches that sum, or a ring or tree of devices."),
        ]  # fmt: skip
        if trains(self):
            link = choice["link_gb_per_s_per_direction"] * _BYTES_PER_GB
            work = run.si("compute_time") + run.si("memory_time") + run.si("overhead_time")
            found += [
                Verdict("Hidden behind the work", "performance.collective_time",
                        run.si("collective_time"), work, "second", "at most",
                        "Work longer between sums, with a larger batch, or send less."),
                Verdict("Links well used", "performance.bus_bandwidth", run.si("bus_bandwidth"),
                        _HALF * link, "byte/second", "at least", _larger_messages(choice, group)),
            ]  # fmt: skip
        return tuple(found)


def _solve(scenario: Application, known: Collective) -> Performance:
    return Engine.solve(
        scenario.model,
        scenario.system,
        phase=scenario.phase,
        batch_size=scenario.batch_size,
        precision=scenario.precision,
        runtime=scenario.runtime,
        sequence_length=scenario.sequence_length,
        context_length=scenario.sequence_length,
        collective=known,
    )


def _hierarchical(group: _Group, sent: Any) -> Any:
    """Return the time of a ring across nodes, each member of which sums its part of the message."""
    of_node, nodes = group.members_of_node, max(group.members / group.members_of_node, 1.0)
    inside = (of_node - 1.0) * _NVLINK_STEP_US * _SECONDS_PER_MICROSECOND
    if of_node > 1.0:
        inside = inside + formulas.exchange_time(
            sent, devices=of_node, bandwidth=group.inside_byte_per_s
        )
    across = formulas.ring_all_reduce_time(
        sent / of_node,
        devices=nodes,
        bandwidth=formulas.congested_bandwidth(group.link_byte_per_s, group.core_load),
        latency=group.step_s,
    )
    return formulas.hierarchical_all_reduce_time(inside=inside, across=across)


def _larger_messages(choice: dict[str, Any], group: _Group) -> str:
    """Say what would use the links better, with the size where that size is one number."""
    crossover = formulas.ring_tree_crossover(
        group.byte_per_s, devices=group.members, latency=group.step_s
    )
    if choice["algorithm"] != "ring" or ndim(crossover):
        return "Sum larger messages at once, by a ring or in the switches."
    size = humanize(float(crossover), "byte")
    return f"Sum larger messages at once, or take a tree, which is faster below {size}."


def _share_away(
    choice: dict[str, Any], fabric: Fabric, leaf: float, members: float, places: float
) -> float:
    """Return the share of messages that leave a leaf; in a torus, the links each passes.

    Scattered members stand at any of the places that a cluster has for them.
    """
    packed = choice.get("rank_order", "packed") == "packed" and choice["algorithm"] != "central"
    if fabric.shape == "torus":
        if packed and choice["algorithm"] != "tree":
            return 1.0
        distance = formulas.torus_mean_distance(devices=members, dimensions=fabric.dimensions)
        return max(float(distance), 1.0)
    if leaf >= (members if packed else places):
        return 0.0
    return 1.0 / leaf if packed else (places - leaf) / (places - 1.0)
