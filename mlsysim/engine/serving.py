"""Continuous batching under random arrivals: how full the batch is, who waits, for how long.

Requests arrive at random (Poisson) and join the batch between two steps, as long as there is a
slot. How fast the batch decodes depends on how many are in it, so the number in flight is a
birth-and-death chain whose rates are the step times of the solver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from mlsysim import formulas
from mlsysim.arrays import common_shape, ndim
from mlsysim.engine.solver import Engine
from mlsysim.ledger import Performance
from mlsysim.models import ModelSpec
from mlsysim.runtimes import Runtime
from mlsysim.systems import System

TAIL = 0.99
# An answer ends with any of its tokens alike, so that the rest of it is always as long as a whole.
_ANSWER_VARIATION = 1.0
_SHARE_OF_MEMORY = 0.9
# A chance so small that no deployment lives to see it.
_NEVER = 1e-12

# The solver is asked at each of the first batches, then at ever wider steps.
_GROWTH = 1.04

_PARTS = ("compute_time", "memory_time", "communication_time", "bubble_time", "overhead_time")
_RATES = ("power", "model_flops_utilization", "achieved_flop_rate", "arithmetic_intensity")
_AS_THEY_ARE = (
    "ridge_point",
    "peak_flop_rate",
    "memory_bandwidth",
    "unit_of_work",
    "accuracy",
    "precision",
    "hardware",
)
_MEMORY = (
    "memory_used",
    "memory_capacity",
    "weight_memory",
    "activation_memory",
    "cache_memory",
)
_TIMED = (
    "latency",
    "time_to_first_token",
    "time_to_first_token_p99",
    "waiting_time",
    "waiting_time_p99",
    "request_latency",
    "request_latency_p99",
    "offered_load",
    "served_rate",
    "request_capacity",
    "sequences_in_flight",
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """One replica of a language model, the requests that come to it, and how it admits them.

    `batch_limit` is the most sequences in flight, `reserved_length` how many tokens of cache each
    of them holds. `period_s` is how long the peak lasts that starts with an empty queue. Rate,
    limit and lengths may be arrays that broadcast against each other.
    """

    model: ModelSpec
    system: System
    precision: str
    runtime: Runtime
    request_rate: Any
    batch_limit: Any
    prompt_length: Any
    output_length: Any
    reserved_length: Any
    period_s: float

    def fitting(self) -> Any:
        """Return for how many sequences there is room, at least 1."""
        tokens = np.ravel(self.reserved_length) * 1.0
        fitting = Engine.largest_batch(
            self.model,
            self.system,
            tokens_per_sequence=tokens,
            share_of_memory=_SHARE_OF_MEMORY,
            precision=self.precision,
            runtime=self.runtime,
        )
        return np.reshape(fitting, np.shape(self.reserved_length))

    def solve(self, phase: str, **arguments: Any) -> Performance:
        """Return the engine's answer to arguments that broadcast against each other."""
        # Requests bring their prompts here, even to a runtime that could have them cached.
        runtime = replace(self.runtime, interleaves_prompts=True)
        return Engine.solve(
            self.model,
            self.system,
            phase=phase,
            precision=self.precision,
            runtime=runtime,
            **arguments,
        )

    def step(self, batch_size: Any) -> Performance:
        """Return a step of so many sequences in flight, with its share of reading prompts."""
        return self.solve(
            "serving",
            batch_size=batch_size,
            sequence_length=self.prompt_length,
            output_length=self.output_length,
            context_length=self.context_length,
        )

    @property
    def context_length(self) -> Any:
        """Tokens a sequence in flight has behind it on average: its prompt, and some answer."""
        behind = formulas.residual_fraction(coefficient_of_variation=_ANSWER_VARIATION)
        return self.prompt_length + self.output_length * behind


@dataclass(frozen=True, slots=True)
class Served:
    """What a replica does: its performance while it works, and the share of time it does."""

    performance: Performance
    busy: Any


@dataclass(frozen=True, slots=True)
class _Chain:
    """The states of a replica: the first axis counts the requests there, waiting or in flight.

    `step` is the time of one step in each, `prompt_share` the part of it that prompts take;
    `prefill` is what one prompt takes by itself.
    """

    slots: Any
    in_flight: Any
    step: Any
    prompt_share: Any
    parts: Mapping[str, Any]
    rates: Mapping[str, Any]
    same: Mapping[str, Any]
    prefill: Any


