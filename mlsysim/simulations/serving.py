"""Language models that answer requests: how fast, how many at once, and what a token costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_YEAR, Constants
from mlsysim.engine.serving import Service, serve
from mlsysim.facilities import Facilities
from mlsysim.ledger import Economics, Performance, Reliability, SystemLedger, Verdict
from mlsysim.models import ModelSpec, Transformer
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import DURATION, FACILITY, PRECISION, REGION
from mlsysim.simulations.deployment import Deployment, ends_of, verdicts
from mlsysim.tracing import as_float

_PHASES = {"prefill", "decode"}
_MILLION = 1e6
_RESERVED, _PAGED = "reserved", "paged"


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Requests per second: the least, the usual and the most."""

    least: float
    usual: float
    most: float


# One person asks a phone about fifty times a day; a node that thousands share is half busy.
_ONE_PERSON = _Traffic(1e-5, 1 / (SECONDS_PER_HOUR / 2.0), 1.0)
_MANY_PEOPLE = _Traffic(0.01, 5.0, 1000.0)


def _shared(simulation: Any) -> bool:
    """Tell a service in a data centre from a device that answers its owner."""
    return bool(simulation.scenario.system.hardware.tier == "cloud")


def _traffic(simulation: Any) -> _Traffic:
    return _MANY_PEOPLE if _shared(simulation) else _ONE_PERSON


def _divisible(simulation: Any) -> bool:
    several = simulation.scenario.system.devices_per_node > 1
    return several and isinstance(simulation.scenario.model, Transformer)


class ServingSimulation(BaseSimulation):
    """How a language model answers requests that arrive at random, and what a token costs.

    Each replica decodes a batch that requests join between two steps, as long as there is a slot;
    others wait: in the steady state, or where more arrives than can be answered, as builds up in
    an hour. Replicas share the requests at random. Performance is that of one replica, but requests
    answered and request capacity are those of all.

    >>> sim = ServingSimulation("Inference", "CloudTitan")
    >>> calm, rush = (sim.evaluate({"request_rate": rate}) for rate in (5, 12))
    >>> calm.feasible, [verdict.constraint for verdict in rush.violations]
    (True, ['First token', 'Requests answered'])
    """

    title: ClassVar[str] = "Serving a language model"
    default_application: ClassVar[str] = "Inference"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        DURATION,
        NumberChoice(
            name="request_rate",
            label="Requests per second",
            help="How many requests arrive at all replicas together, at random.",
            unit="1/second",
            minimum=lambda simulation: _traffic(simulation).least,
            maximum=lambda simulation: _traffic(simulation).most,
            default=lambda simulation: _traffic(simulation).usual,
            scale="log",
        ),
        NumberChoice(
            name="prompt_length",
            label="Prompt",
            help="Tokens that a request brings.",
            unit="dimensionless",
            minimum=1,
            maximum=131_072,
            default=int(Constants["conversation_prompt_tokens"].value),
            integer=True,
            scale="log",
        ),
        NumberChoice(
            name="output_length",
            label="Answer",
            help="Tokens of an answer on average; single ones are shorter and longer at random.",
            unit="dimensionless",
            minimum=1,
            maximum=16_384,
            default=int(Constants["conversation_output_tokens"].value),
            integer=True,
            scale="log",
        ),
        NumberChoice(
            name="batch_limit",
            label="Batch limit",
            help="Most sequences that one replica answers at once; others wait.",
            unit="dimensionless",
            minimum=1,
            maximum=lambda simulation: max(256, 16 * simulation.scenario.batch_size),
            default=lambda simulation: simulation.scenario.batch_size,
            integer=True,
            scale="log",
        ),
        OptionChoice(
            name="admission",
            label="Cache",
            help="Reserve the whole context of a sequence, or hand out pages as it grows.",
            options=(_RESERVED, _PAGED),
            default=lambda simulation: _PAGED if _shared(simulation) else _RESERVED,
        ),
        PRECISION,
        NumberChoice(
            name="replicas",
            label="Replicas",
            help="Copies of the model that share the requests.",
            unit="dimensionless",
            minimum=1,
            maximum=1024,
            default=1,
            integer=True,
            scale="log",
            applies=_shared,
        ),
        NumberChoice(
            name="tensor",
            label="Tensor degree",
            help="Devices of a replica, which divide every operator among themselves.",
            unit="dimensionless",
            minimum=1,
            maximum=lambda simulation: simulation.scenario.system.devices_per_node,
            default=lambda simulation: simulation.scenario.system.layout.tensor,
            integer=True,
            structural=True,
            scale="log",
            applies=_divisible,
        ),
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application that does not answer token by token has no such queue."""
        answers = application.phase in _PHASES and set(application.model.phases) >= _PHASES
        return None if answers else f"{application.label} does not answer prompts token by token."

    @property
    def units(self) -> float:
        """One where devices are shared: a service is as large as its replicas, whoever runs it."""
        return 1 if _shared(self) else super().units

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of the replicas that answer the requests."""
        scenario = self._scenario(choice)
        replicas = choice.get("replicas", 1)
        served = serve(self._service(scenario, choice))
        deployment = Deployment(
            scenario=scenario,
            performance=_of_all(served.performance, replicas, scenario.system.layout.tensor),
            units=self.units * replicas,
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=1.0,
            utilization=served.busy,
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=_economics(
                deployment, deployment.economics(sustainability), choice["output_length"]
            ),
            reliability=self._failures(deployment, replicas),
        )
        own = (*self._verdicts(ledger, choice), *_divided(scenario.model, ledger))
        return replace(ledger, verdicts=(*own, *verdicts(scenario, ledger)))

    def _scenario(self, choice: dict[str, Any]) -> Application:
        system = self.scenario.system
        layout = replace(system.layout, tensor=choice.get("tensor", system.layout.tensor))
        return replace(self.scenario, system=replace(system, layout=layout))

    def _service(self, scenario: Application, choice: dict[str, Any]) -> Service:
        prompt, output = choice["prompt_length"], choice["output_length"]
        reserved: Any = prompt + output
        if choice["admission"] == _RESERVED:
            # Nobody knows how long an answer will be, so there must be room for the longest.
            reserved = np.maximum(reserved, scenario.sequence_length or 0)
        return Service(
            model=scenario.model,
            system=scenario.system,
            precision=choice["precision"],
            runtime=scenario.runtime,
            request_rate=choice["request_rate"] / choice.get("replicas", 1),
            batch_limit=choice["batch_limit"],
            prompt_length=prompt,
            output_length=output,
            reserved_length=reserved,
            period_s=SECONDS_PER_HOUR,
        )

    def _failures(self, deployment: Deployment, replicas: Any) -> Reliability:
        """Return failures by node: small replicas stand in one node together."""
        system, scale = deployment.scenario.system, self.units
        share = min(1.0, system.devices / system.devices_per_node)
        nodes = replace(deployment, units=scale * np.ceil(replicas * share))
        found = nodes.failures(deployment.scenario.failure_rate)
        return found.replace(devices=deployment.devices)

    def _verdicts(self, ledger: SystemLedger, choice: dict[str, Any]) -> tuple[Verdict, ...]:
        performance = ledger.performance
        return (
            Verdict(
                "Requests answered",
                "performance.offered_load",
                performance.si("offered_load"),
                1.0,
                "dimensionless",
                "at most",
                _more_capacity(performance, choice),
            ),
            Verdict(
                "First token",
                "performance.time_to_first_token_p99",
                performance.si("time_to_first_token_p99"),
                Constants["first_token_deadline"].value,
                "second",
                "at most",
                _sooner(performance, choice),
            ),
            Verdict(
                "Cache holds the batch",
                "performance.sequences_that_fit",
                performance.si("sequences_that_fit"),
                choice["batch_limit"],
                "sample",
                "at least",
                "Hand out the cache in pages, lower the batch limit, shorten prompts, narrow the "
                "precision, or divide the model over more devices.",
            ),
        )


