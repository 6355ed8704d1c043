"""Cost as a ratio to a known cost on the same machine, so that a slow machine changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mlsysim import (
    Applications,
    Engine,
    Facilities,
    Layout,
    Models,
    Regions,
    ResourceSimulation,
    Systems,
)

REPETITIONS = 7
WHAT_A_LAB_IMPORTS = "from mlsysim import Applications, Personas, ResourceSimulation"


def import_cpu_s(statement: str) -> float:
    """Return the CPU time of an import in a fresh interpreter, in seconds."""
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout)


@pytest.mark.parametrize(
    ("statement", "most"), [("import mlsysim", 2.0), (WHAT_A_LAB_IMPORTS, 4.0)]
)
def test_import_costs_little_more_than_numpy(statement, most, measured):
    # Taken in turns, so that a busy moment of the machine falls on both; the least is the cost.
    pairs = [(import_cpu_s(statement), import_cpu_s("import numpy")) for _ in range(REPETITIONS)]
    ours, numpy = (min(times) for times in zip(*pairs, strict=True))
    measured(f"{statement}: {ours:.3f} s of CPU, {ours / numpy:.2f} times NumPy ({numpy:.3f} s)")
    assert ours <= most * numpy


def start_cpu_s(*arguments: str) -> float:
    """Return the CPU time of a program from start to end, in seconds."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def test_the_command_line_starts_about_as_fast_as_the_package(measured):
    # One start is a few ticks of the clock, so ten are taken together.
    # Only who asks for help or mistypes waits for what other packages add.
    command = ("-c", "from mlsysim.cli import _parser; _parser().parse_args(['list', 'models'])")
    pairs = [
        [sum(start_cpu_s(*each) for _ in range(10)) for each in (command, ("-c", "import mlsysim"))]
        for _ in range(5)
    ]
    ours, package = (min(times) for times in zip(*pairs, strict=True))
    measured(f"mlsysim COMMAND: {ours / 10:.3f} s of CPU, {ours / package:.2f} times the package")
    assert ours <= 1.5 * package


def least_s(action, repetitions: int = 200) -> float:
    """Return the least time that an action took, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("application", ["Doorbell", "Frontier", "Inference"])
def test_one_evaluation_costs_a_few_hundred_additions(application, measured):
    """Half a millisecond is about five hundred NumPy additions of a hundred numbers."""
    simulation = ResourceSimulation(application)
    numbers = np.ones(100)

    def floor():
        for _ in range(100):
            np.add(numbers, numbers)

    ours = least_s(lambda: simulation.evaluate({"region": "Quebec"}))
    additions = least_s(floor)
    measured(f"evaluate {application}: {ours * 1e3:.3f} ms, {ours / additions:.1f} times the floor")
    assert ours <= 15 * additions


@pytest.mark.parametrize("application", ["Doorbell", "Frontier"])
def test_a_ledger_that_nobody_asks_to_explain_costs_no_recording(application, measured):
    """Checking the choice and noting how to evaluate again is all that is added."""
    simulation = ResourceSimulation(application)
    choice = simulation.complete({"region": "Quebec"})
    bare = type(simulation).evaluate.__wrapped__
    ours = least_s(lambda: simulation.evaluate(choice))
    alone = least_s(lambda: bare(simulation, choice))
    explained = least_s(lambda: simulation.evaluate(choice).explain("economics.tco"), 5)
    measured(
        f"evaluate {application}: {ours / alone:.2f} times the bare evaluate; with a recording "
        f"{explained / alone:.0f} times"
    )
    assert ours <= 1.3 * alone


def _one_device():
    return Engine.solve(
        Models["Llama-3.1 8B"], Systems["H100 node"], phase="decode", batch_size=64,
        context_length=4096, runtime="TensorRT-LLM", layout=Layout(),
    )  # fmt: skip


def _sixteen_thousand_devices():
    frontier = Applications.Frontier
    return Engine.solve(
        frontier.model, frontier.system, phase="training", batch_size=2048, sequence_length=8192,
        runtime=frontier.runtime,
    )  # fmt: skip


@pytest.mark.parametrize("predict", [_one_device, _sixteen_thousand_devices])
def test_one_prediction_costs_a_few_hundred_additions(predict, measured):
    """A fifth of a millisecond on one device, less than one for the largest layout."""
    numbers = np.ones(100)

    def floor():
        for _ in range(100):
            np.add(numbers, numbers)

    ours, additions = least_s(predict), least_s(floor)
    measured(
        f"predict{predict.__name__.replace('_', ' ')}: {ours * 1e3:.3f} ms, "
        f"{ours / additions:.1f} times the floor"
    )
    assert ours <= 15 * additions


def test_a_hundred_thousand_batch_sizes_cost_little_more_than_their_arithmetic(measured):
    """Each of about 12 operators takes some 60 operations on arrays of that size."""
    sizes = np.arange(1, 100_001)

    def predict():
        return Engine.solve(
            Models["Llama-3.1 8B"], Systems["H100 node"], phase="decode", batch_size=sizes,
            context_length=4096, runtime="TensorRT-LLM", layout=Layout(),
        )  # fmt: skip

    operators = len(Models["Llama-3.1 8B"].operators("decode"))
    grid = np.ones((operators, sizes.size))

    def floor():
        for _ in range(60):
            np.multiply(grid, grid)

    ours, products = least_s(predict, 5), least_s(floor, 5)
    measured(f"100,000 batch sizes: {ours:.3f} s, {ours / products:.1f} times the floor")
    assert ours <= 5 * products


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


def test_a_million_points_cost_little_more_than_their_laws(measured):
    """A sweep over three axes beside a loop over `evaluate`, and beside bare NumPy."""
    simulation = ResourceSimulation("Inference", "CloudTitan")
    scenario = simulation.scenario
    system, choice = scenario.system, simulation.defaults
    performance = simulation.evaluate({}).performance

    def sweep():
        return simulation.sweep(region=PLACES, duration_days=DAYS, utilization=BUSY)

    def floor():
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

    swept, bare = sweep(), floor()
    assert swept.size == 10**6
    np.testing.assert_allclose(swept.full("economics.cost_per_sample"), bare[-1], rtol=1e-9)
    np.testing.assert_allclose(swept.full("sustainability.carbon"), bare[3], rtol=1e-9)
    # In turns, so that a busy moment of the machine falls on all three.
    pairs = [
        (
            least_s(sweep, 1),
            least_s(floor, 1),
            least_s(lambda: simulation.evaluate({"duration_days": 30.0, "utilization": 0.5}), 50),
        )
        for _ in range(REPETITIONS)
    ]
    ours, laws, one = (min(times) for times in zip(*pairs, strict=True))
    loop = one * swept.size / ours
    measured(
        f"sweep of a million points: {ours:.3f} s, {ours / laws:.1f} times bare NumPy "
        f"({laws:.3f} s), {loop:,.0f} times the points per second of a loop"
    )
    # The aim is 3 on a quiet machine; memory that others use as well costs us more than the laws.
    assert ours <= 4.5 * laws
    assert loop >= 1000.0
