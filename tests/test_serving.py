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
    Facilities,
    Hardware,
    InvalidInput,
    Personas,
    Regions,
    ServingSimulation,
)
from mlsysim.engine.serving import Service, serve
from mlsysim.ledger import metric_paths

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


def seen(asked, requests, seconds=None):
    """Return waits, times to first and to last token, the start-up left out."""
    replica = Replica(asked, seed=1).run(requests, seconds)
    after = 0 if seconds else requests // 10
    return (np.array(times[after:]) for times in (replica.waits, replica.first, replica.whole))


def p99(times):
    return np.quantile(times, 0.99)


def test_a_batch_with_free_slots_answers_as_simulated():
    asked = service(request_rate=5.0)
    _, first, whole = seen(asked, requests=12_000)
    stated = serve(asked).performance
    assert np.mean(first) == pytest.approx(stated.si("time_to_first_token"), rel=0.1)
    assert p99(first) == pytest.approx(stated.si("time_to_first_token_p99"), rel=0.1)
    assert np.mean(whole) == pytest.approx(stated.si("request_latency"), rel=0.03)
    assert p99(whole) == pytest.approx(stated.si("request_latency_p99"), rel=0.06)


def test_a_batch_with_few_slots_lets_wait_as_simulated():
    """Prompts take the same time for all, so that waits spread a little less than stated."""
    asked = service(request_rate=3.3, batch_limit=16.0, period_s=5 * HOUR)
    waits, first, whole = seen(asked, requests=30_000)
    stated = serve(asked).performance
    assert 0.6 < np.mean(waits) / stated.si("waiting_time") < 1.1
    assert 0.6 < p99(waits) / stated.si("waiting_time_p99") < 1.1
    assert 0.6 < p99(first) / stated.si("time_to_first_token_p99") < 1.1
    assert np.mean(whole) == pytest.approx(stated.si("request_latency"), rel=0.06)
    assert p99(whole) == pytest.approx(stated.si("request_latency_p99"), rel=0.06)


def test_a_phone_that_answers_one_by_one_lets_wait_as_simulated():
    asked = service(PHONE, request_rate=0.02, batch_limit=1.0, period_s=48 * HOUR)
    waits, first, whole = seen(asked, requests=4000)
    stated = serve(asked).performance
    assert np.mean(waits) == pytest.approx(stated.si("waiting_time"), rel=0.1)
    assert np.mean(first) == pytest.approx(stated.si("time_to_first_token"), rel=0.1)
    assert np.mean(whole) == pytest.approx(stated.si("request_latency"), rel=0.05)
    for times, name in ((waits, "waiting_time_p99"), (whole, "request_latency_p99")):
        assert p99(times) == pytest.approx(stated.si(name), rel=0.1)


def test_an_overloaded_hour_builds_up_the_queue_that_is_stated():
    asked = service(request_rate=12.0)
    waits, _, whole = seen(asked, requests=None, seconds=HOUR)
    stated = serve(asked).performance
    capacity = stated.si("request_capacity")
    assert len(whole) / HOUR == pytest.approx(capacity, rel=0.03)
    # Those admitted within the hour came before its capacity was used up.
    until = HOUR * capacity / 12.0
    assert np.mean(waits) == pytest.approx(stated.si("waiting_time") * until / HOUR, rel=0.05)
    assert np.max(waits) < stated.si("waiting_time_p99")


# Laws that hold whatever is asked.

TIMES = (
    "latency",
    "time_to_first_token",
    "time_to_first_token_p99",
    "waiting_time",
    "waiting_time_p99",
    "request_latency",
    "request_latency_p99",
    "offered_load",
    "sequences_in_flight",
)


