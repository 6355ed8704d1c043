"""Prices: dated offers for renting accelerators and buying electricity."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import UnknownName, require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced, cell_number, read_table

KINDS = ("on_demand", "spot", "spot_min", "unit_price")
UNITS = ("USD/hour", "USD/kilowatt_hour")


@dataclass(frozen=True, kw_only=True)
class Price(Sourced):
    """One offer: what `item` of `provider` cost on `date`, in USD per unit.

    Prices differ several-fold between providers and years, so show provider and date with any.
    `accelerators` counts those in the rented instance, 0 where it has none.

    >>> Prices["AWS p5.48xlarge on_demand 2023-11"].amount_usd
    98.32
    """

    name: str
    item: str
    provider: str
    accelerator: str
    accelerators: int
    amount_usd: float
    unit: str
    kind: str
    date: str
    region: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName(f"kind of {self.name}", self.kind, KINDS)
        if self.unit not in UNITS:
            raise UnknownName(f"unit of {self.name}", self.unit, UNITS)
        require_number(f"amount_usd of {self.name}", self.amount_usd, exclusive=True)
        require_number(f"accelerators of {self.name}", self.accelerators)

    @property
    def usd_per_accelerator_hour(self) -> float | None:
        """Price of one accelerator for an hour in USD, None where none is rented.

        >>> Prices["AWS p5.48xlarge on_demand 2023-11"].usd_per_accelerator_hour
        12.29
        """
        if self.unit != "USD/hour" or not self.accelerators:
            return None
        return self.amount_usd / self.accelerators


def _price(row: dict[str, str]) -> Price:
    return Price(
        name=row["name"],
        item=row["item"],
        provider=row["provider"],
        accelerator=row["accelerator"],
        accelerators=int(cell_number(row, "accelerators")),
        amount_usd=cell_number(row, "amount_usd"),
        unit=row["unit"],
        kind=row["kind"],
        date=row["date"],
        region=row["region"],
        source=row["source"],
    )


Prices: Registry[Price] = Registry("price", lambda: read_table("prices.csv", _price))
