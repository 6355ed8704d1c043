"""Enclosures: what stands between a device's heat and the air."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class Enclosure(Sourced):
    """How well a device gets rid of its heat, and how warm it may become.

    The temperature is that of the chip, except where a hand touches the device: there it is that
    of the surface.

    >>> round((Enclosures["phone_body"].limit_celsius - 25) / 4.2, 1)
    4.5
    """

    name: str
    label: str
    thermal_resistance_k_per_w: float
    limit_celsius: float
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        field = f"thermal_resistance_k_per_w of {self.name}"
        require_number(field, self.thermal_resistance_k_per_w, exclusive=True)
        require_number(f"limit_celsius of {self.name}", self.limit_celsius, maximum=200.0)


Enclosures: Registry[Enclosure] = Registry(
    "enclosure",
    lambda: (
        Enclosure(
            name="bare_package",
            label="Chip on a board in still air",
            thermal_resistance_k_per_w=45.0,
            limit_celsius=105.0,
            source="mcu-package",
        ),
        Enclosure(
            name="sealed_box",
            label="Board in a closed plastic box",
            thermal_resistance_k_per_w=60.0,
            limit_celsius=85.0,
            source="enclosure-estimate",
        ),
        Enclosure(
            name="phone_body",
            label="Phone in a hand",
            thermal_resistance_k_per_w=4.2,
            limit_celsius=44.0,
            source="phone-surface",
        ),
        Enclosure(
            name="finned_box",
            label="Metal box with fins, no fan",
            thermal_resistance_k_per_w=2.0,
            limit_celsius=95.0,
            source="enclosure-estimate",
        ),
        Enclosure(
            name="fan",
            label="Heat sink with a fan",
            thermal_resistance_k_per_w=0.8,
            limit_celsius=95.0,
            source="enclosure-estimate",
        ),
    ),
)
