"""Cast: who the student is, which makes one lab four: another story, application and limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from mlsysim.choices import OptionChoice
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.personas import Personas
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets.dashboard import Dashboard
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lesson import Part

ROLE = "course/persona"
"""The entry that all labs share: who the student is in each of them."""


_DEPTH = 2


class Cast(Part):
    """Who the student is: each persona with an application of the simulation and a story.

    A third entry says where a persona begins: the choices that differ from the application's own.
    What asks the cast is answered for the persona that plays now; all labs share who that is.

    >>> from mlsysim import NodeSimulation
    >>> cast = Cast(Journal("vol1-11"), NodeSimulation, {
    ...     "CloudTitan": ("Inference", "Your chat service grows."),
    ...     "TinyPioneer": ("Doorbell", "Your cameras must last a year.")})
    >>> limit = cast.value("performance.binding_limit")
    >>> limit()
    'memory bandwidth'
    >>> cast.play("TinyPioneer")
    >>> limit(), cast.simulation.scenario.name
    ('arithmetic', 'Doorbell')
    >>> round(cast.ratio("performance.flash_used", precision="fp32")(), 1)
    4.0
    >>> cast.optimum("precision", minimize="performance.latency", precision="all")()
    'int8'
    """

    kind = "cast"

    persona = traitlets.Unicode()

    def __init__(
        self,
        journal: Journal,
        simulation: type[BaseSimulation],
        stories: Mapping[str, tuple[str, str] | tuple[str, str, Mapping[str, Any]]],
    ):
        if not stories:
            raise InvalidInput("stories", stories, "an application and a story for some persona")
        self._simulation = simulation
        told = {Personas[name].name: story for name, story in stories.items()}
        self._stories = {name: story[:2] for name, story in told.items()}
        self._begins = {name: dict(*story[2:]) for name, story in told.items()}
        for name, (application, _) in self._stories.items():
            simulation(application, name).complete(self._begins[name])
        super().__init__(journal)

    @property
    def personas(self) -> tuple[str, ...]:
        """The personas to choose from."""
        return tuple(self._stories)

    @property
    def simulation(self) -> BaseSimulation:
        """The simulation for the persona that plays now."""
        return self._simulation(self._stories[self.persona][0], self.persona)

    @property
    def start(self) -> dict[str, Any]:
        """The choices with which the persona that plays now begins."""
        return self._begins[self.persona]

    def play(self, persona: str) -> None:
        """Become another persona, in this lab and the next; raise `UnknownName` for none of it."""
        if not isinstance(persona, str) or persona not in self._stories:
            raise UnknownName("persona", persona, self._stories)
        self.journal.write(ROLE, "role", {"persona": persona})

    def ledger(self, **choice: Any) -> SystemLedger:
        """Return the ledger of a choice, from where the persona that plays now begins."""
        return self.simulation.evaluate({**self.start, **choice})

    def value(self, path: str, **choice: Any) -> Callable[[], Any]:
        """Return what gives a number (as a quantity) or a fact of that ledger when asked."""
        group, _, name = path.partition(".")
        return lambda: getattr(getattr(self.ledger(**choice), group), name)

    def best(
        self, path: str, offers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    ) -> Callable[[], str]:
        """Return what names the best of a persona's offers when asked: designs by their names."""

        def found() -> str:
            own = offers[self.persona]
            designs = {name: {**self.start, **offer} for name, offer in own.items()}
            return self.simulation.best_of(path, designs)

        return found

    def ratio(self, path: str, **choice: Any) -> Callable[[], float | None]:
        """Return what gives, when asked, how many times as large a choice makes a number."""
        return lambda: self.ledger().compare(self.ledger(**choice))[path].ratio

    def relative_to(
        self, other: SystemLedger, path: str, **choice: Any
    ) -> Callable[[], float | None]:
        """Return what gives, when asked, how many times a number of another ledger this one is."""
        return lambda: other.compare(self.ledger(**choice))[path].ratio

    def optimum(self, name: str, **problem: Any) -> Callable[[], Any]:
        """Return what gives, when asked, a choice of the best design: an option as people read it.

        The problem is put as to `BaseSimulation.optimize`.
        """

        def found() -> Any:
            simulation = self.simulation
            value = simulation.optimize(**{**self.start, **problem}).choice[name]
            (declared,) = (each for each in simulation.choices if each.name == name)
            options = declared.listed() if isinstance(declared, OptionChoice) else ()
            labels = {option.value: option.label for option in options}
            return labels.get(value, value)

        return found

    def explanation(self, path: str, **choice: Any) -> Callable[[], str]:
        """Return what explains a number of that ledger when asked: its law and its inputs."""
        return lambda: self.ledger(**choice).explain(path).text(depth=_DEPTH)

    def dashboard(self, **options: Any) -> Dashboard:
        """Return a dashboard of the simulation, where the persona that plays now begins."""
        return Dashboard(self.simulation, **{**self.start, **options})

    def describe(self) -> Mapping[str, Any]:
        """Return the personas to choose from, and the story of the one that plays."""
        names = list(self._stories)
        options = [
            {"value": name, "label": f"{Personas[name].label}. {Personas[name].role}."}
            for name in names
        ]
        return {
            "heading": "Your part",
            "field": {"kind": "options", "legend": "Who are you?", "options": options},
            "value": self._playing(),
            "buttons": [{"action": "play", "label": "Play this part", "primary": True}],
            "told": {
                "tone": "plain",
                "title": Personas[self._playing()].label,
                "lines": [self._stories[self._playing()][1]],
                "bars": [],
                "code": "",
            },
        }

    def paint(self) -> None:
        """Show the present part, then let what depends on it follow."""
        super().paint()
        self.persona = self._playing()

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the one thing to do: to become somebody else."""
        return {"play": self.play}

    def _playing(self) -> str:
        said = self.journal.entry(ROLE) or {}
        persona = str(said.get("persona", ""))
        return persona if persona in self._stories else next(iter(self._stories))
