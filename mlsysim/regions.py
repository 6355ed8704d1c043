"""Regions: the electricity of a place, with its carbon, its water and its price.

A region says nothing about the building: cooling belongs to `mlsysim.facilities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlsysim.constants import JOULES_PER_KWH
from mlsysim.errors import UnknownName, require_number
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Sourced, cell_number, read_table

GROUPS = ("Country", "Aggregate", "State", "Province", "Bidding zone", "Cloud region")
CARBON_BASES = ("lifecycle", "combustion", "operational")


@dataclass(frozen=True, kw_only=True)
class Region(Sourced):
    """The electricity of one country, state, province, bidding zone or cloud region.

    `carbon_basis` is `lifecycle` (building and fuelling the plants included), `combustion` (what
    the stacks emit) or `operational` (as a cloud provider states it): compare only regions of
    one basis, which for hydro and nuclear grids differ 20- to 30-fold.
    `water_l_per_kwh` is water used off site to generate the electricity. Latitude and longitude are
    those of the place where most of it is used; an aggregate has none.

    >>> Regions["Quebec"].carbon_intensity_g_per_kwh, Regions["Quebec"].carbon_basis
    (31.2, 'lifecycle')
    """

    name: str
    label: str
    group: str
    parent: str | None
    aliases: tuple[str, ...]
    carbon_intensity_g_per_kwh: float
    carbon_year: int | None
    carbon_basis: str
    water_l_per_kwh: float
    price_usd_per_kwh: float
    price_year: int
    latitude_deg: float | None = None
    longitude_deg: float | None = None

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise UnknownName(f"group of {self.name}", self.group, GROUPS)
        if self.carbon_basis not in CARBON_BASES:
            raise UnknownName(f"carbon_basis of {self.name}", self.carbon_basis, CARBON_BASES)
        for field, maximum in (
            ("carbon_intensity_g_per_kwh", 2000.0),
            ("water_l_per_kwh", 100.0),
            ("price_usd_per_kwh", 2.0),
        ):
            require_number(f"{field} of {self.name}", getattr(self, field), maximum=maximum)
        for field, most in (("latitude_deg", 90.0), ("longitude_deg", 180.0)):
            if (degrees := getattr(self, field)) is not None:
                require_number(f"{field} of {self.name}", degrees, minimum=-most, maximum=most)

    @property
    def carbon_kg_per_j(self) -> float:
        """Carbon emitted per joule of electricity, in kg CO2e/J."""
        return self.carbon_intensity_g_per_kwh / 1000 / JOULES_PER_KWH

    @property
    def water_l_per_j(self) -> float:
        """Water used off site per joule of electricity, in L/J."""
        return self.water_l_per_kwh / JOULES_PER_KWH

    @property
    def price_usd_per_j(self) -> float:
        """Price of one joule of electricity, in USD/J."""
        return self.price_usd_per_kwh / JOULES_PER_KWH


def _region(row: dict[str, str]) -> Region:
    placed: dict[str, Any] = {
        field: cell_number(row, field)
        for field in ("latitude_deg", "longitude_deg")
        if row["place_source"]
    }
    return Region(
        name=row["name"],
        label=row["label"],
        group=row["group"],
        parent=row["parent"] or None,
        aliases=tuple(filter(None, row["aliases"].split(";"))),
        carbon_intensity_g_per_kwh=cell_number(row, "carbon_intensity_g_per_kwh"),
        carbon_year=int(cell_number(row, "carbon_year")) if row["carbon_year"] else None,
        carbon_basis=row["carbon_basis"],
        water_l_per_kwh=cell_number(row, "water_l_per_kwh"),
        price_usd_per_kwh=cell_number(row, "price_usd_per_kwh"),
        price_year=int(cell_number(row, "price_year")),
        source=row["carbon_source"],
        field_sources=FrozenDict(
            water_l_per_kwh=row["water_source"],
            price_usd_per_kwh=row["price_source"],
            **dict.fromkeys(placed, row["place_source"]),
        ),
        **placed,
    )


Regions: Registry[Region] = Registry("region", lambda: read_table("regions.csv", _region))


def land() -> tuple[list[float | None], list[float | None]]:
    """Return longitude and latitude, in degrees, of coasts to draw below a map.

    Rings are closed, and None stands between two. Source: natural-earth-land.

    >>> longitudes, latitudes = land()
    >>> len(longitudes) == len(latitudes), longitudes.count(None)
    (True, 33)
    """
    rings: dict[str, list[tuple[float, float]]] = {}
    for ring, *place in read_table("land.csv", lambda row: tuple(row.values())):
        rings.setdefault(ring, []).append((float(place[0]), float(place[1])))
    gap: list[tuple[float | None, float | None]] = [(None, None)]
    line = [point for ring in rings.values() for point in [*gap, *ring]][1:]
    longitudes, latitudes = zip(*line, strict=True)
    return list(longitudes), list(latitudes)
