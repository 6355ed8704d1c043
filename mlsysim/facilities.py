"""Facilities: the building around the hardware, with its cooling, apart from the grid."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.constants import JOULES_PER_KWH
from mlsysim.errors import require_number
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Sourced, cell_number, read_table


@dataclass(frozen=True, kw_only=True)
class Facility(Sourced):
    """What a data center, room or cabinet adds to the energy of the hardware in it.

    Power usage effectiveness is facility energy / IT energy, at least 1. Water usage
    effectiveness is water used on site per kWh of *IT* energy. The facility `none` is a device
    on mains or battery.

    >>> Facilities["none"].power_usage_effectiveness
    1.0
    """

    name: str
    label: str
    cooling: str
    power_usage_effectiveness: float
    water_usage_effectiveness_l_per_kwh: float
    rack_typical_kw: float | None = None
    rack_max_kw: float | None = None

    def __post_init__(self) -> None:
        for field, minimum, maximum in (
            ("power_usage_effectiveness", 1.0, 5.0),
            ("water_usage_effectiveness_l_per_kwh", 0.0, 20.0),
        ):
            value = getattr(self, field)
            require_number(f"{field} of {self.name}", value, minimum=minimum, maximum=maximum)
        for field in ("rack_typical_kw", "rack_max_kw"):
            if (value := getattr(self, field)) is not None:
                require_number(f"{field} of {self.name}", value, exclusive=True)

    @property
    def water_usage_effectiveness_l_per_j(self) -> float:
        """Water used on site per joule of IT energy, in L/J."""
        return self.water_usage_effectiveness_l_per_kwh / JOULES_PER_KWH


def _facility(row: dict[str, str]) -> Facility:
    return Facility(
        name=row["name"],
        label=row["label"],
        cooling=row["cooling"],
        power_usage_effectiveness=cell_number(row, "power_usage_effectiveness"),
        water_usage_effectiveness_l_per_kwh=cell_number(row, "water_usage_effectiveness_l_per_kwh"),
        rack_typical_kw=cell_number(row, "rack_typical_kw") if row["rack_typical_kw"] else None,
        rack_max_kw=cell_number(row, "rack_max_kw") if row["rack_max_kw"] else None,
        source=row["source"],
        field_sources=FrozenDict(water_usage_effectiveness_l_per_kwh=row["water_source"]),
    )


Facilities: Registry[Facility] = Registry(
    "facility", lambda: read_table("facilities.csv", _facility)
)
