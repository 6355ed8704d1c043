"""The shape every simulation has: declared choices in, a system ledger out."""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mlsysim.applications import Application, Applications
from mlsysim.choices import Choice
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.personas import Persona, Personas
from mlsysim.registry import Registry
from mlsysim.systems import System
from mlsysim.tracing import current_recorder, is_traced

if TYPE_CHECKING:
    from mlsysim.derivation import TwinRecorder
    from mlsysim.explore.front import Front
    from mlsysim.explore.optimum import Optimum
    from mlsysim.explore.sensitivity import Sensitivity
    from mlsysim.explore.sweep import Sweep
    from mlsysim.ledger import Comparison

Evaluate = Callable[[Any, dict[str, Any]], SystemLedger]


def _checked(evaluate: Evaluate) -> Evaluate:
    @functools.wraps(evaluate)
    def wrapped(self: BaseSimulation, choice: Mapping[str, Any] | None = None) -> SystemLedger:
        complete = self.complete(choice)
        ledger = evaluate(self, complete)
        if not isinstance(ledger, SystemLedger):
            raise InvalidInput(f"{type(self).__name__}.evaluate", ledger, "a SystemLedger")
        if not ledger.context:
            ledger = replace(ledger, context=self._context(complete))
        if current_recorder() is None:
            record = functools.partial(
                self._record, evaluate, self.scenario, self.persona, complete
            )
            object.__setattr__(ledger, "_record", record)
        return ledger

    return wrapped