def _divided(model: ModelSpec, ledger: SystemLedger) -> Iterator[Verdict]:
    """Hold the tensor degree against the largest one up to it that leaves no head over."""
    degree = ledger.performance.si("tensor_degree")
    if degree is not None and isinstance(model, Transformer):
        yield Verdict(
            "Heads divide evenly",
            "performance.tensor_degree",
            degree,
            float(next(each for each in range(int(degree), 0, -1) if model.heads % each == 0)),
            "dimensionless",
            "at most",
            f"Choose a tensor degree that divides {model.heads} attention heads.",
        )


def _of_all(performance: Performance, replicas: Any, degree: int) -> Performance:
    """Return the performance of one replica with the requests of all of them."""
    rates = ("served_rate", "request_capacity")
    whole = performance.replace(
        tensor_degree=as_float(degree) if degree > 1 else None,
        **{name: performance.si(name) * replicas for name in rates},
    )
    return whole.within(**{name: partial(_times, performance, name, replicas) for name in rates})


def _times(performance: Performance, name: str, factor: Any) -> tuple[Any, Any]:
    low, high = ends_of(performance, name)
    return low * factor, high * factor


def _economics(deployment: Deployment, found: Economics, tokens_each: Any) -> Economics:
    """Return the costs with those of tokens: so many are answered, however long a step takes."""
    each = found.si("cost_per_sample")
    ends = partial(_cost_ends, deployment, found, tokens_each)
    return found.replace(cost_per_million_output_tokens=each * _MILLION).within(
        cost_per_sample=partial(ends, 1.0), cost_per_million_output_tokens=partial(ends, _MILLION)
    )


def _cost_ends(
    deployment: Deployment, found: Economics, tokens_each: Any, tokens: float
) -> tuple[Any, Any]:
    """Return the ends of the cost of so many tokens: fewest of them dearly, most cheaply."""
    performance = deployment.performance
    share = deployment.samples / performance.si("served_rate") / tokens_each
    costs, rates = ends_of(found, "tco"), ends_of(performance, "served_rate")
    dear, cheap = (
        tokens * formulas.cost_per_sample(cost, rate * tokens_each * share)
        for cost, rate in zip(reversed(costs), rates, strict=True)
    )
    return cheap, dear


def _more_capacity(performance: Performance, choice: dict[str, Any]) -> str:
    """Say what would answer all requests."""
    load, fitting = performance.si("offered_load"), performance.si("sequences_that_fit")
    others = "narrow the precision or shorten prompts and answers"
    if ndim(load) or ndim(fitting) or ndim(choice["batch_limit"]):
        return f"Add replicas, raise the batch limit, {others}."
    slots = "page the cache" if fitting < choice["batch_limit"] else "raise the batch limit"
    if "replicas" not in choice or ndim(choice["replicas"]):
        return f"Ask less often, {slots}, {others}."
    needed = int(np.floor(load * choice["replicas"])) + 1
    return f"Run {needed} replicas, {slots}, {others}."


def _sooner(performance: Performance, choice: dict[str, Any]) -> str:
    """Say what would bring the first token forward: shorter queues, or shorter prompts."""
    waiting, whole = (
        performance.si(f"{name}_p99") for name in ("waiting_time", "time_to_first_token")
    )
    if ndim(whole) == 0 and waiting < whole / 2.0:
        return "Shorten the prompt, narrow the precision or divide the model over more devices."
    fewer = "more replicas" if "replicas" in choice else "fewer requests"
    return f"Keep the queue short: {fewer}, a larger batch limit, shorter answers."
