"""Cost as a ratio to a known cost on the same machine, so that a slow machine changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import costs
import numpy as np
import pytest
from costs import least_s

from mlsysim import Applications, Engine, Layout, Models, ResourceSimulation, Systems


@pytest.mark.parametrize(
    ("statement", "most"), [("import mlsysim", 2.0), (costs.WHAT_A_LAB_IMPORTS, 4.0)]
)
def test_import_costs_little_more_than_numpy(statement, most, measured):
    figure = costs.imported(statement)
    measured(str(figure))
    assert figure.times <= most


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


def test_a_million_points_cost_little_more_than_their_laws(measured):
    """A sweep over three axes beside bare NumPy, and beside a loop over `evaluate`."""
    figure = costs.swept()
    simulation = ResourceSimulation("Inference", "CloudTitan")
    one = least_s(lambda: simulation.evaluate({"duration_days": 30.0, "utilization": 0.5}))
    loop = 1e3 * one * 10**6 / figure.cost
    measured(f"{figure}, {loop:,.0f} times the points per second of a loop")
    # The aim is 3 on a quiet machine; memory that others use as well costs us more than the laws.
    assert figure.times <= 4.5
    assert loop >= 1000.0
