"""Failures, repair, and how often to save."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import Count, Failures, FailuresPerSecond, Fraction, Numeric, Seconds


@law("barlow-proschan-1975")
def series_failure_interval(interval: Seconds, parts: Count) -> Seconds:
    """Return the mean time between failures of a job that any one of its parts can stop.

    M = M_part / n

    >>> series_failure_interval(interval=1000.0, parts=10.0)
    100.0
    """
    return interval / parts


@law("barlow-proschan-1975")
def expected_failures(*, duration: Seconds, rate: FailuresPerSecond, parts: Count) -> Failures:
    """Return how many failures parts that fail independently have over a time.

    n_failures = λ · n · t

    >>> expected_failures(duration=100.0, rate=0.01, parts=5.0)
    5.0
    """
    return rate * parts * duration


@law("barlow-proschan-1975")
def availability(*, interval: Seconds, repair: Seconds) -> Fraction:
    """Return the share of time a part that is repaired after each failure is in service.

    A = M / (M + R)

    >>> availability(interval=99.0, repair=1.0)
    0.99
    """
    return interval / (interval + repair)


@law("young-1974")
def young_checkpoint_interval(*, checkpoint: Seconds, interval: Seconds) -> Seconds:
    """Return the work between checkpoints that wastes least time, to first order.

    τ = √(2 · C · M)

    >>> young_checkpoint_interval(checkpoint=2.0, interval=100.0)
    20.0
    """
    return (2.0 * checkpoint * interval) ** 0.5


@law("daly-2006")
def daly_checkpoint_interval(*, checkpoint: Seconds, interval: Seconds) -> Seconds:
    """Return the work between checkpoints that wastes least time, to higher order.

    τ = √(2CM) · (1 + √(C/2M)/3 + (C/2M)/9) - C where C < 2M, else M

    >>> round(float(daly_checkpoint_interval(checkpoint=2.0, interval=100.0)), 3)
    18.689
    """
    ratio = checkpoint / (2.0 * interval)
    expansion = (2.0 * checkpoint * interval) ** 0.5 * (1.0 + ratio**0.5 / 3.0 + ratio / 9.0)
    return np.where(ratio < 1.0, expansion - checkpoint, interval)


@law("daly-2006")
def optimal_checkpoint_interval(*, checkpoint: Seconds, interval: Seconds) -> Seconds:
    """Return the work between checkpoints that wastes least time, exactly.

    τ = M · (1 + W₀(-exp(-(1 + C / M)))), where W₀ is the Lambert function

    >>> round(optimal_checkpoint_interval(checkpoint=600.0, interval=240601.0) + 600.0)
    17194
    """
    return interval * (1.0 + _lambert_w(-np.exp(-(1.0 + checkpoint / interval))))


@law("daly-2006")
def checkpointed_goodput(
    *, work: Seconds, checkpoint: Seconds, restart: Seconds, interval: Seconds
) -> Fraction:
    """Return the share of time spent on work that is kept, rework and restarts counted.

    G = τ / (M · exp(R / M) · (exp((τ + C) / M) - 1))

    >>> round(float(checkpointed_goodput(
    ...     work=3600.0, checkpoint=60.0, restart=300.0, interval=36000.0)), 3)
    0.927
    """
    lost = np.exp(_capped(restart / interval)) * np.expm1(_capped((work + checkpoint) / interval))
    return work / (interval * lost)


@law("barlow-proschan-1975")
def spare_shortage_probability(*, spares: Count, demand: Count) -> Fraction:
    """Return the chance that more parts are in repair than there are spares.

    p = 1 - Σ_{k ≤ s} exp(-d) · d^k / k!

    >>> round(float(spare_shortage_probability(spares=0.0, demand=1.0)), 4)
    0.6321
    """
    counts = np.arange(float(np.max(spares)) + 1.0)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    demands = np.maximum(demand, 1e-300)[..., np.newaxis]
    terms = np.exp(counts * np.log(demands) - demands - log_factorials)
    covered = np.where(counts <= np.asarray(spares)[..., np.newaxis], terms, 0.0).sum(axis=-1)
    return np.clip(1.0 - covered, 0.0, 1.0)


def _capped(exponent: Numeric) -> Numeric:
    """Keep an exponent where its exponential is finite: beyond, next to no work is kept."""
    return np.minimum(exponent, 300.0)


def _lambert_w(argument: Numeric) -> Numeric:
    """Solve w · exp(w) = z on the principal branch for -1/e ≤ z < 0, by Halley's iteration.

    Four steps from the branch-point series reach machine precision over the whole interval.
    """
    distance = np.sqrt(np.maximum(2.0 * (1.0 + np.e * argument), 0.0))
    solution = -1.0 + distance - distance**2 / 3.0 + 11.0 / 72.0 * distance**3
    for _ in range(4):
        grown = np.exp(solution)
        error = solution * grown - argument
        slope = grown * (solution + 1.0)
        # At the branch point, nothing would be divided by nothing.
        curve = error * (solution + 2.0) / (2.0 * (solution + 1.0) + 1e-300)
        solution = solution - error / (slope - curve + 1e-300)
    return solution
