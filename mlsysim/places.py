"""Places away from a device where its model can run instead."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.facilities import Facilities, Facility
from mlsysim.registry import FrozenDict, Registry
from mlsysim.runtimes import Runtime, Runtimes
from mlsysim.sources import Sourced
from mlsysim.systems import System, Systems


@dataclass(frozen=True, kw_only=True)
class Place(Sourced):
    """A server that runs the models of many devices, near or far.

    `far` tells a data center, to which there is a distance, from a box on the local network.
    `utilization` is the share of its time that is sold; a box that at most `most_devices` can
    reach is there for them however little they ask.

    >>> Places["gateway"].far, Places["data_center"].system.hardware.name
    (False, 'NVIDIA H100 SXM5 80GB')
    """

    name: str
    label: str
    system: System
    runtime: Runtime
    decode_runtime: Runtime
    facility: Facility
    utilization: float
    lifetime_years: float
    far: bool
    most_devices: float | None = None
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        field = f"utilization of {self.name}"
        require_number(field, self.utilization, maximum=1.0, exclusive=True)
        require_number(f"lifetime_years of {self.name}", self.lifetime_years, exclusive=True)
        if self.most_devices is not None:
            require_number(f"most_devices of {self.name}", self.most_devices, minimum=1.0)


def _place(
    name: str,
    label: str,
    system: str,
    runtimes: tuple[str, str],
    facility: str,
    *,
    most_devices: float | None = None,
) -> Place:
    return Place(
        name=name,
        label=label,
        system=Systems[system],
        runtime=Runtimes[runtimes[0]],
        decode_runtime=Runtimes[runtimes[1]],
        facility=Facilities[facility],
        utilization=0.6,
        lifetime_years=5.0,
        far=most_devices is None,
        most_devices=most_devices,
        source="place-estimate",
        field_sources=FrozenDict({} if most_devices is None else {"most_devices": "local-devices"}),
    )


_SERVED = ("TensorRT", "Serving engine")

Places: Registry[Place] = Registry(
    "place",
    lambda: (
        _place(
            "gateway",
            "Box on the local network, Jetson AGX Orin",
            "Edge gateway",
            ("TensorRT on a module", "llama.cpp"),
            "none",
            most_devices=20.0,
        ),
        _place(
            "regional_data_center",
            "Small data center in the region, L4",
            "L4 server",
            _SERVED,
            "industry_average_2024",
        ),
        _place(
            "data_center",
            "Large data center, H100",
            "H100 server",
            _SERVED,
            "hyperscale_google",
        ),
    ),
)
