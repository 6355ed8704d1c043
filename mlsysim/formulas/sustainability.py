"""Power, energy, carbon and water."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import (
    Count,
    Fraction,
    Joules,
    JoulesPerSample,
    KilogramsCO2e,
    KilogramsCO2ePerJoule,
    Litres,
    LitresPerJoule,
    Samples,
    Seconds,
    Watts,
)


@law("fan-2007-power-provisioning")
def power_at_load(*, idle: Watts, maximum: Watts, load: Fraction) -> Watts:
    """Return the power a device draws while a share of its time is busy.

    P = P_idle + (P_max - P_idle) · u

    >>> power_at_load(idle=100.0, maximum=700.0, load=0.5)
    400.0
    """
    return idle + (maximum - idle) * load


@law("mudge-2001-power")
def power_limited_fraction(*, power: Watts, at_full_clock: Watts) -> Fraction:
    """Return the share of its full clock a chip keeps within its power: P grows with the cube.

    f / f_full = min(1, (P / P_full)^⅓)

    >>> float(power_limited_fraction(power=350.0, at_full_clock=2800.0))
    0.5
    """
    return np.minimum(1.0, np.cbrt(power / at_full_clock))


@law("mlsysim-fit")
def dynamic_power_share(
    *, memory: Fraction, arithmetic: Fraction, memory_weight: Fraction, arithmetic_weight: Fraction
) -> Fraction:
    """Return the share of its dynamic power a device draws at a utilization of memory and matrix.

    u = min(1, √(a · u_memory + b · u_arithmetic))

    >>> float(dynamic_power_share(
    ...     memory=1.0, arithmetic=0.0, memory_weight=0.64, arithmetic_weight=3.8))
    0.8
    """
    return np.minimum(1.0, (memory_weight * memory + arithmetic_weight * arithmetic) ** 0.5)


@law("hennessy-patterson-2019")
def energy(power: Watts, duration: Seconds) -> Joules:
    """Return the energy a power draws over a time.

    E = P · t

    >>> energy(power=2.0, duration=3.0)
    6.0
    """
    return power * duration


@law("hennessy-patterson-2019")
def energy_per_sample(total: Joules, samples: Samples) -> JoulesPerSample:
    """Return the energy of one unit of work.

    e = E / n

    >>> energy_per_sample(total=6.0, samples=3.0)
    2.0
    """
    return total / samples


@law("green-grid-2012-pue")
def facility_energy(it_energy: Joules, power_usage_effectiveness: Fraction) -> Joules:
    """Return the energy a facility draws for its computers to use theirs.

    E_facility = PUE · E_IT

    >>> facility_energy(it_energy=100.0, power_usage_effectiveness=1.5)
    150.0
    """
    return it_energy * power_usage_effectiveness


@law("green-grid-2012-pue")
def facility_power(it_power: Watts, power_usage_effectiveness: Fraction) -> Watts:
    """Return the power a facility draws while its computers draw theirs.

    P_facility = PUE · P_IT

    >>> facility_power(it_power=100.0, power_usage_effectiveness=1.5)
    150.0
    """
    return it_power * power_usage_effectiveness


@law("green-grid-2011-wue")
def on_site_water(it_energy: Joules, water_usage_effectiveness: LitresPerJoule) -> Litres:
    """Return the water a facility evaporates; by definition it goes by IT energy.

    V = WUE · E_IT

    >>> on_site_water(it_energy=100.0, water_usage_effectiveness=0.5)
    50.0
    """
    return it_energy * water_usage_effectiveness


@law("li-2023-water")
def grid_water(facility_energy: Joules, water_intensity: LitresPerJoule) -> Litres:
    """Return the water used to generate the electricity a facility draws.

    V = w · E_facility

    >>> grid_water(facility_energy=100.0, water_intensity=2.0)
    200.0
    """
    return facility_energy * water_intensity


@law("ghg-protocol-scope-2")
def operational_carbon(
    facility_energy: Joules, carbon_intensity: KilogramsCO2ePerJoule
) -> KilogramsCO2e:
    """Return the emissions of the electricity a facility draws.

    C = c · E_facility

    >>> operational_carbon(facility_energy=100.0, carbon_intensity=0.1)
    10.0
    """
    return facility_energy * carbon_intensity


@law("green-software-sci")
def embodied_carbon(
    per_device: KilogramsCO2e, *, devices: Count, duration: Seconds, lifetime: Seconds
) -> KilogramsCO2e:
    """Return the share of manufacturing emissions that falls on a duration.

    C = C_device · n · t / L

    >>> embodied_carbon(100.0, devices=10.0, duration=1.0, lifetime=4.0)
    250.0
    """
    return per_device * devices * (duration / lifetime)


@law("hennessy-patterson-2019")
def battery_life(capacity: Joules, power: Watts) -> Seconds:
    """Return how long a charge lasts.

    t = E / P

    >>> battery_life(capacity=100.0, power=0.5)
    200.0
    """
    return capacity / power
