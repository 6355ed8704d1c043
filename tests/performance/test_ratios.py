"""Cost as a ratio to a known cost on the same machine, so that a slow machine changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mlsysim import ResourceSimulation

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
