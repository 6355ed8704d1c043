"""Systems: devices put together with links, a host, a battery, and a way to divide the work."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from mlsysim.constants import Constants
from mlsysim.errors import InvalidInput, require_number
from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.registry import ByName, FrozenDict, Registry
from mlsysim.sources import Sourced

_CELLS_OF_A_CAMERA = 4.0

SHARDINGS = ("none", "optimizer", "gradients", "full")
_WHOLE = (
    "tensor",
    "pipeline",
    "data",
    "context",
    "expert",
    "virtual_stages",
    "microbatch_size",
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a model and its batch are divided over devices.

    `tensor` divides every operator, `context` the tokens of each sequence, `pipeline` the layers
    (with `virtual_stages` per device), `data` the batch; `expert` of the replicas divide the
    experts of each layer among themselves. In training each replica works off its share of the
    batch in microbatches, or all at once where `microbatch_size` is None. `sharding` says what the
    data replicas divide among themselves: nothing, the optimizer state, that and the gradients, or
    all state, weights included.

    >>> Layout(tensor=8, pipeline=16, data=128).devices
    16384
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    context: int = 1
    expert: int = 1
    virtual_stages: int = 1
    microbatch_size: int | None = None
    sharding: str = "none"

    def __post_init__(self) -> None:
        for name in _WHOLE:
            value = getattr(self, name)
            if name == "microbatch_size" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{name} of a layout", value, "a whole number above 0")
        if self.sharding not in SHARDINGS:
            raise InvalidInput("sharding of a layout", self.sharding, ", ".join(SHARDINGS))
        if (self.data * self.context * self.tensor) % self.expert:
            accepted = "a divisor of tensor · context · data"
            raise InvalidInput("expert of a layout", self.expert, accepted)

    @cached_property
    def devices(self) -> int:
        """Devices the layout needs."""
        return self.tensor * self.context * self.pipeline * self.data


@dataclass(frozen=True, kw_only=True)
class System(Sourced):
    """One or many devices of a kind that run one copy of a workload together.

    `host_power_w` is what the rest of the node draws per device. `sleeps` tells a device that
    falls back to its idle power off duty from one that is switched off. `battery_wh` is None on
    mains. `scale_out_byte_per_s_per_direction` is per device, between nodes.
    """

    name: str
    label: str
    hardware: ByName[HardwareSpec] = ByName(Hardware, HardwareSpec)
    layout: Layout = field(default_factory=Layout)
    devices_per_node: int = 1
    scale_out_byte_per_s_per_direction: float | None = None
    host_power_w: float = 0.0
    sleeps: bool = False
    battery_wh: float | None = None
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ByName.keep_names(self)
        require_number(f"host_power_w of {self.name}", self.host_power_w)
        if self.battery_wh is not None:
            require_number(f"battery_wh of {self.name}", self.battery_wh, exclusive=True)
        if self.nodes > 1 and self.scale_out_byte_per_s_per_direction is None:
            raise InvalidInput(
                f"scale_out_byte_per_s_per_direction of {self.name}", None, "a number above 0"
            )

    @property
    def devices(self) -> int:
        """How many devices work together."""
        return self.layout.devices

    @property
    def nodes(self) -> int:
        """How many nodes they stand in."""
        return math.ceil(self.devices / self.devices_per_node)

    def link_byte_per_s(self, group: int, stride: int = 1) -> float:
        """Return the bandwidth per direction that each of a group of devices has in a collective.

        Neighbours in the group are `stride` devices apart. Inside a node it is that of the link;
        across nodes, the members in one node share the network of all of them.

        >>> Systems["H100 cluster 1024"].link_byte_per_s(64) / 1e9
        380.0
        """
        link = self.hardware.link_byte_per_s_per_direction
        network = self.scale_out_byte_per_s_per_direction
        if group * stride > self.devices_per_node:
            neighbours = min(group, max(self.devices_per_node // stride, 1))
            reach = None if network is None else network * neighbours
            link = reach if link is None or reach is None else min(link, reach)
        if link is None:
            raise InvalidInput(f"link of {self.name}", None, "a bandwidth between its devices")
        return link * self.hardware.twin_of_architecture.link_fraction


def _dgx_h100(name: str, label: str, layout: Layout) -> System:
    return System(
        name=name,
        label=label,
        hardware="NVIDIA H100 SXM5 80GB",
        layout=layout,
        devices_per_node=8,
        scale_out_byte_per_s_per_direction=50e9,
        host_power_w=575.0,
        source="nvidia-dgx-h100",
    )


Systems: Registry[System] = Registry(
    "system",
    lambda: (
        System(
            name="ESP32-S3 camera",
            label="Battery camera with an ESP32-S3",
            hardware="ESP32-S3",
            sleeps=True,
            battery_wh=_CELLS_OF_A_CAMERA * Constants["battery_aa_energy"].value,
            source="battery-cells",
        ),
        System(
            name="STM32U3 sensor",
            label="Microphone sensor with a Cortex-M33",
            hardware="STM32U385",
            sleeps=True,
            battery_wh=Constants["battery_cr2032_energy"].value,
            source="battery-cells",
        ),
        System(
            name="Vehicle computer",
            label="Vehicle computer with a Jetson Orin NX",
            hardware="Orin NX",
            source="project-mission",
        ),
        System(
            name="Smartphone",
            label="Smartphone with a Snapdragon 8 Gen 3",
            hardware="Qualcomm Snapdragon 8 Gen 3",
            sleeps=True,
            battery_wh=Constants["battery_smartphone_energy"].value,
            source="battery-smartphone",
        ),
        _dgx_h100("H100 node", "One node of 8 H100", Layout(tensor=8)),
        _dgx_h100(
            "H100 recommendation node",
            "One node of 8 H100, tables divided among them",
            Layout(data=8, sharding="full"),
        ),
        _dgx_h100(
            "H100 cluster 1024",
            "1,024 H100 in 128 nodes",
            Layout(
                tensor=8,
                pipeline=4,
                data=32,
                virtual_stages=5,
                microbatch_size=1,
                sharding="optimizer",
            ),
        ),
        _dgx_h100(
            "H100 cluster 16384",
            "16,384 H100 in 2,048 nodes",
            Layout(
                tensor=8,
                pipeline=16,
                data=128,
                virtual_stages=8,
                microbatch_size=1,
                sharding="gradients",
            ),
        ),
        System(
            name="Edge gateway",
            label="Box on the local network with a Jetson AGX Orin",
            hardware="AGX Orin",
            source="project-mission",
        ),
        System(
            name="L4 server",
            label="Share of a server, one L4",
            hardware="L4",
            host_power_w=50.0,
            source="project-mission",
            field_sources=FrozenDict(host_power_w="project-estimate"),
        ),
        System(
            name="H100 server",
            label="Share of a server, one H100",
            hardware="NVIDIA H100 SXM5 80GB",
            host_power_w=575.0,
            source="nvidia-dgx-h100",
        ),
    ),
)