def serve(service: Service) -> Served:
    """Return how one replica performs during a peak.

    μ_n = n / (o · t_n): n sequences in flight finish so many answers of o tokens per second

    Everything is the mean over the time in which it works, but the metrics of requests are those
    of a request that arrives at any time. Where more arrives than can be answered, waiting is what
    builds up over the period.

    >>> from mlsysim import Applications
    >>> chat = Applications.Inference
    >>> def ask(rate):
    ...     return serve(Service(
    ...         model=chat.model, system=chat.system, precision="bf16", runtime=chat.runtime,
    ...         request_rate=rate, batch_limit=64, prompt_length=1024, output_length=256,
    ...         reserved_length=1280, period_s=3600.0)).performance
    >>> ask(2.0).time_to_first_token < ask(8.0).time_to_first_token
    True
    """
    fitting = service.fitting()
    slots = np.minimum(service.batch_limit, fitting)
    chain, ends = _chain(service, slots)
    values, busy = _steady_state(service, chain)
    memory = service.solve("decode", batch_size=slots, context_length=service.reserved_length)
    values |= {name: memory.si(name) for name in _MEMORY}
    if ndim(values["latency"]) == 0:
        working = np.maximum(np.round(values["sequences_in_flight"] / busy), 1.0)
        values["binding_limit"] = service.step(float(working)).si("binding_limit")
    performance = Performance(**values, sequences_that_fit=fitting).within(
        **dict.fromkeys(("power", "energy", "energy_per_sample"), ends.energy_factor),
        **{name: partial(ends.of, name) for name in _TIMED},
    )
    return Served(performance, busy)


@dataclass(frozen=True)
class _Ends:
    """What the interval of a step makes of everything that depends on it."""

    service: Service
    chain: _Chain
    between: _Between
    step: Performance
    prefill: Performance

    @property
    def energy_factor(self) -> float:
        """By what factor energy may be off."""
        interval = self.step.si_interval("power")
        return 1.0 if interval is None else float(np.max(interval.high / self.step.si("power")))

    def of(self, name: str) -> tuple[Any, Any]:
        """Return the ends of the interval of a metric."""
        one, other = (each[name] for each in self._states)
        return np.minimum(one, other), np.maximum(one, other)

    @cached_property
    def _states(self) -> list[dict[str, Any]]:
        steps, prefills = (each.si_interval("latency") for each in (self.step, self.prefill))
        if steps is None or prefills is None:
            return [_steady_state(self.service, self.chain)[0]] * 2
        chains = (
            replace(self.chain, step=self.between.interpolated(step), prefill=prefill)
            for step, prefill in zip(steps, prefills, strict=True)
        )
        return [_steady_state(self.service, each)[0] for each in chains]


def _chain(service: Service, slots: Any) -> tuple[_Chain, _Ends]:
    """Return the states as predicted, and what tells how far off they may be."""
    asked = (service.request_rate, service.prompt_length, service.output_length, slots)
    shape = common_shape(*asked)
    first = (-1, *(1 for _ in shape))
    most = float(np.max(slots))
    grid = _batches(most)
    states = np.arange(1.0, most + 1.0).reshape(first)
    in_flight = np.minimum(states, np.broadcast_to(slots, shape))
    between = _Between(grid, in_flight)
    batch = grid.reshape(first)
    step = service.step(batch)
    decode = service.solve("decode", batch_size=batch, context_length=service.context_length)
    prefill = service.solve("prefill", batch_size=1, sequence_length=service.prompt_length)
    without_prompts = decode.si("latency") / step.si("latency")
    known = {name: step.si(name) for name in (*_PARTS, *_RATES, *_AS_THEY_ARE)}
    chain = _Chain(
        slots=slots,
        in_flight=in_flight,
        step=between.interpolated(step.si("latency")),
        prompt_share=between.interpolated(1.0 - without_prompts),
        parts={
            name: between.interpolated(known[name]) for name in _PARTS if known[name] is not None
        },
        rates={name: between.interpolated(known[name]) for name in _RATES},
        same={name: known[name] for name in _AS_THEY_ARE},
        prefill=prefill.si("latency"),
    )
    return chain, _Ends(service, chain, between, step, prefill)


def _steady_state(service: Service, chain: _Chain) -> tuple[dict[str, Any], Any]:
    """Return the metrics of a replica, and the share of time in which it works."""
    completion = formulas.throughput(chain.in_flight, service.output_length * chain.step)
    shares = formulas.occupancy_probabilities(
        arrival_rate=service.request_rate, completion_rates=completion
    )
    busy, capacity = shares.sum(axis=0), completion[-1]
    requests = {
        "offered_load": service.request_rate / capacity,
        "served_rate": np.minimum(service.request_rate, capacity),
        "request_capacity": capacity,
        "sequences_in_flight": (shares * chain.in_flight).sum(axis=0),
    }
    work = _work(chain, shares / busy)
    full = (shares * (chain.in_flight >= chain.slots)).sum(axis=0)
    prompts = (shares * chain.prompt_share).sum(axis=0)
    times = _times(service, chain, requests, busy=busy, full=full, prompts=prompts, work=work)
    return {**work, **requests, **times}, busy


