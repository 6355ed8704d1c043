"""What a system draws while it runs, by how hard memory and arithmetic work."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.engine.timing import Times
from mlsysim.engine.workload import Workload


def solve(work: Workload, times: Times, device_flops: Any, device_bytes: Any) -> dict[str, Any]:
    """Return power and energy of one execution on all its devices."""
    hardware, latency = work.system.hardware, times.execution_time
    load = _load(work, times, device_flops, device_bytes)
    device = formulas.power_at_load(
        idle=hardware.idle_power_w, maximum=hardware.max_power_w, load=load
    )
    power = (device + work.system.host_power_w) * work.layout.devices
    energy = formulas.energy(power, latency)
    return {
        "power": power,
        "energy": energy,
        "energy_per_sample": formulas.energy_per_sample(energy, work.batch_size),
    }


def _load(work: Workload, times: Times, device_flops: Any, device_bytes: Any) -> Any:
    """Return the share of the range between idle and maximum that a device draws.

    An accelerator's power follows what its memory and matrix units do; a simple core draws what
    it draws whenever it does not wait.
    """
    hardware, latency = work.system.hardware, times.execution_time
    weights = (
        work.architecture.memory_power_weight,
        work.architecture.arithmetic_power_weight,
    )
    if weights[0] is None or weights[1] is None:
        busy = (times.compute + times.memory) / latency
        return np.minimum(busy, 1.0)
    peaks = hardware.peak_dense_flop_per_s
    reference = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
    return formulas.dynamic_power_share(
        memory=device_bytes / (latency * hardware.memory_bandwidth_byte_per_s),
        arithmetic=device_flops / (latency * reference),
        memory_weight=weights[0],
        arithmetic_weight=weights[1],
    )
