"""Time on links, and waiting for one another."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import Bytes, BytesPerSecond, Count, Fraction, Seconds


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
