"""Lesson: predict first, then see; each part shows what the one journal of the lab says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import anywidget
import ipywidgets
import traitlets

from mlsysim.choices import NumberChoice
from mlsysim.errors import InvalidInput, MLSysimError, UnknownName
from mlsysim.ledger.comparison import Difference
from mlsysim.ledger.metrics import Metric
from mlsysim.units import number_text, to_unit, unit_text
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.scripts import script, style

NOTHING: Mapping[str, Any] = {
    "heading": "",
    "lines": [],
    "field": None,
    "value": None,
    "locked": False,
    "closed": False,
    "buttons": [],
    "told": None,
    "problem": "",
}
"""What a part shows where it says nothing else."""


class Part(anywidget.AnyWidget):
    """One part of a lesson: what it shows follows from the journal, and buttons act by name."""

    _esm = script("lesson.js")
    _css = style("theme.css", "lesson.css")

    view = traitlets.Dict().tag(sync=True)
    kind = "part"

    def __init__(self, journal: Journal):
        super().__init__()
        self.journal = journal
        self.problem = ""
        self.paint()
        journal.observe(self._on_journal, "records")
        self.on_msg(self._on_message)

    def describe(self) -> Mapping[str, Any]:
        """Return what this part shows, as far as it differs from `NOTHING`."""
        return {}

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return what the buttons do, by name; each is given what the field holds."""
        return {}

    def paint(self) -> None:
        """Show the present state."""
        self.view = {**NOTHING, "part": self.kind, "problem": self.problem, **self.describe()}

    def _on_journal(self, _change: Any) -> None:
        self.problem = ""
        self.paint()

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        asked = content if isinstance(content, Mapping) else {}
        act = self.actions().get(str(asked.get("action")))
        if act is None:
            return
        self.problem = ""
        try:
            act(asked.get("value"))
        except MLSysimError as error:
            self.problem = str(error)
        self.paint()
        # The page waits for an answer, and the view may be what it was.
        self.send({"answered": asked["action"]})


