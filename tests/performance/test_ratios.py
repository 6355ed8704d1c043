"""What things cost: in calls and memory, which no busy machine changes, else beside a floor."""

from __future__ import annotations

import subprocess
import sys

import costs
import numpy as np
import pytest
from costs import calls_of, least_s, peak_mb

from mlsysim import Applications, Engine, Layout, Models, ResourceSimulation, Systems
from mlsysim.simulations import SIMULATIONS

# Functions that one evaluation of the default choice calls, a few in a hundred to spare.
CALLS = {
    "ResourceSimulation": 950,
    "ReliabilitySimulation": 1_350,
    "NodeSimulation": 1_150,
    "SynthesisSimulation": 1_300,
    "ServingSimulation": 7_500,
    "TrainingSimulation": 1_800,
    "CompressionSimulation": 2_850,
    "PlacementSimulation": 1_900,
    "NetworkSimulation": 2_300,
    "DataSimulation": 1_850,
}


@pytest.mark.parametrize("statement", ["import mlsysim", costs.WHAT_A_LAB_IMPORTS])
def test_import_costs_little_more_than_numpy(statement, measured):
    figure = costs.imported(statement)
    measured(str(figure))
    assert not figure.far_off


def modules_after(statement: str) -> int:
    """Return how many modules a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(len(sys.modules))"
    command = [sys.executable, "-P", "-c", code]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def test_the_command_line_loads_little_more_than_the_package():
    # Only who asks for help or mistypes waits for what other packages add.
    command = "from mlsysim.cli import _parser; _parser().parse_args(['list', 'models'])"
    assert modules_after(command) <= 1.3 * modules_after("import mlsysim")


@pytest.mark.parametrize("kind", SIMULATIONS)
def test_one_evaluation_calls_few_functions(kind, measured):
    simulation = kind()
    calls = calls_of(lambda: simulation.evaluate({}))
    least = least_s(lambda: simulation.evaluate({}))
    measured(f"evaluate {kind.__name__}: {1e3 * least:.3f} ms, {calls:,} calls")
    assert calls <= CALLS[kind.__name__]


@pytest.mark.parametrize("application", ["Doorbell", "Frontier"])
def test_a_ledger_that_nobody_asks_to_explain_costs_no_recording(application, measured):
    """Checking the choice and noting how to evaluate again is all that is added."""
    simulation = ResourceSimulation(application)
    choice = simulation.complete({"region": "Quebec"})
    bare = type(simulation).evaluate.__wrapped__
    ours = calls_of(lambda: simulation.evaluate(choice))
    alone = calls_of(lambda: bare(simulation, choice))
    explained = calls_of(lambda: simulation.evaluate(choice).explain("economics.tco"))
    measured(
        f"evaluate {application}: {ours / alone:.2f} times the calls of the bare evaluate; with a "
        f"recording {explained / alone:.0f} times"
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
def test_one_prediction_calls_few_functions(predict, measured):
    calls = calls_of(predict)
    measured(
        f"predict{predict.__name__.replace('_', ' ')}: {1e3 * least_s(predict):.3f} ms, "
        f"{calls:,} calls"
    )
    assert calls <= 700


def test_a_hundred_thousand_batch_sizes_are_one_prediction_on_arrays(measured):
    """At its peak it holds some ten values for each operator and batch size."""
    sizes = np.arange(1, 100_001)

    def predict():
        return Engine.solve(
            Models["Llama-3.1 8B"], Systems["H100 node"], phase="decode", batch_size=sizes,
            context_length=4096, runtime="TensorRT-LLM", layout=Layout(),
        )  # fmt: skip

    calls, peak = calls_of(predict), peak_mb(predict)
    values = len(Models["Llama-3.1 8B"].operators("decode")) * sizes.nbytes / 1e6
    measured(f"100,000 batch sizes: {least_s(predict, 5):.3f} s, {calls:,} calls, {peak:.0f} MB")
    assert calls <= 1_000
    assert peak <= 12 * values


def test_a_million_points_are_few_evaluations_on_arrays(measured):
    """One for each of ten regions, and little more memory than its results take."""
    sweep, floor = costs.a_sweep_and_its_laws()
    calls, peak, least = calls_of(sweep), peak_mb(sweep), peak_mb(floor)
    measured(f"a million points: {calls:,} calls, {peak / least:.2f} times the memory of its laws")
    measured(str(costs.swept()))
    assert calls <= 42_000
    assert peak <= 2.5 * least
