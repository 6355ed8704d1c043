"""Cost as a ratio to a known cost on the same machine, so that a slow machine changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
