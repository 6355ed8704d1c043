"""Controls: what a simulation declares, as plain data that the browser draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from mlsysim import units
from mlsysim.applications import Application
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.personas import Persona
from mlsysim.simulations.base import BaseSimulation

PROMINENT = ("region",)
"""Choices that stand beside persona and application."""

# How units of controls are written; asking pint for any other one costs as much as a page.
_UNITS = {
    "": "",
    "dimensionless": "",
    "USD": "$",
    "1/second": "per second",
    "kilogram_CO2e": "kg CO₂e",
    "byte": "B",
    "terabyte": "TB",
    "gigabit/second": "Gb/s",
    "megabyte/second": "MB/s",
    "gigabyte/second": "GB/s",
    "kilometer": "km",
    "microsecond": "µs",
    "degree_Celsius": "°C",
}
_PERIODS = ("second", "minute", "hour", "day", "year")


def control_of(choice: Choice) -> dict[str, Any]:
    """Describe the control of one declared choice.

    >>> days = NumberChoice(name="duration_days", label="Duration", help="How long.", unit="day",
    ...                     minimum=1, maximum=30, default=7)
    >>> control = control_of(days)
    >>> control["kind"], control["unit"], control["maximum"]
    ('number', 'days', 30)
    """
    common = {"name": choice.name, "label": choice.label, "help": choice.help}
    if isinstance(choice, NumberChoice):
        return {
            **common,
            "kind": "number",
            "unit": unit_label(choice.unit),
            "minimum": _finite(choice.minimum),
            "maximum": _finite(choice.maximum),
            "integer": choice.integer,
            "scale": choice.scale,
            "accepted": choice.accepted,
            "range": range_text(choice),
        }
    if isinstance(choice, OptionChoice):
        options = [{**option._asdict(), "help": ""} for option in choice.listed()]
        return {**common, "kind": "option", "options": options}
    raise TypeError(f"{choice.name}: no control is known for {type(choice).__name__}")


def range_text(choice: NumberChoice) -> str:
    """Say how far a number reaches, and where a practitioner would start.

    >>> range_text(NumberChoice(name="duration_days", label="Duration", help="", unit="day",
    ...                         minimum=1, maximum=3650, default=365))
    '1 to 3,650 days, usually 365.'
    """
    low, high, start = (
        units.number_text(value).replace(".00e", "e")
        for value in (choice.minimum, choice.maximum, choice.default)
    )
    reach = f"{low} to {high}" if math.isfinite(choice.maximum) else f"from {low}"
    unit = f" {unit_label(choice.unit)}".rstrip()
    return f"{reach}{unit}, usually {start}."


def unit_label(unit: str) -> str:
    """Return a unit as it stands behind a number of them.

    >>> unit_label("day"), unit_label("dimensionless"), unit_label("gigabit/second")
    ('days', '', 'Gb/s')
    """
    if unit in _PERIODS:
        return f"{unit}s"
    return _UNITS[unit] if unit in _UNITS else units.unit_text(unit)


def specification(
    simulation: BaseSimulation,
    personas: Mapping[str, Persona],
    applications: Mapping[str, Application],
) -> dict[str, Any]:
    """Describe every control of a simulation: selectors first, then the declared choices."""
    declared = [control_of(choice) for choice in simulation.choices]
    return {
        "title": simulation.title or type(simulation).__name__,
        "simulation": type(simulation).__name__,
        "selectors": [
            _registry_control("persona", "Persona", personas.values(), "role"),
            _registry_control("application", "Application", applications.values(), "mission"),
            *(control for control in declared if control["name"] in PROMINENT),
        ],
        "controls": [control for control in declared if control["name"] not in PROMINENT],
    }


def _registry_control(name: str, label: str, twins: Iterable[Any], help_of: str) -> dict[str, Any]:
    options = [
        {
            "value": twin.name,
            "label": getattr(twin, "label", twin.name),
            "group": getattr(twin, "group", ""),
            "help": str(getattr(twin, help_of, "")),
        }
        for twin in twins
    ]
    return {"name": name, "label": label, "help": "", "kind": "option", "options": options}


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