class Prediction(Part):
    """A question that is answered once, before anything that would give the answer away.

    Either `options`, each with what is said to whoever picks it (a wrong one names its
    misconception; a pair says the first where it is right, the second where not), or a number
    from `minimum` to `maximum` in a `unit`, right within a factor `within`, with what is said when
    it is too `low` or too `high`. Options that are numbers are compared by ratio: the nearest to
    the answer is right. `answer` is what the engine computed, or a function that asks it; with a
    `cast`, each persona answers for itself.

    >>> journal = Journal("vol1-02")
    >>> limit = Prediction(journal, "limit", "What binds?", answer="memory", options={
    ...     "compute": "Each weight is used once: fetching it takes longer.",
    ...     "memory": "Yes: every token reads all weights."})
    >>> limit.commit("compute")
    >>> limit.right, limit.feedback
    (False, 'Each weight is used once: fetching it takes longer.')
    >>> limit.commit("memory")
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: limit: received 'memory'; accepted: one answer, given before.
    """

    kind = "prediction"
    heading = "Predict first"
    tells_at_once = False

    committed = traitlets.Bool()

    def __init__(
        self,
        journal: Journal,
        name: str,
        question: str,
        *,
        answer: Any,
        options: Mapping[Any, str | tuple[str, str]] | None = None,
        cast: Any = None,
        minimum: float | None = None,
        maximum: float | None = None,
        unit: str = "dimensionless",
        within: float = 1.25,
        low: str = "",
        high: str = "",
    ):
        self._name = name
        self._cast = cast
        self._answer = answer
        self.question = question
        self.unit = unit
        self.within = within
        self._options: dict[Any, str | tuple[str, str]] = dict(options or {})
        self._hints = {"low": low, "high": high}
        self._number = None if options else _number(name, question, unit, minimum, maximum)
        if not callable(answer):
            self._key(answer)
        super().__init__(journal)
        if cast is not None:
            cast.observe(self._on_cast, "persona")

    @property
    def name(self) -> str:
        """What its entry is called: each persona of a cast answers for itself."""
        return f"{self._name}.{self._cast.persona.lower()}" if self._cast else self._name

    @property
    def answer(self) -> Any:
        """What the engine computed: for options, the nearest one."""
        return self._key(self._answer() if callable(self._answer) else self._answer)

    @property
    def given(self) -> str | float | None:
        """What was committed; None before."""
        given: str | float | None = self._said("given")
        return given

    @property
    def right(self) -> bool | None:
        """Whether what was committed is right; None before."""
        right: bool | None = self._said("right")
        return right

    @property
    def feedback(self) -> str:
        """What is said to whoever gave this answer; nothing before."""
        return str(self._said("feedback") or "")

    @property
    def outcome(self) -> str:
        """The prediction held against the answer in words, with the ratio for numbers."""
        given = self.given
        if given is None:
            return ""
        if isinstance(given, str):
            return "" if self.right else f"What happens: {self._text(self.answer)}."
        if given == self.answer:
            return "You predicted exactly that."
        return f"Your prediction is {_held_against(self.answer, given).words} than that."

    def commit(self, given: Any) -> None:
        """Lock an answer; raise `InvalidInput` for one that cannot be given, or a second one."""
        if self.given is not None:
            raise InvalidInput(self.name, given, "one answer, given before")
        self.journal.write(self.name, "prediction", self.judged(given))

    def judged(self, given: Any) -> dict[str, Any]:
        """Return what the journal keeps of an answer; raise `InvalidInput` for none of them."""
        value = self._number.validate(given) if self._number else self._picked(given)
        return {
            "question": self.question,
            "given": value,
            "text": self._text(value),
            "actual": self._text(self.answer),
            "right": self._judge(value),
            "feedback": self._feedback(value),
        }

    def ratio(self, given: Any) -> float | None:
        """Return how many times the outcome an answer is; None where neither is a number."""
        answer = self.answer
        return None if isinstance(answer, str) else _held_against(answer, given).ratio

    def frozen(self) -> Self:
        """Return this question with its answer worked out once and for all."""
        self._answer = self.answer
        return self

    @property
    def labels(self) -> list[str]:
        """The answers to choose from, as people read them; none for a number."""
        return [self._text(option) for option in self._options]

    def describe(self) -> Mapping[str, Any]:
        """Return the question, and what was answered."""
        committed = self.given is not None
        said = {"tone": "plain", "title": f"Committed: {self._said('text')}", "lines": []}
        told = verdict(self) if self.tells_at_once else said
        return {
            "heading": self.heading,
            "field": self._field(),
            "value": self._position(),
            "locked": committed,
            "buttons": [] if committed else [_COMMIT],
            "told": told if committed else None,
        }

    def paint(self) -> None:
        """Show the present state, then let what waits for it open."""
        super().paint()
        self.committed = self.given is not None

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the one thing to do: to commit."""
        return {"commit": self._commit_as_sent}

    def _commit_as_sent(self, value: Any) -> None:
        if self._number:
            self.commit(value)
            return
        places = {str(place): option for place, option in enumerate(self._options)}
        if value not in places:
            raise InvalidInput("answer", value, "one of the answers above")
        self.commit(places[value])

    def _said(self, field: str) -> Any:
        return (self.journal.entry(self.name) or {}).get(field)

    def _key(self, answer: Any) -> Any:
        """Return the right answer as it will be shown: for options, the one that is nearest."""
        value = to_unit("answer", answer, self.unit) if not isinstance(answer, str) else answer
        if self._number or value in self._options:
            return value if isinstance(value, str) else float(value)
        numbers = [option for option in self._options if not isinstance(option, str)]
        if isinstance(value, str) or not numbers:
            raise UnknownName("answer", answer, map(str, self._options))
        return min(numbers, key=lambda option: _held_against(value, option).factor or float("inf"))

    def _picked(self, given: Any) -> Any:
        if given not in self._options:
            raise UnknownName(self.name, given, map(str, self._options))
        return given

    def _judge(self, given: Any) -> bool:
        if given == self.answer:
            return True
        factor = _held_against(self.answer, given).factor if self._number else None
        return factor is not None and factor <= self.within

    def _feedback(self, given: Any) -> str:
        if not self._number:
            said = self._options[given]
            return said if isinstance(said, str) else said[0 if self._judge(given) else 1]
        return "" if self._judge(given) else self._hints["low" if given < self.answer else "high"]

    def _on_cast(self, _change: Any) -> None:
        # Whatever opened for one persona opens anew for the next.
        self.committed = False
        self.problem = ""
        self.paint()

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        unit = "×" if self.unit == "dimensionless" and self._options else unit_text(self.unit)
        return f"{number_text(value)} {unit}".strip()

    def _field(self) -> dict[str, Any]:
        if self._number:
            return {
                "kind": "number",
                "legend": self.question,
                "unit": unit_text(self.unit),
                "accepted": f"From {number_text(self._number.minimum)} to "
                f"{self._text(self._number.maximum)}.",
            }
        options = [{"value": str(i), "label": label} for i, label in enumerate(self.labels)]
        return {"kind": "options", "legend": self.question, "options": options}

    def _position(self) -> str | None:
        """Return what the field shows: the place of an option, or a number."""
        if self.given is None:
            return None
        if self._number:
            return number_text(float(self.given))
        return next((str(i) for i, each in enumerate(self._options) if each == self.given), "")


class Question(Prediction):
    """A question that is answered once and told at once, as at the end of a lab."""

    kind = "question"
    heading = "Does it transfer?"
    tells_at_once = True


class Reveal(Part):
    """Prediction against outcome: the ratio, what was right, and what explains the gap.

    `because` is told below it, such as `ledger.explain("performance.latency")`.
    """

    kind = "reveal"

    def __init__(self, prediction: Prediction, *, because: Any = ""):
        self.prediction = prediction
        self.because = because
        self._asked = False
        super().__init__(prediction.journal)
        prediction.observe(self._on_commit, "committed")

    def reveal(self) -> None:
        """Show the outcome; raise `InvalidInput` before a prediction is committed."""
        if not self.prediction.committed:
            raise InvalidInput(self.prediction.name, None, "a committed prediction first")
        self._asked = True
        self.paint()

    def describe(self) -> Mapping[str, Any]:
        """Return a button that reveals, then prediction and outcome."""
        heading = {"heading": "Prediction against outcome"}
        if not self.prediction.committed:
            closed = f"Opens when you have committed an answer to: {self.prediction.question}"
            return {**heading, "lines": [closed], "closed": True}
        if not self._asked:
            return {
                **heading,
                "lines": [self.prediction.question],
                "buttons": [{"action": "reveal", "label": "Reveal", "primary": True}],
            }
        because = self.because() if callable(self.because) else self.because
        told = {**verdict(self.prediction), "code": str(because)}
        return {**heading, "lines": [self.prediction.question], "told": told}

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the one thing to do: to reveal."""
        return {"reveal": lambda _value: self.reveal()}

    def _on_commit(self, change: Any) -> None:
        self._asked = self._asked and change["new"]
        self.paint()