@pytest.mark.parametrize("application", [CHAT, PHONE], ids=lambda each: each.name)
@pytest.mark.parametrize("limit", [1.0, 7.0, 64.0])
def test_more_requests_never_come_back_sooner(application, limit):
    capacity = serve(service(application, batch_limit=limit)).performance.si("request_capacity")
    rates = capacity * np.concatenate([np.geomspace(1e-4, 0.9, 40), np.linspace(0.9, 1.5, 200)])
    found = serve(service(application, request_rate=rates, batch_limit=limit)).performance
    for name in TIMES:
        rise = np.diff(found.si(name))
        assert (rise >= -1e-9 * found.si(name)[1:]).all(), name
    assert found.si("served_rate")[-1] == pytest.approx(capacity, rel=1e-9)


def test_arrays_give_what_scalars_give():
    rates, limits = np.array([0.5, 5.0, 9.0, 12.0])[:, None, None], np.array([1.0, 16.0, 200.0])
    prompts = np.array([100.0, 3000.0])[:, None]
    many = serve(
        service(request_rate=rates, batch_limit=limits, prompt_length=prompts,
                reserved_length=prompts + 256.0)
    )  # fmt: skip
    for at in np.ndindex(4, 2, 3):
        prompt = float(prompts[at[1], 0])
        one = serve(
            service(request_rate=float(rates[at[0], 0, 0]), batch_limit=float(limits[at[2]]),
                    prompt_length=prompt, reserved_length=prompt + 256.0)
        )  # fmt: skip
        assert np.broadcast_to(many.busy, (4, 2, 3))[at] == pytest.approx(one.busy, rel=1e-9)
        for name in one.performance:
            alone, among = one.performance.si(name), many.performance.si(name)
            if not isinstance(alone, str):
                value = np.broadcast_to(among, (4, 2, 3))[at]
                assert value == pytest.approx(alone, rel=1e-8, abs=1e-9), name
            ends = one.performance.si_interval(name)
            if ends:
                these = (np.broadcast_to(end, (4, 2, 3))[at]
                         for end in many.performance.si_interval(name))  # fmt: skip
                assert list(these) == pytest.approx(list(ends), rel=1e-8, abs=1e-9), name


def test_a_request_alone_takes_its_prompt_and_its_tokens():
    asked = service(request_rate=1e-6)
    found = serve(asked).performance
    common = {"precision": "bf16", "runtime": CHAT.runtime}
    prompt = Engine.solve(CHAT.model, CHAT.system, phase="prefill", sequence_length=1024, **common)
    token = Engine.solve(CHAT.model, CHAT.system, phase="decode", context_length=1280, **common)
    assert found.si("time_to_first_token") == pytest.approx(prompt.si("latency"), rel=1e-4)
    whole = prompt.si("latency") + 256 * token.si("latency")
    assert found.si("request_latency") == pytest.approx(whole, rel=1e-4)
    assert found.si("waiting_time") == found.si("waiting_time_p99") == 0.0


@pytest.mark.parametrize("rate", [0.5, 5.0, 9.0, 20.0])
def test_requests_in_flight_follow_little(rate):
    served = serve(service(request_rate=rate))
    found = served.performance
    inside = found.si("request_latency") - found.si("waiting_time")
    assert found.si("sequences_in_flight") == pytest.approx(found.si("served_rate") * inside)
    tokens = found.si("throughput") * served.busy
    assert tokens == pytest.approx(found.si("served_rate") * 256)
    assert found.si("request_latency") - found.si("waiting_time") == pytest.approx(
        256 * found.si("latency")
    )
    parts = ("compute_time", "memory_time", "communication_time", "overhead_time")
    assert sum(found.si(part) for part in parts) == pytest.approx(found.si("latency"))
    assert found.si("power") * found.si("latency") == pytest.approx(found.si("energy"))
    assert found.si("energy_per_sample") == pytest.approx(
        found.si("power") / found.si("throughput")
    )


