"""Designs: the one that a student decides for, and where the next lab begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from mlsysim.errors import InvalidInput, UnknownName
from mlsysim_widgets import binding
from mlsysim_widgets.dashboard import Dashboard
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lesson import Gate, Part


class Decision(Part):
    """Saves the present design of a dashboard with the reason that the student picks.

    The design that is pinned beside it is named too. Deciding again adds a version.

    >>> from mlsysim import ResourceSimulation
    >>> journal = Journal("vol1-00")
    >>> dashboard = Dashboard(ResourceSimulation, region="Quebec")
    >>> decision = Decision(journal, "region", dashboard, "Where?", reasons=["Cheap", "Clean"])
    >>> decision.decide("Clean")
    >>> journal.choice("vol1-00/region", region="Poland")
    {'region': 'Quebec'}
    """

    kind = "decision"

    def __init__(
        self,
        journal: Journal,
        name: str,
        source: Dashboard | Gate,
        question: str,
        *,
        reasons: Sequence[str],
    ):
        self.name = name
        self.question = question
        self.reasons = tuple(reasons)
        self._source = source
        super().__init__(journal)
        if isinstance(source, Gate):
            source.observe(lambda _change: self.paint(), "part")

    @property
    def dashboard(self) -> Dashboard | None:
        """The dashboard whose design is saved; None while its gate is closed."""
        return self._source.part if isinstance(self._source, Gate) else self._source

    def first_dashboard(self) -> Dashboard:
        """Return the dashboard that a student begins with, even while its gate is closed."""
        source = self._source
        first: Dashboard = source.make() if isinstance(source, Gate) else source
        return first

    def decide(self, reason: str) -> None:
        """Save the present design; raise `InvalidInput` where there is none, or no such reason."""
        if self.dashboard is None:
            raise InvalidInput(self.name, reason, "a decision once the instruments are open")
        if self.dashboard.error:
            accepted = "a design that can be evaluated"
            raise InvalidInput(self.name, reason, accepted, "Mend it on the dashboard first.")
        if reason not in self.reasons:
            raise UnknownName("reason", reason, self.reasons)
        self.journal.write(
            self.name,
            "decision",
            {
                "question": self.question,
                "reason": reason,
                "design": design_of(self.dashboard),
                "against": _against(self.dashboard),
            },
        )

    def describe(self) -> Mapping[str, Any]:
        """Return the question with its reasons, and what was decided."""
        heading = {"heading": "Decide"}
        if self.dashboard is None:
            closed = f"Opens together with the instruments: {self.question}"
            return {**heading, "lines": [closed], "closed": True}
        entry = self.journal.entry(self.name)
        options = [{"value": str(i), "label": reason} for i, reason in enumerate(self.reasons)]
        label = "Save this design instead" if entry else "Save this design"
        reason = entry and entry["reason"]
        return {
            **heading,
            "field": {"kind": "options", "legend": self.question, "options": options},
            "value": str(self.reasons.index(reason)) if reason in self.reasons else None,
            "buttons": [{"action": "decide", "label": label, "primary": True, "needsValue": True}],
            "told": entry and {**told(entry), "title": "Saved in your design journal"},
        }

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the one thing to do: to decide."""
        return {"decide": self._decide_as_sent}

    def _decide_as_sent(self, value: Any) -> None:
        places = {str(place): reason for place, reason in enumerate(self.reasons)}
        if value not in places:
            raise InvalidInput("reason", value, "one of the reasons above")
        self.decide(places[value])


class Greeting(Part):
    """Says what was decided in an earlier lab, and begins there: where a `Gate` starts.

    The preset is the expert's design, for those who start in the middle; its names are what is
    taken over from the student's own.

    >>> greeting = Greeting(Journal("vol1-03"), "vol1-02/region", region="Quebec")
    >>> greeting.own, greeting.choice
    (False, {'region': 'Quebec'})
    """

    kind = "greeting"

    expert = traitlets.Bool()

    def __init__(self, journal: Journal, name: str, **preset: Any):
        self.name = name
        self.preset = preset
        self._begun: list[Any] = []
        super().__init__(journal)

    @property
    def own(self) -> bool:
        """Whether the student's own design is taken."""
        return not self.expert and self.journal.entry(self.name) is not None

    @property
    def choice(self) -> dict[str, Any]:
        """What a dashboard begins with."""
        return self.journal.choice(self.name, **self.preset) if self.own else dict(self.preset)

    def begin(self, held: Any, *arguments: Any, **options: Any) -> Any:
        """Make a dashboard that begins here, from the preset where an old choice is no use."""
        part = held(*arguments, **{**options, **self.choice})
        refused = getattr(part, "error", "")
        if self.own and refused:
            part = held(*arguments, **{**options, **self.preset})
        self._begun.append(part)
        return part

    def turn(self) -> None:
        """Go over from the student's own design to the expert's, or back."""
        self.expert = not self.expert
        for part in self._begun:
            part.choose(**self.choice)
        self.paint()

    def describe(self) -> Mapping[str, Any]:
        """Return what was decided, and where this lab begins."""
        lab = self.name.partition("/")[0]
        entry = self.journal.entry(self.name)
        if entry is None:
            line = (
                f"Your journal holds no decision from lab {lab}: you begin from an expert's design."
            )
            return {"heading": "Where you begin", "lines": [line]}
        begins = "an expert's design" if self.expert else "your own design"
        other = "your own design" if self.expert else "an expert's design"
        return {
            "heading": "Welcome back",
            "told": {**told(entry), "title": f"What you decided in lab {lab}"},
            "lines": [f"This lab begins from {begins}."],
            "buttons": [{"action": "turn", "label": f"Begin from {other} instead"}],
        }

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the one thing to do: to change where the lab begins."""
        return {"turn": lambda _value: self.turn()}


def design_of(dashboard: Dashboard) -> dict[str, Any]:
    """Return the present design of a dashboard as a journal keeps it."""
    choice = {name: binding.plain(value) for name, value in dashboard.state["choice"].items()}
    headlines = [card["metrics"][0] for card in dashboard.view["cards"]]
    return {
        "simulation": type(dashboard.simulation).__name__,
        "persona": dashboard.persona,
        "application": dashboard.application,
        "choice": {name: value for name, value in choice.items() if value is not None},
        "sentence": dashboard.view["sentence"],
        "numbers": [
            {
                "path": metric["path"],
                "label": metric["label"],
                "text": metric["text"],
                "value": binding.plain(dashboard.ledger and dashboard.ledger.si(metric["path"])),
            }
            for metric in headlines
        ],
    }


def told(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision as a part tells it."""
    against = [f"Held against A: {entry['against']}"] if entry["against"] else []
    lines = [entry["design"]["sentence"], f"Because: {entry['reason']}", *against]
    return {"tone": "plain", "title": "", "lines": lines, "bars": [], "code": ""}


def _against(dashboard: Dashboard) -> str:
    compared = dashboard.view.get("comparison")
    return str(compared["sentence"]) if compared else ""
