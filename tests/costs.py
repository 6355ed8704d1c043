"""What things cost, each beside the least that such a thing can cost on the same machine."""

from __future__ import annotations

import math
import os
import queue
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from mlsysim import Facilities, Regions, ResourceSimulation

# `import mlsysim` alone loads little: names load their modules when they are first used.
WHAT_A_LAB_IMPORTS = "from mlsysim import Applications, Personas, ResourceSimulation"
ONE_WIDGET = "import ipywidgets; ipywidgets.Dropdown(options=['one', 'two'])"
DASHBOARD = """\
from mlsysim import ResourceSimulation
from mlsysim_widgets import Dashboard
dashboard = Dashboard(ResourceSimulation)
dashboard
"""
KEEPS_SOURCE_ONLY = "PYTHONDONTWRITEBYTECODE"
ANSWER_LIMIT_S = 60
BUSY_MACHINE = 1.5


class Figure(NamedTuple):
    """A cost, its floor taken in the same minutes, and how much it may be."""

    name: str
    cost: float
    unit: str
    floor: float = math.nan
    beside: str = ""
    most_times: float = math.inf
    most: float = math.inf

    @property
    def times(self) -> float:
        """How many times the floor it costs; not a number where there is no floor."""
        return self.cost / self.floor

    @property
    def holds(self) -> bool:
        """Whether the budget is kept."""
        return self.cost <= self.most and not self.times > self.most_times

    @property
    def far_off(self) -> bool:
        """Whether it costs more than a busy machine could explain: for tests, which must not flake.

        `make bench` holds the budget itself.
        """
        return self.times > BUSY_MACHINE * self.most_times

    @property
    def budget(self) -> str:
        """The budget in words."""
        bounds = [f"{self.most_times:g} times"] * math.isfinite(self.most_times)
        bounds += [f"{self.most:g} {self.unit}"] * math.isfinite(self.most)
        return ", ".join(bounds)

    def __str__(self) -> str:
        text = f"{self.name}: {self.cost:.3g} {self.unit}"
        if math.isnan(self.floor):
            return ", ".join(filter(None, (text, self.beside)))
        return f"{text}, {self.times:.2f} times {self.beside} ({self.floor:.3g} {self.unit})"


