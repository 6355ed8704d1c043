"""Dashboard: the widget that ties controls, one evaluation and the views together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from mlsysim.errors import MLSysimError, UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.personas import Personas
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets import binding, cards, controls
from mlsysim_widgets.scripts import script, style
from mlsysim_widgets.views import figures

State = dict[str, Any]

_NOTHING = {"sentence": "", "cards": [], "verdicts": [], "figures": [], "python": ""}


class Dashboard(anywidget.AnyWidget):
    """A live ledger with a control for everything that a simulation declares.

    Takes an instance or a class, and choices to start from. A value that cannot be used, and any
    error of a simulation, is told in `error` and in the panel; the last good `ledger` stays.

    >>> from mlsysim import ResourceSimulation
    >>> dashboard = Dashboard(ResourceSimulation, region="Quebec")
    >>> before = dashboard.ledger.sustainability.carbon_kg
    >>> dashboard.choose(region="Poland")
    >>> dashboard.ledger.sustainability.carbon_kg > before
    True
    >>> dashboard.choose(region="Polland")
    >>> print(dashboard.error.split(". ")[-1])
    Did you mean 'Poland'?
    """

    _esm = script("dashboard.js")
    _css = style("dashboard.css")

    # What to draw, what was chosen, what came of it: one message each way for one change.
    spec = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True, echo_update=False)
    view = traitlets.Dict().tag(sync=True)
    ledger = traitlets.Instance(SystemLedger, allow_none=True)
    error = traitlets.Unicode()

    def __init__(self, simulation: Any, **choice: Any):
        self._simulation = binding.instance_of(simulation)
        self._personas = _listed(Personas, self._simulation.persona)
        self._applications = _listed(self._simulation.applications(), self._simulation.scenario)
        self._past: list[State] = []
        self._answered: State = {}
        self._sequence = itertools.count(1)
        start = {
            "persona": self._simulation.persona.name,
            "application": self._simulation.scenario.name,
            "choice": self._simulation.defaults,
        }
        self._answer(self._changed(start, choice))
        self._first = self._answered
        super().__init__()
        self.on_msg(self._on_message)

    @property
    def simulation(self) -> BaseSimulation:
        """The simulation that is asked."""
        return self._simulation

    @property
    def persona(self) -> str:
        """The name of the persona."""
        return str(self.state["persona"])

    @persona.setter
    def persona(self, persona: Any) -> None:
        """Evaluate again for another persona, given by name or as a record."""
        self.choose(persona=persona)

    @property
    def application(self) -> str:
        """The name of the application."""
        return str(self.state["application"])

    @application.setter
    def application(self, application: Any) -> None:
        """Evaluate again for another application, given by name or as a record."""
        self.choose(application=application)

    def choose(self, **changes: Any) -> None:
        """Change persona, application or any declared choice, and evaluate once.

        Raises `UnknownName` for a name that is not declared.
        """
        self._answer(self._changed(self.state, changes))

    def undo(self) -> None:
        """Go back to the state before the last change."""
        if self._past:
            self._answer(self._past.pop(), returning=True, record=False)

    def reset(self) -> None:
        """Go back to the state in which the dashboard was made."""
        self._answer(self._first, returning=True)

    def _changed(self, state: Mapping[str, Any], changes: Mapping[str, Any]) -> State:
        names = ["persona", "application", *(choice.name for choice in self._simulation.choices)]
        given = {name: getattr(value, "name", value) for name, value in changes.items()}
        for name in given:
            if name not in names:
                raise UnknownName("choice", name, names)
        return {
            "persona": given.pop("persona", state["persona"]),
            "application": given.pop("application", state["application"]),
            "choice": {**state["choice"], **given},
        }

    @traitlets.observe("state")
    def _on_state(self, change: Any) -> None:
        state = change["new"]
        if _design(state) == _design(self._answered):
            # A drag that ended: what was passed through is now a state to come back to.
            self._answered = state
        else:
            self._answer(state)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        action = content.get("action") if isinstance(content, dict) else None
        if action in ("undo", "reset"):
            getattr(self, action)()

    def _answer(
        self, state: Mapping[str, Any], *, returning: bool = False, record: bool = True
    ) -> None:
        choice = state.get("choice")
        try:
            choice = self._moved(state, returning=returning)
            choice = self._simulation.complete(choice)
            ledger = self._simulation.evaluate(choice)
            picture = self._picture(ledger, choice)
        except Exception as error:  # noqa: BLE001 - whatever a simulation raises is shown in place
            words = str(error) if isinstance(error, MLSysimError) else repr(error)
            picture = {"problem": binding.problem(error, self._simulation), "stale": True}
            self._show(_sendable(state, choice), {**_NOTHING, **self.view, **picture}, record)
            self.error = words
        else:
            self._show(_sendable(state, choice), picture, record)
            self.ledger, self.error = ledger, ""

    def _moved(self, state: Mapping[str, Any], *, returning: bool) -> Any:
        """Rebuild the simulation where persona or application changed; return its choice."""
        application = _named("application", self._applications, state.get("application"))
        persona = _named("persona", self._personas, state.get("persona"))
        before = self._simulation
        self._simulation = binding.rebuilt(before, application, persona)
        choice = state.get("choice")
        if returning or self._simulation is before or not isinstance(choice, Mapping):
            return choice
        return binding.carried_over(choice, before, self._simulation)

    def _picture(self, ledger: SystemLedger, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "problem": None,
            "stale": False,
            "sentence": cards.sentence(self._simulation, ledger, choice),
            "cards": cards.cards(ledger),
            "verdicts": cards.verdicts(ledger),
            "figures": figures(ledger),
            "python": binding.python_line(self._simulation, choice),
        }

    def _show(self, state: State, picture: Mapping[str, Any], record: bool) -> None:
        before, self._answered = self._answered, state
        settled = bool(before) and not before.get("draft")
        if record and settled and _design(before) != _design(state):
            self._past.append(before)
        with self.hold_sync():
            self.spec = controls.specification(self._simulation, self._personas, self._applications)
            self.state = state
            self.view = {
                **picture,
                "sequence": next(self._sequence),
                "state": _design(state),
                "undo": bool(self._past),
            }


def _listed(registry: Mapping[str, Any], own: Any) -> dict[str, Any]:
    return {**registry, own.name: own}


def _named(field: str, twins: Mapping[str, Any], name: Any) -> Any:
    if isinstance(name, str) and name in twins:
        return twins[name]
    raise UnknownName(field, name, twins)


def _design(state: Mapping[str, Any]) -> State:
    return {name: state.get(name) for name in ("persona", "application", "choice")}


def _sendable(state: Mapping[str, Any], choice: Any) -> State:
    values = choice if isinstance(choice, Mapping) else {}
    return {
        "persona": binding.plain(state.get("persona")),
        "application": binding.plain(state.get("application")),
        "choice": {str(name): binding.plain(value) for name, value in values.items()},
        "draft": bool(state.get("draft")),
    }