@pytest.mark.parametrize("batch", [1.0, 2.0, 61.0, 333.0, 1000.0])
def test_at_capacity_every_step_is_that_of_the_full_batch(batch):
    found = serve(service(request_rate=500.0, batch_limit=batch)).performance
    full = Engine.solve(
        CHAT.model, CHAT.system, phase="serving", batch_size=batch, sequence_length=1024,
        output_length=256, context_length=1280, precision="bf16", runtime=CHAT.runtime,
    )  # fmt: skip
    assert found.si("latency") == pytest.approx(full.si("latency"), rel=2e-4)
    assert found.si("request_capacity") == pytest.approx(full.si("throughput") / 256, rel=2e-4)
    assert found.si("power") == pytest.approx(full.si("power"), rel=2e-4)
    assert found.si("model_flops_utilization") == pytest.approx(
        full.si("model_flops_utilization"), rel=2e-4
    )
    assert found.si("binding_limit") == full.si("binding_limit")


# Ledgers.


@pytest.fixture(scope="module")
def chat():
    return ServingSimulation("Inference", "CloudTitan")


def test_only_what_answers_token_by_token_is_served():
    assert set(ServingSimulation.applications()) == {"Assistant", "Inference"}
    with pytest.raises(InvalidInput, match=r"'Doorbell'.*Doorbell camera does not answer prompts"):
        ServingSimulation("Doorbell")
    offered = {choice.name for choice in ServingSimulation("Assistant").choices}
    assert offered.isdisjoint({"replicas", "tensor"})


@pytest.mark.parametrize(("degree", "largest"), [(1, None), (3, 2), (4, 4), (7, 4), (8, 8)])
def test_heads_are_divided_evenly(chat, degree, largest):
    found = {verdict.constraint: verdict for verdict in chat.evaluate({"tensor": degree}).verdicts}
    verdict = found.get("Heads divide evenly")
    if largest is None:
        assert verdict is None
    else:
        assert (verdict.limit, verdict.holds) == (largest, degree == largest)
        assert "64 attention heads" in verdict.remedy


def test_more_replicas_never_let_wait_longer(chat):
    found = [chat.evaluate({"request_rate": 25, "replicas": n}) for n in (1, 2, 3, 4, 8, 64)]
    for name in TIMES:
        values = [ledger.performance.si(name) for ledger in found]
        assert values == sorted(values, reverse=True), name
    answered = [ledger.performance.si("served_rate") for ledger in found]
    assert answered == sorted(answered)
    assert answered[-1] == pytest.approx(25.0)


def test_overload_is_an_answer_and_the_remedy_works(chat):
    ledger = chat.evaluate({"request_rate": 25})
    (crowded,) = [v for v in ledger.violations if v.constraint == "Requests answered"]
    capacity = ledger.performance.si("request_capacity")
    assert crowded.value == pytest.approx(25 / capacity)
    assert crowded.remedy.startswith("Run 3 replicas, raise the batch limit")
    assert ledger.performance.si("served_rate") == pytest.approx(capacity)
    hour = 3600.0 * (25 / capacity - 1) / 2
    assert ledger.performance.si("waiting_time") == pytest.approx(hour, rel=0.01)
    for replicas, holds in ((2, False), (3, True)):
        again = chat.evaluate({"request_rate": 25, "replicas": replicas})
        assert ("Requests answered" not in {v.constraint for v in again.violations}) is holds
    ledger.to_json()


def test_the_cache_has_room_for_as_many_as_it_says(chat):
    """80 layers, 8 heads of 128 for keys and for values, 2 bytes, divided among 8 devices."""
    token = 80 * 2 * 8 * 128 * 2 / 8
    free = 0.9 * Hardware["H100"].memory_bytes - CHAT.model.parameters * 2 / 8
    for admission, tokens in (("paged", 1024 + 256), ("reserved", 4096)):
        ledger = chat.evaluate({"admission": admission})
        fitting = ledger.performance.si("sequences_that_fit")
        assert fitting == np.floor(free / (tokens * token))
        assert ledger.performance.si("cache_memory") == pytest.approx(64 * tokens * token)
        full = chat.evaluate({"admission": admission, "batch_limit": 1024, "request_rate": 1000})
        assert full.performance.si("sequences_in_flight") == pytest.approx(min(fitting, 1024))
        holds = "Cache holds the batch" not in {v.constraint for v in full.violations}
        assert holds is (fitting >= 1024)
        remedy = next(v for v in full.violations if v.constraint == "Requests answered").remedy
        assert ("page the cache" in remedy) is (fitting < 1024)