def calls_of(action: Callable[[], object]) -> int:
    """Return how many functions an action calls, which is the same on every machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    action()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def peak_mb(action: Callable[[], object]) -> float:
    """Return the most memory that an action held at a time, in megabytes."""
    action()
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def least_s(action: Callable[[], object], repetitions: int = 200) -> float:
    """Return the least time that an action took, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def least_in_turns(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Return the least of each measure: a busy moment of the machine falls on all of them."""
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [min(values) for values in zip(*taken, strict=True)]


def compiled_environment() -> dict[str, str]:
    """Return an environment in which a checkout is compiled once, as an installed package is."""
    return {name: value for name, value in os.environ.items() if name != KEEPS_SOURCE_ONLY}


def import_cpu_s(statement: str) -> float:
    """Return the CPU time of an import in a fresh interpreter, in seconds."""
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**compiled_environment(), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


def imported(statement: str = "import mlsysim") -> Figure:
    """Measure an import beside that of NumPy."""
    floor = "import numpy"
    ours, numpy = least_in_turns(7, lambda: import_cpu_s(statement), lambda: import_cpu_s(floor))
    return Figure(f"{statement}, CPU", 1e3 * ours, "ms", 1e3 * numpy, floor, most_times=2.0)


class Cost(NamedTuple):
    """The processor time of a kernel from its start on, and the memory that it has to itself."""

    cpu_s: float
    memory_mb: float


@contextmanager
def kernel_after(cell: str) -> Iterator[tuple[psutil.Process, BlockingKernelClient]]:
    """Run a cell in a kernel of its own; give the process of the kernel and a line to it."""
    # Encrypted where it can be, as `labs/voila.json` has it.
    manager = KernelManager(transport_encryption="auto")
    manager.start_kernel(env=compiled_environment())
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=ANSWER_LIMIT_S)
        for code in (cell, "'the cell before is over'"):
            reply = client.execute_interactive(
                code, output_hook=lambda _: None, timeout=ANSWER_LIMIT_S
            )
            if reply["content"]["status"] != "ok":
                raise RuntimeError(reply["content"])
        yield psutil.Process(manager.provisioner.process.pid), client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cost_of(cell: str) -> Cost:
    """Return what a kernel costs that has run a cell, beside another one."""
    # A class runs many kernels of a kind: beside one, the next shares the pages of libraries.
    with kernel_after(cell), kernel_after(cell) as (kernel, _):
        times = kernel.cpu_times()
        return Cost(times.user + times.system, own_memory_mb(kernel))


def own_memory_mb(process: psutil.Process) -> float:
    """Return the memory that a process shares with no other."""
    return process.memory_full_info().uss / 1e6


def first_dashboard() -> tuple[Figure, Figure]:
    """Measure processor time and memory of a kernel with a dashboard, beside one widget."""
    rounds = [(cost_of(DASHBOARD), cost_of(ONE_WIDGET)) for _ in range(5)]
    ours, floor = (Cost(*map(min, zip(*costs, strict=True))) for costs in zip(*rounds, strict=True))
    beside = "ipywidgets with one widget"
    return (
        Figure(
            "import mlsysim_widgets and first dashboard, CPU",
            ours.cpu_s, "s", floor.cpu_s, beside, most_times=2.0,
        ),
        Figure(
            "memory of one more student's kernel",
            ours.memory_mb, "MB", floor.memory_mb, beside, most_times=1.3,
        ),
    )  # fmt: skip


def evaluated() -> Figure:
    """Measure one evaluation, as the median over all simulations with their default choices."""
    from mlsysim.simulations import SIMULATIONS

    times = {each.__name__: least_s(partial(each().evaluate, {})) for each in SIMULATIONS}
    slowest = max(times, key=times.__getitem__)
    return Figure(
        "evaluate, median of all simulations",
        1e3 * statistics.median(times.values()), "ms", most=0.3,
        beside=f"{slowest}: {1e3 * times[slowest]:.2f} ms",
    )  # fmt: skip


DAYS = np.linspace(1.0, 3650.0, 100)
BUSY = np.linspace(0.01, 1.0, 1000)
PLACES = list(Regions)[:10]


def bare_laws(unit_power_w, throughput, devices, idle_w, hardware, facility):
    """Evaluate what a deployment takes at 10 regions, 100 durations and 1,000 utilizations.

    The laws alone, in NumPy: what is constant, or depends on one axis, is computed once.
    """
    seconds, busy = DAYS.reshape(-1, 1) * 86400.0, BUSY.reshape(1, -1)
    power = devices * (idle_w + (unit_power_w / devices - idle_w) * busy)
    share = seconds / (hardware["lifetime_s"])
    embodied = hardware["embodied_kgco2e"] * devices * share
    capital = hardware["price_usd"] * devices * share
    shape = (len(PLACES), DAYS.size, BUSY.size)
    results = [np.empty(shape) for _ in range(10)]
    for place, name in enumerate(PLACES):
        region = Regions[name]
        it_energy = power * seconds
        energy = it_energy * facility.power_usage_effectiveness
        operational = energy * region.carbon_kg_per_j
        on_site = it_energy * facility.water_usage_effectiveness_l_per_j
        off_site = energy * region.water_l_per_j
        running = energy * region.price_usd_per_j
        total = capital + running
        samples = throughput * (seconds * busy)
        found = (it_energy, energy, operational, operational + embodied, on_site, off_site,
                 on_site + off_site, running, total, total / samples)  # fmt: skip
        for result, values in zip(results, found, strict=True):
            result[place] = values
    return results


def a_sweep_and_its_laws() -> tuple[Callable[[], Any], Callable[[], list[np.ndarray]]]:
    """Return a sweep of a million points, and its laws in bare NumPy with the same results."""
    simulation = ResourceSimulation("Inference", "CloudTitan")
    system, choice = simulation.scenario.system, simulation.defaults
    performance = simulation.evaluate({}).performance

    def sweep() -> Any:
        return simulation.sweep(region=PLACES, duration_days=DAYS, utilization=BUSY)

    def floor() -> list[np.ndarray]:
        return bare_laws(
            performance.si("power"),
            performance.si("throughput"),
            system.devices,
            system.hardware.idle_power_w + system.host_power_w,
            {
                "lifetime_s": choice["replacement_years"] * 365.25 * 86400.0,
                "embodied_kgco2e": system.hardware.embodied_kgco2e,
                "price_usd": system.hardware.price_usd,
            },
            Facilities[choice["facility"]],
        )

    ours, bare = sweep(), floor()
    np.testing.assert_equal(ours.size, 10**6)
    np.testing.assert_allclose(ours.full("economics.cost_per_sample"), bare[-1], rtol=1e-9)
    np.testing.assert_allclose(ours.full("sustainability.carbon"), bare[3], rtol=1e-9)
    return sweep, floor


def swept() -> Figure:
    """Measure a sweep of a million points, beside its laws in bare NumPy."""
    sweep, floor = a_sweep_and_its_laws()
    # Each pair is from one moment: how fast memory is changes with what else runs.
    pairs = sorted(
        ((least_s(sweep, 1), least_s(floor, 1)) for _ in range(21)),
        key=lambda pair: pair[0] / pair[1],
    )
    ours, laws = pairs[len(pairs) // 2]
    return Figure(
        "sweep of a million points", 1e3 * ours, "ms", 1e3 * laws, "its laws in NumPy",
        most_times=3.0,
    )  # fmt: skip


def change(client: BlockingKernelClient, model: str, state: dict[str, Any]) -> list[dict]:
    """Send a design to a dashboard as its page does; return all that comes back, to the end."""
    data = {"method": "update", "state": {"state": state}, "buffer_paths": []}
    message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
    client.shell_channel.send(message)
    answers = []
    while True:
        answer = client.get_iopub_msg(timeout=ANSWER_LIMIT_S)
        answers.append(answer)
        mine = answer["parent_header"].get("msg_id") == message["header"]["msg_id"]
        if mine and answer["content"].get("execution_state") == "idle":
            return answers


def views_in(messages: list[dict]) -> list[dict[str, Any]]:
    """Return the views that a dashboard sent."""
    updates = [each["content"]["data"] for each in messages if each["msg_type"] == "comm_msg"]
    return [update["state"]["view"] for update in updates if "view" in update.get("state", {})]


def changed_a_thousand_times() -> tuple[Figure, Figure]:
    """Measure how far a kernel grows, and what is left on the line after the last answer."""
    simulation = ResourceSimulation()
    design = {"persona": simulation.persona.name, "application": simulation.scenario.name}
    with kernel_after(DASHBOARD) as (kernel, client):
        asked = {"model": "dashboard.model_id"}
        reply = client.execute_interactive(
            "", user_expressions=asked, silent=True, timeout=ANSWER_LIMIT_S
        )
        model = reply["content"]["user_expressions"]["model"]["data"]["text/plain"].strip("'")

        def change_to(days: int) -> None:
            choice = {**simulation.defaults, "duration_days": days}
            views = views_in(change(client, model, {**design, "choice": choice, "draft": False}))
            chosen = [view["state"]["choice"]["duration_days"] for view in views]
            if chosen != [days]:
                raise RuntimeError(f"asked for {days} days, answered for {chosen}")

        # What is imported or kept at the first changes is not kept again.
        for days in range(1001, 1101):
            change_to(days)
        before = own_memory_mb(kernel)
        for days in range(1, 1001):
            change_to(days)
        growth = own_memory_mb(kernel) - before
        left = 0
        try:
            while client.get_iopub_msg(timeout=1):
                left += 1
        except queue.Empty:
            pass
    return (
        Figure("1,000 changes: growth of the kernel", growth, "MB", most=5.0),
        Figure("1,000 changes: messages left after the last answer", left, "messages", most=0.0),
    )
