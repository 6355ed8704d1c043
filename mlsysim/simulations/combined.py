"""Several deployments that serve one purpose together: devices, servers, a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from mlsysim import formulas
from mlsysim.facilities import Facility
from mlsysim.ledger import Economics, Sustainability
from mlsysim.ledger.metrics import Group
from mlsysim.regions import Region

G = TypeVar("G", bound=Group)

_USED = (
    "energy",
    "it_energy",
    "average_power",
    "carbon",
    "operational_carbon",
    "embodied_carbon",
    "water",
    "on_site_water",
    "grid_water",
)
_PAID = ("tco", "capital_cost", "running_cost")


def use_of(
    it_energy_j: Any, duration_s: Any, region: Region, facility: Facility | None = None
) -> Sustainability:
    """Return what drawing an energy over a time uses, where nobody says what the devices took.

    Networks state their energy with all that is around them: they have no facility.
    """
    energy, on_site = it_energy_j, 0.0
    if facility is not None:
        energy = formulas.facility_energy(it_energy_j, facility.power_usage_effectiveness)
        on_site = formulas.on_site_water(it_energy_j, facility.water_usage_effectiveness_l_per_j)
    carbon = formulas.operational_carbon(energy, region.carbon_kg_per_j)
    off_site = formulas.grid_water(energy, region.water_l_per_j)
    return Sustainability(
        energy=energy,
        it_energy=it_energy_j,
        average_power=energy / duration_s,
        carbon=carbon,
        operational_carbon=carbon,
        water=on_site + off_site,
        on_site_water=on_site,
        grid_water=off_site,
    )


def together(first: Sustainability, *others: Sustainability) -> Sustainability:
    """Return the use of several parts; power and battery of one unit stay those of the first."""
    return _summed(first, others, _USED)


def paid_together(first: Economics, *others: Economics) -> Economics:
    """Return the cost of several parts; that of one unit of work stays that of the first."""
    return _summed(first, others, _PAID)


def _summed(first: G, others: Sequence[G], names: Sequence[str]) -> G:
    parts = (first, *others)
    found = first.replace(**{name: sum(_value(part, name) for part in parts) for name in names})
    return found.within(**{name: partial(_ends, parts, name) for name in names})


def _value(part: Group, name: str) -> Any:
    value = part.si(name)
    return 0.0 if value is None else value


def _ends(parts: Sequence[Group], name: str) -> tuple[Any, Any]:
    """Add the ends of all parts: errors of one engine go the same way."""
    ends = [part.si_interval(name) or (_value(part, name),) * 2 for part in parts]
    return sum(low for low, _ in ends), sum(high for _, high in ends)
