"""Time on links, and waiting for one another."""

from __future__ import annotations

from mlsysim.formulas.law import law
from mlsysim.units import Bytes, BytesPerSecond, Count, Fraction, Seconds


@law("patarasuk-2009-ring-all-reduce")
def ring_all_reduce_time(
    message: Bytes, *, devices: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message over devices in a ring, each link carrying one direction.

    t = 2 · (n - 1) / n · M / B + 2 · (n - 1) · α

    >>> ring_all_reduce_time(1e9, devices=2.0, bandwidth=1e9, latency=0.0)
    1.0
    """
    steps = 2.0 * (devices - 1.0)
    return steps / devices * message / bandwidth + steps * latency


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