def test_a_model_that_does_not_fit_says_so(chat):
    ledger = chat.evaluate({"tensor": 1})
    assert {"Fits in memory", "Cache holds the batch"} <= {
        verdict.constraint for verdict in ledger.violations
    }
    assert ledger.performance.si("sequences_that_fit") == 1.0


@pytest.mark.parametrize("rate", [0.3, 12.0])
def test_cost_and_energy_of_a_token_worked_by_hand(chat, rate):
    region, days = Regions.France, 100.0
    ledger = chat.evaluate(
        {"region": region.name, "duration_days": days, "replicas": 3, "request_rate": rate,
         "tensor": 4}
    )  # fmt: skip
    hall, gpu = Facilities[CHAT.facility], Hardware["H100"]
    seconds, devices = days * 86_400.0, 12
    busy = rate / 3 * 256 / ledger.performance.si("throughput")
    idle = 4 * (gpu.idle_power_w + 575.0)
    power = 3 * (idle + busy * (ledger.performance.power_w - idle))
    energy = power * seconds * hall.power_usage_effectiveness
    capital = gpu.price_usd * devices * days / (5 * 365.25)
    cost = capital + energy / 3.6e6 * region.price_usd_per_kwh
    tokens = rate * 256 * seconds
    assert ledger.sustainability.si("energy") == pytest.approx(energy, rel=1e-9)
    assert ledger.economics.tco_usd == pytest.approx(cost, rel=1e-9)
    found = ledger.economics.si("cost_per_million_output_tokens")
    assert found == pytest.approx(1e6 * cost / tokens, rel=1e-9)
    low, high = ledger.economics.si_interval("cost_per_million_output_tokens")
    assert low < found < high
    assert ledger.reliability.si("devices") == devices
    whole = chat.evaluate({"duration_days": days})
    assert ledger.reliability.si("expected_failures") == pytest.approx(
        2 * whole.reliability.si("expected_failures")
    ), "twelve devices stand in two nodes"


def test_a_sweep_holds_what_single_evaluations_hold(chat):
    rates, replicas = np.array([0.5, 5.0, 25.0])[:, None, None], np.array([1, 3])[:, None]
    many = chat.evaluate(
        {"request_rate": rates, "replicas": replicas, "prompt_length": np.array([100, 9000])}
    )
    for at in np.ndindex(3, 2, 2):
        one = chat.evaluate({"request_rate": rates[at[0], 0, 0], "replicas": (1, 3)[at[1]],
                             "prompt_length": (100, 9000)[at[2]]})  # fmt: skip
        for path in metric_paths():
            alone, among = one.si(path), many.si(path)
            if alone is not None and not isinstance(alone, str):
                value = np.broadcast_to(among, (3, 2, 2))[at]
                assert value == pytest.approx(alone, rel=1e-8, abs=1e-9), path
        for verdict, each in zip(one.verdicts, many.verdicts, strict=True):
            assert np.broadcast_to(each.holds, (3, 2, 2))[at] == verdict.holds, verdict.constraint


def test_more_requests_move_the_tail_most(chat):
    around = chat.sensitivity({"request_rate": 8.0})
    tail = "performance.time_to_first_token_p99"
    assert around.elasticity(tail, "request_rate") > 5.0
    assert around.elasticity("economics.tco", "replicas") == pytest.approx(1.0, abs=0.2)
    assert around.elasticity(tail, "duration_days") == 0.0


def test_longer_service_and_more_of_it_scale(chat):
    once, twice = (chat.evaluate({"duration_days": days}) for days in (50, 100))
    many = chat.evaluate({"duration_days": 50, "replicas": 2, "request_rate": 10.0})
    for path in ("sustainability.energy", "sustainability.water", "sustainability.carbon",
                 "economics.tco", "reliability.expected_failures"):  # fmt: skip
        for other in (twice, many):
            assert other.si(path) == pytest.approx(2 * once.si(path), rel=1e-12), path
    assert many.si("reliability.devices") == 2 * once.si("reliability.devices")
    assert twice.performance == once.performance


