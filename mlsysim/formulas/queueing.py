"""Requests that arrive at random, and how long they wait for a free server."""

from __future__ import annotations

from collections.abc import Callable

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


@law("little-1961")
def residence_time(occupancy: Count, arrival_rate: PerSecond) -> Seconds:
    """Return how long each request stays, from how many are there on average.

    R = L / λ

    >>> residence_time(20.0, 4.0)
    5.0
    """
    return occupancy / arrival_rate


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


@law("kleinrock-1975")
def residual_fraction(*, coefficient_of_variation: Fraction) -> Fraction:
    """Return how much of its mean a span has behind it, and before it, at a random moment.

    r = (1 + v²) / 2

    Constant spans are half over; memoryless ones, v = 1, always have their whole mean before them.

    >>> residual_fraction(coefficient_of_variation=1.0)
    1.0
    """
    return (1.0 + coefficient_of_variation**2) / 2.0


@law("kleinrock-1975")
def residual_time_quantile(cycle: Seconds, *, busy: Fraction, quantile: Fraction) -> Seconds:
    """Return the rest of a constant cycle that a share of arrivals does not exceed.

    R_q = t · max(0, 1 - (1 - q) / b)

    `busy` is the chance b that an arrival finds a cycle under way at all.

    >>> round(float(residual_time_quantile(2.0, busy=0.5, quantile=0.9)), 3)
    1.6
    """
    return cycle * np.maximum(1.0 - (1.0 - quantile) / busy, 0.0)


@law("kleinrock-1975")
def occupancy_probabilities(*, arrival_rate: PerSecond, completion_rates: PerSecond) -> Fraction:
    """Return how often 1, 2, … and at least n requests are there if their number sets the speed.

    p_k = p_0 · Π λ / μ_j for j = 1 … k, and Σ p_k = 1; the last entry holds all states from n on

    The first axis of `completion_rates` counts the requests; beyond the last entry the rate stays
    what it is. Where more arrives than that, only the last entry is left. The answer holds for any
    distribution of the work of a request as long as all of them share the server.

    >>> occupancy_probabilities(arrival_rate=1.0, completion_rates=np.array([2.0, 2.0]))
    array([0.25, 0.25])
    """
    ratio = arrival_rate / completion_rates
    return _shares(ratio) if np.ndim(completion_rates) else np.minimum(ratio, 1.0)


@law("kimber-hollis-1979")
def peak_queueing_delay(
    period: Seconds,
    *,
    completion_rate: PerSecond,
    load: Fraction,
    waits: Fraction,
    coefficient_of_variation: Fraction,
) -> Seconds:
    """Return the mean wait of those who arrive during a peak that starts with an empty queue.

    W = T / 4 · (ρ - 1 + √((ρ - 1)² + 4 · (1 + v²) · C / (μ · T)))

    Well below saturation it is that of M/G/c, C · (1 + v²) / (2 · μ · (1 - ρ)); above, the backlog
    at half time, T · (ρ - 1) / 2. `waits` is the chance C that all servers are busy, `load` what
    arrives over the rate μ at which they finish together.

    >>> quiet = {"completion_rate": 2.0, "waits": 0.5, "coefficient_of_variation": 1.0}
    >>> round(float(peak_queueing_delay(1e6, load=0.5, **quiet)), 3)
    0.5
    """
    excess = load - 1.0
    random = 4.0 * (1.0 + coefficient_of_variation**2) * waits / (completion_rate * period)
    root = np.sqrt(excess**2 + random)
    # Below saturation the sum would cancel to nothing; this is the same number.
    return period / 4.0 * np.where(excess < 0.0, random / (root - excess), root + excess)


@law("kleinrock-1975")
def exponential_delay_quantile(delay: Seconds, *, waits: Fraction, quantile: Fraction) -> Seconds:
    """Return the wait that a share of arrivals does not exceed if those who wait do so at random.

    W_q = w · max(0, ln(C / (1 - q)))

    A share C waits at all, for w on average.

    >>> round(float(exponential_delay_quantile(1.0, waits=0.1, quantile=0.99)), 3)
    2.303
    """
    return delay * np.log(np.maximum(waits / (1.0 - quantile), 1.0))


@law("kimber-hollis-1979")
def backlog_delay(period: Seconds, *, load: Fraction) -> Seconds:
    """Return how long the last arrival of an overloaded peak waits for those before it.

    W = T · max(0, ρ - 1)

    >>> float(backlog_delay(3600.0, load=1.5))
    1800.0
    """
    return period * np.maximum(load - 1.0, 0.0)


@law("kleinrock-1975")
def response_time_quantile(
    service: Seconds, *, delay: Seconds, waits: Fraction, quantile: Fraction
) -> Seconds:
    """Return the time in the system, waiting and served, that a share of requests does not exceed.

    1 - q = (1 - C) · e^(-t/S) + C · (w · e^(-t/w) - S · e^(-t/S)) / (w - S)

    Service takes S on average, and a share C waits for w on average, both spread exponentially.

    >>> round(float(response_time_quantile(1.0, delay=1.0, waits=0.0, quantile=0.99)), 3)
    4.605
    """
    unlikely = 1.0 - quantile
    most = np.maximum(service, delay) * (2.0 - 4.0 * np.log(unlikely))
    return _where_it_falls_to(unlikely, most, lambda t: _exceeds(t, service, delay, waits))


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


def _shares(ratio: Numeric) -> Numeric:
    """Return the share of each state; those from the last on are a geometric series."""
    logarithms = np.cumsum(np.log(ratio), axis=0)
    highest = np.maximum(logarithms.max(axis=0), 0.0)
    weights = np.exp(logarithms - highest)
    free = 1.0 - np.minimum(ratio[-1], 1.0)
    # Multiplied by what the last state leaves free, the sum stays finite when that is nothing.
    scaled = np.concatenate([weights[:-1] * free, weights[-1:]])
    return scaled / (scaled.sum(axis=0) + np.exp(-highest) * free)


def _exceeds(time: Numeric, service: Numeric, delay: Numeric, waits: Numeric) -> Numeric:
    """Return the chance that a wait, if any, and a service take longer together."""
    gap = delay - service
    small = 1e-6 * service
    gap = np.where(np.abs(gap) < small, small, gap)
    alone = np.exp(-time / service)
    # Two equal means would divide nothing by nothing.
    after = np.exp(-time / (service + gap))
    return alone + waits * (service + gap) * (after - alone) / gap


def _where_it_falls_to(value: Numeric, most: Numeric, falling: Callable[..., Numeric]) -> Numeric:
    low, high = 0.0 * most, most
    for _ in range(60):
        middle = (low + high) / 2.0
        above = falling(middle) > value
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2.0