class Gate(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """What opens when a prediction is committed: a widget, or what makes one, with its arguments.

    It is made when it is first needed. `start` is where a dashboard begins: a `Greeting`.

    >>> from mlsysim import ResourceSimulation
    >>> from mlsysim_widgets import Dashboard
    >>> limit = Prediction(Journal("vol1-02"), "limit", "What binds?", answer="memory",
    ...                    options={"compute": "", "memory": ""})
    >>> gate = Gate(limit, Dashboard, ResourceSimulation, region="Quebec")
    >>> gate.part is None
    True
    >>> limit.commit("memory")
    >>> gate.part.state["choice"]["region"]
    'Quebec'
    """

    part = traitlets.Any()

    def __init__(
        self,
        prediction: Prediction,
        held: Any,
        *arguments: Any,
        start: Any = None,
        **options: Any,
    ):
        self._closed = Closed(prediction)
        begin = start.begin if start is not None else _begin
        self.make: Callable[[], Any] = functools.partial(begin, held, *arguments, **options)
        super().__init__([self._closed], layout=ipywidgets.Layout(overflow="visible"))
        prediction.observe(self._on_commit, "committed")
        if prediction.committed:
            self._open()

    def _on_commit(self, change: Any) -> None:
        if change["new"]:
            self._open()
        else:
            self._closed.tell("")
            self.part, self.children = None, [self._closed]

    def _open(self) -> None:
        try:
            part = self.make()
        except Exception as error:  # noqa: BLE001 - whatever a part raises is told in its place
            self._closed.tell(str(error) or type(error).__name__)
            return
        self.children = [part]
        self.part = part


class Closed(Part):
    """What stands in the place of a part that is not open yet."""

    kind = "closed"

    def __init__(self, prediction: Prediction):
        self._question = prediction.question
        super().__init__(prediction.journal)

    def tell(self, problem: str) -> None:
        """Say why the part could not be opened, until it is tried again."""
        self.problem = problem
        self.paint()

    def _on_journal(self, _change: Any) -> None:
        """Go on telling: its gate says when to stop."""

    def describe(self) -> Mapping[str, Any]:
        """Return what opens the part."""
        line = f"The instruments open when you have committed an answer to: {self._question}"
        return {"heading": "Locked", "lines": [line], "closed": True}


def _begin(held: Any, *arguments: Any, **options: Any) -> Any:
    return held(*arguments, **options) if callable(held) else held


_COMMIT = {"action": "commit", "label": "Commit", "primary": True, "needsValue": True}


def verdict(prediction: Prediction) -> dict[str, Any]:
    """Return right or wrong in words, with what was said, what came out, and the feedback."""
    given, answer = prediction.given, prediction.answer
    entry = prediction.journal.entry(prediction.name) or {}
    both = [("You predicted", given, "text"), ("It is", answer, "actual")]
    bars = [{"label": label, "text": entry.get(text), "value": v} for label, v, text in both]
    told: Sequence[str] = [prediction.outcome, prediction.feedback]
    positive = all(isinstance(value, float | int) and value > 0 for value in (given, answer))
    return {
        "tone": "good" if prediction.right else "bad",
        "title": "Right" if prediction.right else "Not what happens",
        "bars": bars if positive else [],
        "lines": [line for line in told if line],
        "code": "",
    }


def _number(
    name: str, question: str, unit: str, minimum: float | None, maximum: float | None
) -> NumberChoice:
    if minimum is None or maximum is None:
        raise InvalidInput(name, None, "options, or a minimum and a maximum")
    return NumberChoice(
        name=name,
        label=question,
        help="",
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        default=minimum,
    )


def _held_against(answer: float, given: float) -> Difference:
    return Difference("", Metric("dimensionless", "", ""), float(answer), float(given))
