"""What a student's first dashboard costs in a kernel, against ipywidgets with one widget."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import NamedTuple

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

ROUNDS = 5
ONE_WIDGET = "import ipywidgets; ipywidgets.Dropdown(options=['one', 'two'])"
KEEPS_SOURCE_ONLY = "PYTHONDONTWRITEBYTECODE"
DASHBOARD = """\
from mlsysim import ResourceSimulation
from mlsysim_widgets import Dashboard
Dashboard(ResourceSimulation)
"""


class Cost(NamedTuple):
    """The processor time of a kernel from its start on, and the memory that it has to itself."""

    cpu_s: float
    memory_mb: float


@contextmanager
def kernel_after(cell):
    # An installed package is compiled; a checkout is after the first round, where it may be.
    compiled = {name: value for name, value in os.environ.items() if name != KEEPS_SOURCE_ONLY}
    manager, client = start_new_kernel(env=compiled)
    try:
        for code in (cell, "'the cell before is over'"):
            reply = client.execute_interactive(code, output_hook=lambda _: None, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
        yield psutil.Process(manager.provisioner.process.pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cost_of(cell):
    # A class runs many kernels of a kind: beside one, the next shares the pages of libraries.
    with kernel_after(cell), kernel_after(cell) as kernel:
        times = kernel.cpu_times()
        return Cost(times.user + times.system, kernel.memory_full_info().uss / 1e6)


@pytest.fixture(scope="module")
def costs():
    """The least costs of our cell and of the floor, taken in turns."""
    rounds = [(cost_of(DASHBOARD), cost_of(ONE_WIDGET)) for _ in range(ROUNDS)]
    return [Cost(*map(min, zip(*costs, strict=True))) for costs in zip(*rounds, strict=True)]


def test_processor_time_of_a_first_dashboard(costs, measured):
    ours, floor = costs
    measured(
        f"kernel with a dashboard: {ours.cpu_s:.2f} s of CPU, "
        f"{ours.cpu_s / floor.cpu_s:.2f} times one widget ({floor.cpu_s:.2f} s)"
    )
    assert ours.cpu_s <= 2 * floor.cpu_s


def test_memory_of_one_more_student(costs, measured):
    ours, floor = costs
    measured(
        f"one more kernel with a dashboard: {ours.memory_mb:.1f} MB, "
        f"{ours.memory_mb / floor.memory_mb:.2f} times one widget ({floor.memory_mb:.1f} MB)"
    )
    assert ours.memory_mb <= 1.3 * floor.memory_mb
