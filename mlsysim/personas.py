"""The scale layer: who deploys, how many units, and what limits them first."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class Persona(Sourced):
    """Somebody who deploys an application, at the scale at which they work.

    `scale_factor` is how many units of the application they run; results of one unit are
    multiplied by it where units are independent.

    >>> Personas.TinyPioneer.scale_factor
    10000000
    """

    name: str
    label: str
    role: str
    scale_factor: int
    unit_of_scale: str
    primary_constraint: str

    def __post_init__(self) -> None:
        require_number(f"scale_factor of {self.name}", self.scale_factor, minimum=1)


Personas: Registry[Persona] = Registry(
    "persona",
    lambda: (
        Persona(
            name="CloudTitan",
            label="Cloud Titan",
            role="Runs frontier models in one giant cluster",
            scale_factor=1,
            unit_of_scale="cluster",
            primary_constraint="money and grid power",
            source="project-mission",
        ),
        Persona(
            name="EdgeGuardian",
            label="Edge Guardian",
            role="Keeps machines that act in the real world within their deadline",
            scale_factor=10_000,
            unit_of_scale="machine",
            primary_constraint="latency",
            source="project-mission",
        ),
        Persona(
            name="MobileNomad",
            label="Mobile Nomad",
            role="Ships models to everybody's pocket",
            scale_factor=100_000_000,
            unit_of_scale="phone",
            primary_constraint="battery and heat",
            source="project-mission",
        ),
        Persona(
            name="TinyPioneer",
            label="Tiny Pioneer",
            role="Puts intelligence into sensors that live on a battery",
            scale_factor=10_000_000,
            unit_of_scale="sensor",
            primary_constraint="memory and energy",
            source="project-mission",
        ),
    ),
)
