"""Fabrics: how the devices of a cluster are wired to each other."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import UnknownName, require_number
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Sourced

SHAPES = ("switch", "tree", "rails", "torus")


@dataclass(frozen=True, kw_only=True)
class Fabric(Sourced):
    """One way to wire devices: the shape, what it reaches, and what a hop takes.

    A "switch" joins all devices at full rate. In a "tree" all devices of a node are wired to one
    leaf switch; with "rails", devices of the same rank in their nodes are. A "torus" joins each
    device with its neighbours in `dimensions`. `reduces` tells switches that can sum.

    >>> Fabrics["rails"].most_devices
    65536.0
    """

    name: str
    label: str
    shape: str
    hop_latency_s: float
    most_devices: float
    ports: float = 0.0
    dimensions: float = 0.0
    reduces: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise UnknownName(f"shape of {self.name}", self.shape, SHAPES)
        for field in ("hop_latency_s", "most_devices"):
            require_number(f"{field} of {self.name}", getattr(self, field), exclusive=True)
        for field in ("ports", "dimensions"):
            require_number(f"{field} of {self.name}", getattr(self, field))

    def members_of_leaf(self, members_of_node: float, devices_per_node: float) -> float:
        """Return how many members of a group talk to each other through one leaf switch.

        Half the ports of a leaf lead down: to all devices of a few nodes, or to one of many.

        >>> [Fabrics[name].members_of_leaf(1.0, 8.0) for name in ("fat_tree", "rails")]
        [4.0, 32.0]
        """
        if self.shape == "tree":
            return self.ports / 2.0 / devices_per_node * members_of_node
        if self.shape == "rails":
            return self.ports / 2.0 * members_of_node
        return self.most_devices


_PORTS = 64.0
# Three levels of switches of k ports join k³ / 4 devices without oversubscription.
_THREE_LEVELS = _PORTS**3 / 4.0
_CORE = FrozenDict(most_devices="leiserson-1985-fat-tree")

Fabrics: Registry[Fabric] = Registry(
    "fabric",
    lambda: (
        Fabric(
            name="switch",
            label="One switch between all devices (NVLink)",
            aliases=("nvlink",),
            shape="switch",
            hop_latency_s=0.3e-6,
            most_devices=72.0,
            reduces=True,
            source="fabric-core-estimate",
            field_sources=FrozenDict(most_devices="nvidia-nvl72"),
        ),
        Fabric(
            name="rails",
            label="Fat tree, one leaf per rank (rails)",
            shape="rails",
            hop_latency_s=0.3e-6,
            most_devices=_THREE_LEVELS,
            ports=_PORTS,
            reduces=True,
            source="fabric-core-estimate",
            field_sources=_CORE,
        ),
        Fabric(
            name="fat_tree",
            label="Fat tree, one leaf per few nodes",
            shape="tree",
            hop_latency_s=0.3e-6,
            most_devices=_THREE_LEVELS,
            ports=_PORTS,
            reduces=True,
            source="fabric-core-estimate",
            field_sources=_CORE,
        ),
        Fabric(
            name="torus",
            label="Torus in three dimensions",
            shape="torus",
            hop_latency_s=0.3e-6,
            most_devices=4096.0,
            dimensions=3.0,
            source="tpu-torus",
            field_sources=FrozenDict(hop_latency_s="fabric-core-estimate"),
        ),
        Fabric(
            name="ring",
            label="Ring, each device joined with two others",
            shape="torus",
            hop_latency_s=0.3e-6,
            most_devices=64.0,
            dimensions=1.0,
            source="fabric-core-estimate",
        ),
    ),
)
