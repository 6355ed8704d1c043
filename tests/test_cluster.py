"""The same sweep on several processes: identical numbers, even when one of them is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import cloudpickle
import numpy as np
import pytest
from distributed import Client, LocalCluster

from mlsysim import ResourceSimulation

# Workers cannot import this file, so what it defines travels with the task.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

pytestmark = pytest.mark.slow

AXES = {
    "region": ["Quebec", "Poland", "France"],
    "duration_days": np.linspace(1.0, 3650.0, 40),
    "utilization": np.linspace(0.1, 1.0, 30),
}


class SlowSimulation(ResourceSimulation):
    """Takes a moment, so that a worker can be lost in the middle."""

    def evaluate(self, choice):
        time.sleep(0.1)
        return ResourceSimulation(self.scenario, self.persona).evaluate(choice)


@pytest.fixture
def client():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as connected,
    ):
        yield connected


def workers_of(client):
    return client.run(os.getpid)


def assert_identical(one, other):
    assert one.dims == other.dims
    for path, values in one.values.items():
        assert np.array_equal(values, other.values[path]), path


def test_two_workers_give_identical_numbers(client):
    simulation = ResourceSimulation("Inference", "CloudTitan")
    alone = simulation.sweep(**AXES)
    together = simulation.sweep(**AXES, chunks=100, client=client)
    assert_identical(alone, together)
    assert len(set(workers_of(client).values()) - {os.getpid()}) == 2


def test_a_worker_killed_in_the_middle_changes_nothing(client):
    simulation = SlowSimulation("Inference", "CloudTitan")
    victim = next(iter(workers_of(client).values()))
    killed = threading.Timer(1.0, os.kill, (victim, signal.SIGKILL))
    killed.start()
    together = simulation.sweep(**AXES, chunks=50, client=client)
    killed.join()
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
    assert_identical(ResourceSimulation("Inference", "CloudTitan").sweep(**AXES), together)


def test_an_error_in_a_block_arrives_as_it_is(client):
    class Broken(ResourceSimulation):
        def evaluate(self, choice):
            raise ZeroDivisionError(choice["region"])

    with pytest.raises(ZeroDivisionError, match="Quebec"):
        Broken("Inference").sweep(region=["Quebec"], duration_days=(1, 9), client=client)
