"""Dashboard: the widget that ties controls, one evaluation and the views together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from mlsysim.errors import InvalidInput, MLSysimError, UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.personas import Personas
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets import binding, controls
from mlsysim_widgets.comparing import Pinned, comparison
from mlsysim_widgets.explaining import explained
from mlsysim_widgets.history import History, State
from mlsysim_widgets.picture import EMPTY, picture
from mlsysim_widgets.scripts import script, style
from mlsysim_widgets.watching import watched

if TYPE_CHECKING:
    from mlsysim.ledger.comparison import Comparison

ACTIONS = ("undo", "redo", "reset", "pin", "restore", "unpin", "surprise")
"""What the browser may ask for by name, beside explanations and links."""


class Dashboard(anywidget.AnyWidget):
    """A live ledger with a control for everything that a simulation declares.

    Takes an instance or a class, and choices to start from. A value that cannot be used, and any
    error of a simulation, is told in `error` and in the panel; the last good `ledger` stays.
    `surprises` offers a button for designs that students would not think of.

    >>> from mlsysim import ResourceSimulation
    >>> dashboard = Dashboard(ResourceSimulation, region="Quebec")
    >>> before = dashboard.ledger.sustainability.carbon_kg
    >>> dashboard.choose(region="Poland")
    >>> dashboard.ledger.sustainability.carbon_kg > before
    True
    >>> dashboard.choose(region="Polland")
    >>> print(dashboard.error.split(". ")[-1])
    Did you mean 'Poland'?
    >>> dashboard.undo()
    >>> dashboard.pin()
    >>> dashboard.choose(region="France")
    >>> dashboard.comparison["sustainability.operational_carbon"].verdict
    'better'
    """

    _esm = script("dashboard.js")
    _css = style("theme.css", "dashboard.css", "figures.css")

    # What to draw, what was chosen, what came of it: one message each way for one change.
    spec = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True, echo_update=False)
    view = traitlets.Dict().tag(sync=True)
    ledger = traitlets.Instance(SystemLedger, allow_none=True)
    error = traitlets.Unicode()

    def __init__(self, simulation: Any, *, surprises: bool = False, **choice: Any):
        self._simulation = binding.instance_of(simulation)
        self._personas = _listed(Personas, self._simulation.persona)
        self._applications = _listed(self._simulation.applications(), self._simulation.scenario)
        self._history = History()
        self._pinned: Pinned | None = None
        actions = [name for name in ACTIONS if surprises or name != "surprise"]
        self._offered = [*actions, "copy", "explain", "explore"]
        self._random = Random(0)  # noqa: S311 - it draws designs and guards nothing
        self._answered: State = {}
        self._moment: Any = None
        self._sequence = itertools.count(1)
        self._watched = ""
        self._specified: BaseSimulation | None = None
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
        if self._history.past:
            self._answer(self._history.back(self._answered), returning=True, record=False)

    def redo(self) -> None:
        """Go forward again to the state that was left by going back."""
        if self._history.future:
            self._answer(self._history.forward(self._answered), returning=True, record=False)

    def reset(self) -> None:
        """Go back to the state in which the dashboard was made."""
        self._answer(self._first, returning=True)

    @property
    def comparison(self) -> Comparison | None:
        """The present ledger held against the pinned one; None where none is pinned."""
        if self._pinned is None or self.ledger is None:
            return None
        return self._pinned.ledger.compare(self.ledger)

    def pin(self) -> None:
        """Keep the present design as A, to hold the next ones against it."""
        if self.ledger is not None and not self.error:
            self._pinned = Pinned(self._answered, self.ledger, self.view["sentence"])
            self._repaint()

    def unpin(self) -> None:
        """Let go of the pinned design."""
        self._pinned = None
        self._repaint()

    def restore(self) -> None:
        """Go back to the pinned design."""
        if self._pinned is not None:
            self._answer(self._pinned.state, returning=True)

    def surprise(self) -> None:
        """Go to a design at random that breaks or mends another constraint."""
        if "surprise" in self._offered and self.ledger is not None:
            choice = self._answered["choice"]
            found = binding.surprising(self._simulation, choice, self.ledger, self._random)
            self._answer({**self._answered, "choice": found}, returning=True)

    def follow(self, link: Any) -> None:
        """Go to the design of a link, given as names with the texts of their values."""
        present = {name: self._answered[name] for name in ("persona", "application")}
        try:
            given = binding.linked(link)
            whose = {name: given.pop(name, own) for name, own in present.items()}
            self._moved({**whose, "choice": {}}, returning=True)
        except MLSysimError as error:
            self._refuse(self._answered, self._answered["choice"], error, record=False)
            return
        self._answer({**whose, "choice": given}, returning=True)

    def embed(self, path: str | Path, **axes: Sequence[Any]) -> str:
        """Write this dashboard as one page without Python; return the line that embeds it.

        The page offers all personas and applications, or those given, and the values given for
        any declared choice; each combination is evaluated now. Everything else stays as it is.
        Raises `UnknownName` for an axis that is not declared, `InvalidInput` for bad values.
        """
        from mlsysim_widgets.embed import iframe, page, part_of

        personas = _chosen("persona", self._personas, axes.pop("persona", None))
        applications = _chosen("application", self._applications, axes.pop("application", None))
        part = part_of(
            self._simulation,
            self._answered["choice"],
            axes,
            personas={name: self._personas[name] for name in personas},
            applications={name: self._applications[name] for name in applications},
        )
        title = str(part.spec["title"])
        Path(path).write_text(page(title, [part]), "utf-8")
        return iframe(path, title)

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
        if not self._is_news(state):
            # A message that overtook this state has brought it before.
            self.state = self._answered
        elif _design(state) != _design(self._answered):
            self._answer(state)
        elif state.get("metric") != self._answered.get("metric"):
            self._answered = _sendable(state, state["choice"])
            self._repaint()
        else:
            # A drag that ended: what was passed through is now a state to come back to.
            self._answered = state

    def _is_news(self, state: Mapping[str, Any]) -> bool:
        """Note a state, and say whether it is a new one; the browser numbers its own."""
        before, self._moment = self._moment, state.get("moment", self._moment)
        return "moment" not in state or state["moment"] != before

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        asked = content if isinstance(content, Mapping) else {}
        newest = asked.get("state")
        if isinstance(newest, dict) and newest.get("moment") not in (None, self._moment):
            self.state = newest
        action = asked.get("action")
        if action == "explain":
            path = asked.get("path")
            self.send({"reply": "explain", "path": path, **explained(self.ledger, path)})
        elif action == "explore":
            name = asked.get("name")
            self.send({"reply": "explore", "name": name, **self._explored(name)})
        elif action == "offer":
            self.send({"reply": "offer", "offered": self._offers()})
        elif action == "enlarge":
            self._enlarge(asked.get("name"))
        elif action == "library":
            from mlsysim_widgets.views.plotly import library_source

            self.send({"reply": "library"}, [library_source()])
        elif action == "follow":
            self.follow(asked.get("link"))
        elif action in ACTIONS:
            getattr(self, str(action))()

    def _answer(
        self, state: Mapping[str, Any], *, returning: bool = False, record: bool = True
    ) -> None:
        choice = state.get("choice")
        try:
            choice = self._moved(state, returning=returning)
            choice = self._simulation.complete(choice)
            ledger = self._simulation.evaluate(choice)
            painted = picture(self._simulation, ledger, choice)
        except Exception as error:  # noqa: BLE001 - whatever a simulation raises is shown in place
            self._refuse(state, choice, error, record=record)
        else:
            self._watched = watched(self.ledger, ledger, self._watched)
            self.ledger, self.error = ledger, ""
            self._show(_sendable(state, choice), painted, record=record)

    def _refuse(
        self, state: Mapping[str, Any], choice: Any, error: Exception, *, record: bool
    ) -> None:
        problem = {"problem": binding.problem(error, self._simulation), "stale": True}
        self.error = str(error) if isinstance(error, MLSysimError) else repr(error)
        self._show(_sendable(state, choice), {**EMPTY, **self.view, **problem}, record=record)

    def _repaint(self) -> None:
        self._show(self._answered, self.view, record=False)

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

    def _show(self, state: State, painted: Mapping[str, Any], *, record: bool) -> None:
        before, self._answered = self._answered, state
        settled = bool(before) and not before.get("draft")
        if record and settled and _design(before) != _design(state):
            self._history.record(before)
        with self.hold_sync():
            self._specify()
            self.state = state
            self.view = {
                **painted,
                "sequence": next(self._sequence),
                "state": _design(state),
                "moment": self._moment,
                "undo": self._history.past,
                "redo": self._history.future,
                "comparison": self.ledger and comparison(self._pinned, self.ledger),
                "around": self._around(state),
                "watched": state.get("metric") or self._watched,
            }

    def _specify(self) -> None:
        """Describe the controls, which are other ones only for another simulation."""
        if self._specified is not self._simulation:
            self._specified = self._simulation
            declared = controls.specification(self._simulation, self._personas, self._applications)
            self.spec = {**declared, "actions": self._offered}

    def _offers(self) -> list[dict[str, str]]:
        from mlsysim_widgets.explorations import offered

        return offered(self._simulation, self.ledger) if self.ledger else []

    def _enlarge(self, name: Any) -> None:
        from mlsysim_widgets.views.plotly import plotly_spec

        for figure in self.view["figures"]:
            if figure["name"] == name:
                self.send({"reply": "enlarge", "name": name, "plotly": plotly_spec(figure)})

    def _explored(self, name: Any) -> dict[str, Any]:
        from mlsysim_widgets.explorations import explored
        from mlsysim_widgets.views.plotly import plotly_spec

        if self.ledger is None or self.error:
            error = InvalidInput("design", self.error, "one that could be evaluated")
            return {"problem": binding.problem(error, self._simulation), "figure": None}
        pinned = self._pinned.ledger if self._pinned else None
        choice, metric = self._answered["choice"], self.view["watched"]
        try:
            figure = explored(
                name, self._simulation, choice, self.ledger, pinned=pinned, metric=metric
            )
        except Exception as error:  # noqa: BLE001 - whatever a simulation raises is shown in place
            return {"problem": binding.problem(error, self._simulation), "figure": None}
        return {"problem": None, "figure": {**figure, "plotly": plotly_spec(figure)}}

    def _around(self, state: Mapping[str, Any]) -> Any:
        moved, metric = state.get("moved"), state.get("metric") or self._watched
        if self.error or not (moved and metric):
            return None
        from mlsysim_widgets.views.curve import around

        try:
            return around(self._simulation, state["choice"], moved, metric)
        except MLSysimError:
            return None


def _listed(registry: Mapping[str, Any], own: Any) -> dict[str, Any]:
    return {**registry, own.name: own}


def _chosen(field: str, twins: Mapping[str, Any], given: Any) -> list[str]:
    names = list(twins) if given is None else [getattr(each, "name", each) for each in given]
    return [str(_named(field, twins, name).name) for name in names]


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
        "moved": binding.plain(state.get("moved")),
        "metric": binding.plain(state.get("metric")),
    }
