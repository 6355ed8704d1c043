"""Serving: the steady state against a batch simulated step by step, its laws, and its ledgers."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
import simpy

from mlsysim import (
    Applications,
    Engine,
    Hardware,
    InvalidInput,
    Personas,
    Regions,
    ServingSimulation,
    SystemLedger,
    formulas,
)
from mlsysim.engine.serving import Service, serve

CHAT, PHONE = Applications.Inference, Applications.Assistant
HOUR = 3600.0


def service(application=CHAT, **changes):
    usual = {
        "model": application.model,
        "system": application.system,
        "precision": application.precision,
        "runtime": application.runtime,
        "request_rate": 5.0,
        "batch_limit": 64.0,
        "prompt_length": 1024.0,
        "output_length": 256.0,
        "reserved_length": 1280.0,
        "period_s": HOUR,
    }
    return Service(**{**usual, **changes})


# A batch that requests join between two steps, simulated event by event.


class Replica:
    """Poisson arrivals, slots, prompts first, then one token for every sequence in flight.

    Only the times of single executions come from the engine.
    """

    def __init__(self, asked, seed):
        self.asked, self.random = asked, np.random.default_rng(seed)
        self.environment = simpy.Environment()
        self.queue: deque = deque()
        self.arrival = self.environment.event()
        self.batch: list = []
        self.waits, self.first, self.whole, self.steps = [], [], [], []
        self.slots = int(min(asked.batch_limit, asked.fitting()))
        batches = np.arange(1.0, self.slots + 1)
        lengths = {"output_length": asked.output_length, "sequence_length": asked.prompt_length,
                   "context_length": asked.prompt_length + asked.output_length}  # fmt: skip
        with_prompts, self.decode = (
            Engine.solve(
                asked.model, asked.system, phase=phase, batch_size=batches,
                precision=asked.precision, runtime=asked.runtime, **lengths,
            ).si("latency")
            for phase in ("serving", "decode")
        )  # fmt: skip
        # In a steady state of n sequences, each step reads n / o prompts.
        self.prompt = (with_prompts - self.decode) * asked.output_length / batches

    def run(self, requests=None, seconds=None):
        self.environment.process(self._arrivals(requests))
        self.environment.process(self._serve())
        self.environment.run(until=seconds)
        return self

    def _arrivals(self, requests):
        served = 0
        while requests is None or served < requests:
            yield self.environment.timeout(self.random.exponential(1 / self.asked.request_rate))
            self.queue.append(self.environment.now)
            served += 1
            if not self.arrival.triggered:
                self.arrival.succeed()

    def _serve(self):
        fresh: list = []
        now = self.environment
        while True:
            if not (self.queue or fresh or self.batch):
                self.arrival = now.event()
                yield self.arrival
            while self.queue and len(self.batch) + len(fresh) < self.slots:
                arrived = self.queue.popleft()
                self.waits.append(now.now - arrived)
                fresh.append((arrived, self.random.geometric(1 / self.asked.output_length)))
            if fresh:
                yield now.timeout(self.prompt[len(self.batch) + len(fresh) - 1])
                arrived, length = fresh.pop(0)
                self.first.append(now.now - arrived)
                self.batch.append((arrived, length))
            step = self.decode[len(self.batch) - 1]
            self.steps.append((step, len(self.batch)))
            yield now.timeout(step)
            self.whole.extend(now.now - arrived for arrived, left in self.batch if left == 1)
            self.batch = [(arrived, left - 1) for arrived, left in self.batch if left > 1]
