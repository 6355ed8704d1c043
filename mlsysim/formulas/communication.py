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

    No algorithm is faster: it is what a library reaches that picks the best one for each message.

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


@law("thakur-2005")
def ring_all_reduce_time(
    message: Bytes, *, devices: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message around a ring: least traffic, most steps.

    t = 2 · (n - 1) · α + 2 · (n - 1) / n · M / B

    >>> ring_all_reduce_time(1e9, devices=2.0, bandwidth=1e9, latency=0.5)
    2.0
    """
    around = exchange_time(message, devices=devices, bandwidth=bandwidth)
    return 2.0 * ((devices - 1.0) * latency + around)


@law("sanders-2009")
def tree_all_reduce_time(
    message: Bytes, *, devices: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message up two trees at once, in a pipeline, and send it down.

    t = 2 · log2(n) · α + 2 · M / B

    >>> float(tree_all_reduce_time(1e9, devices=4.0, bandwidth=1e9, latency=0.5))
    4.0
    """
    return 2.0 * (np.log2(devices) * latency + message / bandwidth)


@law("thakur-2005")
def hierarchical_all_reduce_time(*, inside: Seconds, across: Seconds) -> Seconds:
    """Return the time to scatter sums inside of nodes, sum them across, and gather them inside.

    t = 2 · t_inside + t_across

    >>> hierarchical_all_reduce_time(inside=1.0, across=3.0)
    5.0
    """
    return 2.0 * inside + across


@law("graham-2016-sharp")
def in_switch_all_reduce_time(
    message: Bytes, *, levels: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message in the switches: each device sends and receives it once.

    t = 2 · l · α + M / B

    >>> in_switch_all_reduce_time(1e9, levels=3.0, bandwidth=1e9, latency=0.5)
    4.0
    """
    return 2.0 * levels * latency + message / bandwidth


@law("li-2014-parameter-server")
def central_all_reduce_time(
    message: Bytes, *, devices: Count, bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Return the time to sum a message at one server: all senders share its one link (incast).

    t = 2 · (α + n · M / B)

    >>> central_all_reduce_time(1e9, devices=8.0, bandwidth=1e9, latency=0.5)
    17.0
    """
    return 2.0 * (latency + devices * message / bandwidth)


@law("thakur-2005")
def ring_tree_crossover(bandwidth: BytesPerSecond, *, devices: Count, latency: Seconds) -> Bytes:
    """Return the message above which a ring is faster than a tree.

    M = n · α · B · (n - 1 - log2(n))

    >>> float(ring_tree_crossover(1e9, devices=4.0, latency=1e-6))
    4000.0
    """
    return devices * latency * bandwidth * (devices - 1.0 - np.log2(devices))


@law("nccl-tests")
def bus_bandwidth(message: Bytes, duration: Seconds, *, devices: Count) -> BytesPerSecond:
    """Return the bandwidth of links that an all-reduce amounts to, whatever its algorithm.

    B_bus = 2 · (n - 1) / n · M / t

    >>> bus_bandwidth(1e9, 1.0, devices=2.0)
    1000000000.0
    """
    return 2.0 * (devices - 1.0) / devices * message / duration


@law("leiserson-1985-fat-tree")
def fat_tree_levels(*, devices: Count, ports: Count) -> Count:
    """Return the levels of switches that a tree of full bandwidth needs for so many devices.

    l = max(1, ⌈log(n / 2) / log(k / 2)⌉)

    >>> [float(fat_tree_levels(devices=n, ports=64.0)) for n in (64.0, 65.0, 2049.0)]
    [1.0, 2.0, 3.0]
    """
    return np.maximum(np.ceil(np.log(devices / 2.0) / np.log(ports / 2.0) - 1e-9), 1.0)


@law("leiserson-1985-fat-tree")
def bisection_bandwidth(
    bandwidth: BytesPerSecond, *, devices: Count, oversubscription: Count
) -> BytesPerSecond:
    """Return what one half of the devices of a tree can send to the other half.

    B_bisection = n / 2 · B / o

    >>> bisection_bandwidth(1e9, devices=8.0, oversubscription=2.0)
    2000000000.0
    """
    return devices / 2.0 * bandwidth / oversubscription


@law("dally-towles-2004")
def torus_bisection_bandwidth(
    bandwidth: BytesPerSecond, *, devices: Count, dimensions: Count
) -> BytesPerSecond:
    """Return what one half of a torus can send to the other, whose links share each bandwidth.

    B_bisection = n^(1 - 1 / d) · B / d

    >>> torus_bisection_bandwidth(2e9, devices=64.0, dimensions=1.0)
    2000000000.0
    """
    return devices ** (1.0 - 1.0 / dimensions) * bandwidth / dimensions


@law("dally-towles-2004")
def torus_mean_distance(*, devices: Count, dimensions: Count) -> Count:
    """Return how many links lie between two devices of a torus on average.

    h = d / 4 · n^(1 / d)

    >>> torus_mean_distance(devices=64.0, dimensions=1.0)
    16.0
    """
    return dimensions / 4.0 * devices ** (1.0 / dimensions)


@law("leiserson-1985-fat-tree")
def congested_bandwidth(bandwidth: BytesPerSecond, load: Fraction) -> BytesPerSecond:
    """Return what is left of a link's bandwidth where the core is asked for more than it has.

    B' = B / max(1, u)

    >>> [float(congested_bandwidth(1e9, load)) for load in (0.5, 4.0)]
    [1000000000.0, 250000000.0]
    """
    return bandwidth / np.maximum(load, 1.0)


@law("narayanan-2021-megatron")
def exposed_time(
    *, communication: Seconds, hidden_behind: Seconds, exposed_fraction: Fraction
) -> Seconds:
    """Return the communication that arithmetic does not hide: a share of it, and what outlasts it.

    t = e · t_c + (1 - e) · max(0, t_c - t_w)

    >>> [float(exposed_time(communication=c, hidden_behind=1.0, exposed_fraction=0.25))
    ...  for c in (0.5, 2.0)]
    [0.125, 1.25]
    """
    outlasting = np.maximum(communication - hidden_behind, 0.0 * communication)
    return exposed_fraction * communication + (1.0 - exposed_fraction) * outlasting


@law("li-2020-pytorch-ddp")
def exposed_fraction(*, overlap: Fraction, buckets: Count) -> Fraction:
    """Return the share of gradient traffic that no arithmetic overlaps: at least the last bucket's.

    e = 1 - φ · (1 - 1 / k)

    >>> [exposed_fraction(overlap=0.8, buckets=k) for k in (1.0, 2.0)]
    [1.0, 0.6]
    """
    return 1.0 - overlap * (1.0 - 1.0 / buckets)