def test_a_service_is_one_whoever_runs_it_and_phones_are_as_many_as_there_are(chat):
    others = ServingSimulation("Inference", "TinyPioneer").evaluate({})
    assert others.economics == chat.evaluate({}).economics
    one, two = (
        ServingSimulation("Assistant", replace(Personas.CloudTitan, scale_factor=count))
        for count in (1, 2)
    )
    ratio = one.evaluate({}).compare(two.evaluate({}))["economics.tco"].ratio
    assert ratio == pytest.approx(2)


def test_a_fuller_batch_makes_tokens_cheaper_and_slower(chat):
    quiet, busy = (chat.evaluate({"request_rate": rate}) for rate in (0.5, 8.0))
    assert busy.performance.si("energy_per_sample") < quiet.performance.si("energy_per_sample") / 3
    dear, cheap = (each.economics.cost_per_million_output_tokens_usd for each in (quiet, busy))
    assert cheap < dear / 10
    assert busy.performance.latency > quiet.performance.latency


@pytest.mark.parametrize("application", ["Inference", "Assistant"])
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_chosen_the_ledger_is_finite(application, seed):
    random = np.random.default_rng(seed)
    simulation = ServingSimulation(application, "EdgeGuardian")
    choice = {}
    for each in simulation.choices:
        if hasattr(each, "options"):
            choice[each.name] = str(random.choice([option.value for option in each.listed()]))
        else:
            value = float(np.exp(random.uniform(np.log(each.minimum), np.log(each.maximum))))
            choice[each.name] = round(value) if each.integer else value
    ledger = simulation.evaluate(choice)
    ledger.to_json()
    assert all(type(verdict.holds) is bool for verdict in ledger.verdicts)
    performance = ledger.performance
    assert performance.si("waiting_time") >= 0.0
    assert performance.si("served_rate") <= performance.si("request_capacity") * (1 + 1e-12)
    assert performance.si("time_to_first_token") <= performance.si("request_latency") * (1 + 1e-9)
    for name in TIMES:
        ends = performance.si_interval(name)
        assert ends.low <= performance.si(name) * (1 + 1e-9), name
        assert ends.high >= performance.si(name) * (1 - 1e-9), name


def _first_token(ledger):
    (found,) = [each for each in ledger.verdicts if each.constraint == "First token"]
    return found


def test_who_waits_is_told_to_shorten_the_queue_and_who_reads_to_shorten_the_prompt(chat):
    assert _first_token(chat.evaluate({})).limit == 2.0
    reading = chat.evaluate({"request_rate": 0.01, "prompt_length": 100_000})
    assert reading.performance.si("waiting_time_p99") < 0.5 * reading.performance.si(
        "time_to_first_token_p99"
    )
    assert _first_token(reading).remedy.startswith("Shorten the prompt")
    waiting = chat.evaluate({"request_rate": 25})
    assert "more replicas" in _first_token(waiting).remedy
    owner = ServingSimulation("Assistant").evaluate({"request_rate": 1.0})
    assert "fewer requests" in _first_token(owner).remedy
    several = chat.evaluate({"request_rate": np.array([1.0, 25.0])})
    assert "Keep the queue short" in _first_token(several).remedy


@pytest.mark.parametrize(("precision", "width"), [("bf16", 2), ("fp8", 1)])
def test_narrower_weights_leave_room_for_more_sequences(chat, precision, width):
    """70.6 billion weights over 8 devices; keys and values of 8 heads of 128 stay in 16 bits."""
    run = chat.evaluate({"precision": precision}).performance
    free = 0.9 * Hardware["H100"].memory_bytes - CHAT.model.parameters * width / 8
    token = 80 * 2 * 8 * 128 * 2 / 8
    assert run.si("sequences_that_fit") == np.floor(free / (1280 * token))
