"""Money: what devices and electricity cost, and what one unit of work costs."""

from __future__ import annotations

from mlsysim.formulas.law import law
from mlsysim.units import (
    Count,
    Dollars,
    DollarsPerJoule,
    DollarsPerSample,
    Joules,
    Samples,
    Seconds,
)


@law("barroso-2018-datacenter")
def capital_cost(
    price: Dollars, *, devices: Count, duration: Seconds, lifetime: Seconds
) -> Dollars:
    """Return the part of the purchase that is written off over a duration.

    K = p · n · t / L

    >>> capital_cost(1000.0, devices=2.0, duration=1.0, lifetime=4.0)
    500.0
    """
    return price * devices * (duration / lifetime)


@law("barroso-2018-datacenter")
def energy_cost(energy: Joules, price: DollarsPerJoule) -> Dollars:
    """Return the price of the energy drawn.

    K = p · E

    >>> energy_cost(energy=3.6e6, price=0.1 / 3.6e6)
    0.1
    """
    return energy * price


@law("barroso-2018-datacenter")
def total_cost_of_ownership(*, capital: Dollars, running: Dollars) -> Dollars:
    """Return what owning and running something costs together.

    TCO = K_capital + K_running

    >>> total_cost_of_ownership(capital=2.0, running=3.0)
    5.0
    """
    return capital + running


@law("barroso-2018-datacenter")
def cost_per_sample(total: Dollars, samples: Samples) -> DollarsPerSample:
    """Return the cost of one unit of work.

    k = TCO / n

    >>> cost_per_sample(total=6.0, samples=3.0)
    2.0
    """
    return total / samples