def _work(chain: _Chain, working: Any) -> dict[str, Any]:
    """Return the means over the time of work; those of a step are over the tokens it gives."""
    tokens = working * chain.in_flight / chain.step
    throughput = tokens.sum(axis=0)

    def of_a_step(values: Any) -> Any:
        return (tokens * values).sum(axis=0) / throughput

    rates = {name: (working * rate).sum(axis=0) for name, rate in chain.rates.items()}
    latency = of_a_step(chain.step)
    energy = formulas.energy(rates["power"], latency)
    return {
        "latency": latency,
        "throughput": throughput,
        "energy": energy,
        "energy_per_sample": formulas.energy_per_sample(energy, throughput * latency),
        **{name: of_a_step(part) for name, part in chain.parts.items()},
        **rates,
        **chain.same,
    }


def _times(
    service: Service,
    chain: _Chain,
    requests: Mapping[str, Any],
    *,
    busy: Any,
    full: Any,
    prompts: Any,
    work: Mapping[str, Any],
) -> dict[str, Any]:
    """Return how long requests wait for a slot, for their first token and for their last."""
    residence = formulas.residence_time(requests["sequences_in_flight"], requests["served_rate"])
    own_prompt = np.minimum(chain.prefill, residence)
    answering = np.maximum(residence - own_prompt, residence * _NEVER)
    waits = np.maximum(full, _NEVER)
    peak = {
        "completion_rate": requests["request_capacity"],
        "waits": waits,
        # The prompt takes the same time for all; what varies is the answer.
        "coefficient_of_variation": _ANSWER_VARIATION * answering / residence,
    }
    load, period = requests["offered_load"], service.period_s
    waiting = formulas.peak_queueing_delay(period, load=load, **peak)
    waiting = np.where(full > _NEVER, waiting, 0.0)
    bounded = formulas.peak_queueing_delay(period, load=np.minimum(load, 1.0), **peak)
    backlog = formulas.backlog_delay(period, load=load)
    waiting_p99 = backlog + formulas.exponential_delay_quantile(
        bounded / waits, waits=waits, quantile=TAIL
    )
    turn, turn_p99 = _turn(chain, busy=busy, prompts=prompts, step=work["latency"])
    return {
        "waiting_time": waiting,
        "waiting_time_p99": waiting_p99,
        "time_to_first_token": waiting + np.minimum(turn + own_prompt, residence),
        "time_to_first_token_p99": waiting_p99 + turn_p99 + own_prompt,
        "request_latency": waiting + residence,
        "request_latency_p99": backlog
        + own_prompt
        + formulas.response_time_quantile(
            answering, delay=bounded / waits, waits=waits, quantile=TAIL
        ),
    }


def _turn(chain: _Chain, *, busy: Any, prompts: Any, step: Any) -> tuple[Any, Any]:
    """Return how long a request with a slot waits for its turn, on average and in the tail.

    It waits for the step under way, then for the prompts in front of its own: one server whose
    times are constant.
    """
    under_way = step * (1.0 - prompts / busy)
    half = formulas.residual_fraction(coefficient_of_variation=0.0)
    queue = formulas.mean_single_server_delay(
        chain.prefill, offered=prompts, coefficient_of_variation=0.0
    )
    all_prompts = chain.slots * chain.prefill
    queue_p99 = formulas.exponential_delay_quantile(queue / prompts, waits=prompts, quantile=TAIL)
    rest_p99 = formulas.residual_time_quantile(under_way, busy=busy, quantile=TAIL)
    turn = busy * under_way * half + np.minimum(queue, all_prompts)
    turn_p99 = rest_p99 + np.minimum(queue_p99, all_prompts)
    return turn, turn_p99


def _batches(most: float) -> Any:
    """Return batches from one to just above `most`: the same ones for each, as far as they go."""
    batches = [1.0]
    while batches[-1] <= most:
        batches.append(max(batches[-1] + 1.0, float(np.floor(batches[-1] * _GROWTH))))
    return np.array(batches)


class _Between:
    """Reads values known at some batches at others, in a straight line between neighbours."""

    def __init__(self, grid: Any, at: Any):
        self._below = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
        low, high = grid[self._below], grid[self._below + 1]
        self._part = (at - low) / (high - low)
        self._shape = (len(grid), *at.shape[1:])

    def interpolated(self, values: Any) -> Any:
        known = np.broadcast_to(values, self._shape)
        low = np.take_along_axis(known, self._below, axis=0)
        high = np.take_along_axis(known, self._below + 1, axis=0)
        return low + self._part * (high - low)
