"""The shape every simulation has: declared choices in, a system ledger out."""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from mlsysim.applications import Application, Applications
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.personas import Persona, Personas
from mlsysim.registry import Registry
from mlsysim.simulations.choices import Choice
from mlsysim.systems import System
from mlsysim.tracing import current_recorder, is_traced

if TYPE_CHECKING:
    from mlsysim.derivation import TwinRecorder

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
        return {name: given.get(name, choice.default) for name, choice in declared.items()}

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


def _pick(field: str, registry: Registry[Any], given: Any) -> Any:
    if isinstance(given, str):
        return registry[given]
    if given in registry.values():
        return given
    if type(given) in {type(known) for known in registry.values()}:
        return given
    raise InvalidInput(field, given, f"one of {', '.join(registry)}, or a record of that kind")
