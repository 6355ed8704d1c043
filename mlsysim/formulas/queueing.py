"""Requests that arrive at random, and how long they wait for a free server."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import Count, Fraction, Numeric, PerSecond, Seconds


@law("kleinrock-1975")
def offered_load(arrival_rate: PerSecond, service: Seconds) -> Count:
    """Return how many servers the arrivals keep busy on average, in erlangs.

    a = λ · S

    >>> offered_load(10.0, 0.25)
    2.5
    """
    return arrival_rate * service


@law("kleinrock-1975")
def queueing_probability(*, offered: Count, servers: Count) -> Fraction:
    """Return the chance that an arrival finds all of the identical servers busy (M/M/c).

    C = B / (1 - (a / c) · (1 - B)), where B_k = a · B_{k-1} / (k + a · B_{k-1}), B_0 = 1

    It is 1 where more is offered than the servers can do.

    >>> round(float(queueing_probability(offered=2.0, servers=3.0)), 4)
    0.4444
    """
    blocked = _blocking_probability(offered, servers)
    busy = np.minimum(offered / servers, 1.0)
    return blocked / np.where(busy < 1.0, 1.0 - busy * (1.0 - blocked), blocked)


@law("kleinrock-1975")
def mean_queueing_delay(service: Seconds, *, offered: Count, servers: Count) -> Seconds:
    """Return the mean wait for a free one of identical servers (M/M/c).

    W = C · S / (c - a) where a < c, else ∞

    >>> round(float(mean_queueing_delay(1.0, offered=2.0, servers=3.0)), 4)
    0.4444
    """
    waits = queueing_probability(offered=offered, servers=servers)
    return waits * service * _per_free_server(offered, servers)


@law("kleinrock-1975")
def queueing_delay_quantile(
    service: Seconds, *, offered: Count, servers: Count, quantile: Fraction
) -> Seconds:
    """Return the wait for a free server that a share of arrivals does not exceed (M/M/c).

    W_q = max(0, ln(C / (1 - q))) · S / (c - a) where a < c, else ∞; 0 < q < 1

    >>> round(float(queueing_delay_quantile(1.0, offered=2.0, servers=3.0, quantile=0.99)), 2)
    3.79
    """
    waits = queueing_probability(offered=offered, servers=servers)
    exponent = np.log(np.maximum(waits / (1.0 - quantile), 1.0))
    return exponent * service * _per_free_server(offered, servers)


@law("kleinrock-1975")
def mean_single_server_delay(
    service: Seconds, *, offered: Count, coefficient_of_variation: Fraction
) -> Seconds:
    """Return the mean wait for one server whose times have any distribution (M/G/1).

    W = a · S · (1 + v²) / (2 · (1 - a)) where a < 1, else ∞

    Exponential service times have v = 1, constant ones v = 0.

    >>> float(mean_single_server_delay(1.0, offered=0.5, coefficient_of_variation=1.0))
    1.0
    """
    spread = (1.0 + coefficient_of_variation**2) / 2.0
    return offered * service * spread * _per_free_server(offered, 1.0)


def _per_free_server(offered: Numeric, servers: Numeric) -> Numeric:
    free = servers - offered
    return np.where(free > 0.0, 1.0 / np.where(free > 0.0, free, 1.0), np.inf)


def _blocking_probability(offered: Numeric, servers: Numeric) -> Numeric:
    """Return B_c, built up server by server: every step is a sum of positive numbers."""
    blocked = found = 1.0 + 0.0 * (offered + servers)
    for count in range(1, int(np.max(servers)) + 1):
        blocked = offered * blocked / (count + offered * blocked)
        found = np.where(count <= servers, blocked, found)
    return found
