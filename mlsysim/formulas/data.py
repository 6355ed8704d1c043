"""Data on its way to a model: what feeds it, what starves it, how old it is, what it costs."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import (
    Bytes,
    BytesPerSecond,
    Dollars,
    DollarsPerByte,
    DollarsPerByteSecond,
    Fraction,
    Seconds,
)


@law("mohan-2021-data-stalls")
def cached_rate(rate: BytesPerSecond, cached: Fraction) -> BytesPerSecond:
    """Return the rate at which data arrives of which a share need not be fetched.

    R' = R / (1 - c)

    >>> cached_rate(1e9, cached=0.5)
    2000000000.0
    """
    return rate / (1.0 - cached)


@law("mohan-2021-data-stalls")
def pipeline_rate(
    *, storage: BytesPerSecond, link: BytesPerSecond, decoding: BytesPerSecond
) -> BytesPerSecond:
    """Return the rate of stages that work at the same time: that of the slowest.

    R = min(R_storage, R_link, R_decoding)

    >>> float(pipeline_rate(storage=3.0, link=2.0, decoding=5.0))
    2.0
    """
    return np.minimum(np.minimum(storage, link), decoding)


@law("mohan-2021-data-stalls")
def starved_fraction(*, supply: BytesPerSecond, demand: BytesPerSecond) -> Fraction:
    """Return the share of time that accelerators wait for data.

    s = max(0, 1 - R_supply / R_demand)

    >>> float(starved_fraction(supply=3.0, demand=4.0))
    0.25
    """
    return np.maximum(1.0 - supply / demand, 0.0)


@law("kaul-2012-age")
def mean_data_age(*, interval: Seconds, delay: Seconds) -> Seconds:
    """Return how old the data in use is on average, if it is renewed at intervals.

    A = t + T / 2

    >>> mean_data_age(interval=24.0, delay=1.0)
    13.0
    """
    return delay + interval / 2.0


@law("barroso-2018-datacenter")
def transfer_cost(volume: Bytes, price: DollarsPerByte) -> Dollars:
    """Return what a network charges for the bytes that leave it.

    K = p · V

    >>> transfer_cost(5e9, price=1e-10)
    0.5
    """
    return volume * price


@law("barroso-2018-datacenter")
def storage_cost(volume: Bytes, price: DollarsPerByteSecond, *, duration: Seconds) -> Dollars:
    """Return what keeping bytes for a time costs.

    K = p · V · t

    >>> storage_cost(8.0, price=0.25, duration=2.0)
    4.0
    """
    return volume * price * duration