class BaseSimulation(ABC):
    """A decision: what one choice means for an application at a persona's scale.

    Subclass it, list the `choices`, and write `evaluate`. The choice that `evaluate` receives is
    complete and checked; what it returns gets the context of the evaluation.

    >>> from mlsysim import Performance
    >>> class Doubling(BaseSimulation):
    ...     def evaluate(self, choice: dict) -> SystemLedger:
    ...         return SystemLedger(performance=Performance(latency=self.persona.scale_factor))
    >>> Doubling().evaluate({}).performance.latency_s
    10000000.0
    """

    choices: tuple[Choice, ...] = ()
    title: ClassVar[str] = ""
    default_application: ClassVar[str] = "Doorbell"
    default_persona: ClassVar[str] = "TinyPioneer"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "evaluate" in vars(cls):
            setattr(cls, "evaluate", _checked(cls.evaluate))  # noqa: B010 - mypy bars the plain form

    def __init__(
        self, scenario: Application | str | None = None, persona: Persona | str | None = None
    ):
        self.scenario: Application = _pick(
            "application", Applications, self.default_application if scenario is None else scenario
        )
        self.persona: Persona = _pick(
            "persona", Personas, self.default_persona if persona is None else persona
        )
        reason = self.refusal(self.scenario)
        if reason is not None:
            accepted = ", ".join(self.applications())
            raise InvalidInput("application", self.scenario.name, accepted, reason)
        self.choices = tuple(
            choice.resolve(self)
            for choice in type(self).choices
            if choice.applies is None or choice.applies(self)
        )

    @classmethod
    def refusal(cls, application: Application) -> str | None:  # noqa: ARG003 - for subclasses
        """Return why this decision makes no sense for an application, or None where it does."""
        return None

    @classmethod
    def applications(cls) -> dict[str, Application]:
        """Return the registered applications that the decision makes sense for, by name."""
        return {name: each for name, each in Applications.items() if cls.refusal(each) is None}

    @abstractmethod
    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return what `choice` leads to; choices left out take their default."""

    @property
    def units(self) -> float:
        """How many units of the application the persona runs."""
        return self.persona.scale_factor

    @property
    def defaults(self) -> dict[str, Any]:
        """The choice a practitioner would start from."""
        return {choice.name: choice.default for choice in self.choices}

    def complete(self, choice: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the whole choice, checked, with defaults filled in; raise `InvalidInput`."""
        if not isinstance(choice, Mapping | None):
            raise InvalidInput("choice", choice, "a dictionary from choice name to value")
        declared = {declaration.name: declaration for declaration in self.choices}
        given = {}
        for name, value in (choice or {}).items():
            if not isinstance(name, str) or name not in declared:
                raise UnknownName("choice", name, declared)
            # A traced number was checked when the ledger that is explained was made.
            given[name] = value if is_traced(value) else declared[name].validate(value)
        _check_shapes(given)
        return {name: given.get(name, choice.default) for name, choice in declared.items()}

    def sweep(
        self,
        *,
        metrics: Sequence[str] | None = None,
        chunks: int | None = None,
        client: Any = None,
        **choices: Any,
    ) -> Sweep:
        """Evaluate every combination of the values given for choices, as arrays.

        A list or array gives values, a pair in a tuple a range, "all" everything that is declared;
        a single value holds a choice fixed, and those left out keep their default. `metrics`
        restricts what is kept. `chunks` bounds the points of one evaluation, and a
        `dask.distributed` client has the chunks evaluated on its workers.

        Raises `InvalidInput` or `UnknownName` for choices that are not declared or accepted.

        >>> from mlsysim import ResourceSimulation
        >>> ResourceSimulation().sweep(region="all", duration_days=(1, 3650), metrics=[])
        <Sweep of 3,900 points: region × 156, duration_days × 25; 4 metrics and verdicts>
        """
        from mlsysim.explore.space import space_of
        from mlsysim.explore.sweep import sweep

        return sweep(space_of(self, choices), metrics=metrics, chunks=chunks, client=client)

    def optimize(
        self,
        *,
        minimize: str | None = None,
        maximize: str | None = None,
        subject_to: Mapping[str, str] | None = None,
        respect_verdicts: bool = True,
        **choices: Any,
    ) -> Optimum:
        """Find the best design where the choices named vary, given as for `sweep`.

        Lists are searched exhaustively, ranges by SciPy's differential evolution. `subject_to`
        bounds metrics, as in {"performance.latency": "<= 200 ms"}; the simulation's own verdicts
        bind too, unless `respect_verdicts` is false.

        Raises `Infeasible`, which says what to relax and by how much, where no design will do.

        >>> from mlsysim import ResourceSimulation
        >>> best = ResourceSimulation("Inference").optimize(
        ...     minimize="sustainability.carbon", region=["Quebec", "Poland"])
        >>> best.choice["region"], best.runner_up.choice["region"]
        ('Quebec', 'Poland')
        """
        from mlsysim.explore.optimum import optimize, problem_of
        from mlsysim.explore.space import space_of

        problem = problem_of(minimize, maximize, subject_to or {}, respect_verdicts)
        return optimize(space_of(self, choices), problem)

    def pareto(
        self, first: str, second: str, *, respect_verdicts: bool = True, **choices: Any
    ) -> Front:
        """Return the designs of which none is better in one of two metrics and as good in both.

        >>> from mlsysim import NodeSimulation
        >>> front = NodeSimulation("Inference").pareto(
        ...     "performance.latency", "economics.cost_per_sample", batch_size=[1, 8, 64])
        >>> [design.choice["batch_size"] for design in front]
        [1, 8, 64]
        """
        from mlsysim.explore.front import front
        from mlsysim.explore.space import space_of

        return front(space_of(self, choices), first, second, respect_verdicts=respect_verdicts)

    def sensitivity(self, at: Mapping[str, Any] | None = None) -> Sensitivity:
        """Return how much each metric moves with each choice, around a design.

        >>> from mlsysim import ResourceSimulation
        >>> around = ResourceSimulation().sensitivity()
        >>> round(around.elasticity("sustainability.energy", "duration_days"), 6)
        1.0
        """
        from mlsysim.explore.sensitivity import sensitivity

        return sensitivity(self, at)

    def compare(
        self, first: Mapping[str, Any] | None, second: Mapping[str, Any] | None
    ) -> Comparison:
        """Hold what a second choice leads to against what a first one does.

        >>> from mlsysim import ResourceSimulation
        >>> found = ResourceSimulation().compare({"region": "Poland"}, {"region": "Quebec"})
        >>> found["sustainability.operational_carbon"].verdict
        'better'
        """
        return self.evaluate(dict(first or {})).compare(self.evaluate(dict(second or {})))

    def best_of(self, metric: str, designs: Mapping[str, Mapping[str, Any]]) -> str:
        """Return the name of the design that is best in a metric and keeps every constraint.

        Raises `InvalidInput` for a metric without a better end, and where no design will do.

        >>> from mlsysim import NodeSimulation
        >>> chips = {"old": {"hardware": "A100"}, "new": {"hardware": "H200"}}
        >>> NodeSimulation("Inference").best_of("performance.latency", chips)
        'new'
        """
        better = SystemLedger.metric(metric).better
        if better is None:
            raise InvalidInput("metric", metric, "one that is better when higher or lower")
        ledgers = {name: self.evaluate(dict(choice)) for name, choice in designs.items()}
        values = {
            name: value
            for name, ledger in ledgers.items()
            if ledger.feasible and (value := ledger.si(metric)) is not None
        }
        if not values:
            raise InvalidInput("designs", list(designs), "one that keeps every constraint")
        return (min if better == "lower" else max)(values, key=values.__getitem__)

    def _record(
        self,
        evaluate: Evaluate,
        scenario: Application,
        persona: Persona,
        complete: Mapping[str, Any],
        recorder: TwinRecorder,
    ) -> SystemLedger:
        """Evaluate once more with traced numbers."""
        units = {each.name: getattr(each, "unit", "") for each in self.choices}
        twin = copy.copy(self)
        with recorder.recording():
            twin.scenario, twin.persona = recorder.traced(scenario), recorder.traced(persona)
            return evaluate(twin, recorder.choices(complete, units))

    def _get_system_archetype(self) -> System:
        return self.scenario.system

    def _context(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "simulation": type(self).__name__,
            "application": self.scenario.name,
            "persona": self.persona.name,
            "choice": dict(choice),
        }


def _check_shapes(given: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` for the first array that has no entry for each point of the others."""
    shape: tuple[int, ...] = ()
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            try:
                shape = np.broadcast_shapes(shape, value.shape)
            except ValueError:
                accepted = f"an array that goes with the shape {shape} of the others"
                raise InvalidInput(name, f"shape {value.shape}", accepted) from None


def _pick(field: str, registry: Registry[Any], given: Any) -> Any:
    if isinstance(given, str):
        return registry[given]
    if given in registry.values():
        return given
    if type(given) in {type(known) for known in registry.values()}:
        return given
    raise InvalidInput(field, given, f"one of {', '.join(registry)}, or a record of that kind")
