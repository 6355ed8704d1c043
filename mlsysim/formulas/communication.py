"""Time on links, and waiting for one another."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import (
    Bytes,
    BytesPerSecond,
    Count,
    Fraction,
    Meters,
    MetersPerSecond,
    Seconds,
)


@law("patarasuk-2009-ring-all-reduce")
def all_reduce_time(
    message: Bytes, *, devices: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message over devices: least traffic, latency of a tree.

    t = 2 · (n - 1) / n · M / B + α · log2(n)

    >>> float(all_reduce_time(1e9, devices=2.0, bandwidth=1e9, latency=1.0))
    2.0
    """
    return 2.0 * (devices - 1.0) / devices * message / bandwidth + latency * np.log2(devices)


@law("patarasuk-2009-ring-all-reduce")
def exchange_time(message: Bytes, *, devices: Count, bandwidth: BytesPerSecond) -> Seconds:
    """Return the time to gather or scatter a message over devices, or to trade equal parts of it.

    t = (n - 1) / n · M / B

    >>> exchange_time(1e9, devices=2.0, bandwidth=1e9)
    0.5
    """
    return (devices - 1.0) / devices * message / bandwidth


@law("narayanan-2021-megatron")
def pipeline_bubble_fraction(
    *, stages: Count, microbatches: Count, virtual_stages: Count
) -> Fraction:
    """Return the time devices wait in a pipeline, as a share of the time they work.

    b = (p - 1) / (v · m)

    >>> pipeline_bubble_fraction(stages=4.0, microbatches=12.0, virtual_stages=1.0)
    0.25
    """
    return (stages - 1.0) / (virtual_stages * microbatches)


@law("hockney-1994")
def transfer_time(message: Bytes, *, bandwidth: BytesPerSecond, latency: Seconds) -> Seconds:
    """Return the time from the first byte of a message to its arrival in full.

    t = α + M / B

    >>> transfer_time(1e6, bandwidth=2.5e6, latency=0.1)
    0.5
    """
    return latency + message / bandwidth


@law("itu-y1541")
def route_length(distance: Meters, *, near: Meters) -> Meters:
    """Return how long a cable is between places so far apart as the crow flies.

    L = max(1.25 · d, min(1.5 · d, 1.5 · d_near)), where d_near is 1,000 km

    >>> [float(route_length(d, near=1e6)) for d in (100e3, 1100e3, 8000e3)]
    [150000.0, 1500000.0, 10000000.0]
    """
    return np.maximum(1.25 * distance, np.minimum(1.5 * distance, 1.5 * near))


@law("fibre-group-index")
def propagation_delay(
    length: Meters, *, speed_of_light: MetersPerSecond, refractive_index: Fraction
) -> Seconds:
    """Return the time light takes through a fibre.

    t = L · n / c

    >>> propagation_delay(300e3, speed_of_light=3e8, refractive_index=1.5)
    0.0015
    """
    return length * refractive_index / speed_of_light


@law("huang-2012-lte")
def radio_tail_time(*, tail: Seconds, interval: Seconds, busy: Seconds) -> Seconds:
    """Return how long a radio stays awake after a transfer: until it sleeps, or the next begins.

    t = min(t_tail, max(0, T - t_busy))

    >>> float(radio_tail_time(tail=11.6, interval=5.0, busy=1.0))
    4.0
    """
    return np.minimum(tail, np.maximum(interval - busy, 0.0 * busy))
