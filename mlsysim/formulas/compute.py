"""Time on one device: arithmetic, memory traffic, and the larger of the two."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import (
    Bytes,
    BytesPerSecond,
    Count,
    Flop,
    FlopPerByte,
    FlopPerSecond,
    Fraction,
    Samples,
    SamplesPerSecond,
    Seconds,
)


@law("williams-2009-roofline")
def compute_time(work: Flop, rate: FlopPerSecond) -> Seconds:
    """Return the time that arithmetic takes at a rate.

    t = W / R

    >>> compute_time(work=8e9, rate=4e12)
    0.002
    """
    return work / rate


@law("williams-2009-roofline")
def memory_time(traffic: Bytes, bandwidth: BytesPerSecond) -> Seconds:
    """Return the time that moving bytes takes at a bandwidth.

    t = Q / B

    >>> memory_time(traffic=16e9, bandwidth=2e12)
    0.008
    """
    return traffic / bandwidth


@law("mlsysim-fit")
def tile_fill_time(*, ideal: Seconds, fill: Seconds) -> Seconds:
    """Return what an operator too small to give every core a tile adds to its ideal time.

    t = √(t_fill · t_ideal)

    >>> float(tile_fill_time(ideal=4.0, fill=1.0))
    2.0
    """
    return (fill * ideal) ** 0.5


@law("mlsysim-fit")
def overlapped_time(*, one: Seconds, other: Seconds) -> Seconds:
    """Return the time of two activities that overlap, though not completely where they are alike.

    t = (t₁³ + t₂³)^⅓, never less than the larger nor more than 1.26 times it

    >>> round(float(overlapped_time(one=1.0, other=1.0)), 2)
    1.26
    """
    return np.cbrt(one * one * one + other * other * other)


@law("williams-2009-roofline")
def arithmetic_intensity(work: Flop, traffic: Bytes) -> FlopPerByte:
    """Return how much arithmetic is done for each byte moved.

    I = W / Q

    >>> arithmetic_intensity(work=200.0, traffic=100.0)
    2.0
    """
    return work / traffic


@law("williams-2009-roofline")
def ridge_point(rate: FlopPerSecond, bandwidth: BytesPerSecond) -> FlopPerByte:
    """Return the intensity at which arithmetic and memory take the same time.

    I* = R / B

    >>> round(ridge_point(rate=989.5e12, bandwidth=3.35e12))
    295
    """
    return rate / bandwidth


@law("williams-2009-roofline")
def attainable_rate(
    intensity: FlopPerByte, rate: FlopPerSecond, bandwidth: BytesPerSecond
) -> FlopPerSecond:
    """Return the most arithmetic per second that the roofline allows.

    R_attainable = min(R, I · B)

    >>> float(attainable_rate(intensity=10.0, rate=100.0, bandwidth=5.0))
    50.0
    """
    return np.minimum(rate, intensity * bandwidth)


@law("chowdhery-2022-palm")
def model_flops_utilization(work: Flop, duration: Seconds, rate: FlopPerSecond) -> Fraction:
    """Return the share of peak arithmetic that did the model's own work.

    MFU = W / (t · R)

    >>> model_flops_utilization(work=400.0, duration=1.0, rate=1000.0)
    0.4
    """
    return work / (duration * rate)


@law("little-1961")
def throughput(samples: Samples, latency: Seconds) -> SamplesPerSecond:
    """Return how many units of work are finished per second, one execution at a time.

    X = n / t

    >>> throughput(samples=32.0, latency=0.5)
    64.0
    """
    return samples / latency


@law("kwon-2023-pagedattention")
def expected_active_experts(*, experts: Count, experts_per_token: Count, tokens: Count) -> Count:
    """Return how many experts a batch of tokens touches when routing is uniform.

    n = E · (1 - (1 - k / E)^T)

    >>> expected_active_experts(experts=8.0, experts_per_token=2.0, tokens=1.0)
    2.0
    """
    return experts * (1.0 - (1.0 - experts_per_token / experts) ** tokens)


@law("amdahl-1967")
def amdahl_speedup(*, factor: Count, share: Fraction) -> Count:
    """Return how much faster the whole becomes when a share of it becomes faster by a factor.

    s = 1 / (1 - f + f / k)

    >>> amdahl_speedup(factor=2.0, share=0.5)
    1.3333333333333333
    """
    return 1.0 / (1.0 - share + share / factor)
