"""Heat: how warm a device becomes, and what it has to give up to stay cool enough."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.formulas.sustainability import power_limited_fraction
from mlsysim.units import Fraction, Kelvins, KelvinsPerWatt, Watts


@law("incropera-2011")
def steady_temperature(ambient: Kelvins, *, power: Watts, resistance: KelvinsPerWatt) -> Kelvins:
    """Return the temperature at which a device gives off all the power it draws.

    T = T_ambient + R · P

    >>> steady_temperature(300.0, power=5.0, resistance=4.0)
    320.0
    """
    return ambient + resistance * power


@law("incropera-2011")
def sustained_power(*, limit: Kelvins, ambient: Kelvins, resistance: KelvinsPerWatt) -> Watts:
    """Return the power that a device can draw for ever without passing a temperature.

    P = max(0, T_limit - T_ambient) / R

    >>> float(sustained_power(limit=320.0, ambient=300.0, resistance=4.0))
    5.0
    """
    return np.maximum(limit - ambient, 0.0 * limit) / resistance


@law("mudge-2001-power")
def sustained_clock_fraction(
    *, power: Watts, at_full_clock: Watts, load: Fraction, lowest: Fraction
) -> Fraction:
    """Return the share of its full clock at which the work of a device keeps within a mean power.

    f / f_full = max(f_low, min(1, max((P / (u · P_full))^½, (P / P_full)^⅓)))

    At a lower clock work takes longer: the load u of a device that can catch up rises as 1 / f
    while its power falls as f³; one that never rests cannot catch up.

    >>> float(sustained_clock_fraction(power=1.0, at_full_clock=8.0, load=0.5, lowest=0.1))
    0.5
    """
    resting = (power / (load * at_full_clock)) ** 0.5
    busy = power_limited_fraction(power=power, at_full_clock=at_full_clock)
    return np.maximum(np.minimum(np.maximum(resting, busy), 1.0), lowest)
