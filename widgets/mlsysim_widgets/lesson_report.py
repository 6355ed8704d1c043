"""Report: one page to hand in and the same as data, made of what the journal holds of a lab."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from mlsysim_widgets import store
from mlsysim_widgets.journal import Journal
from mlsysim_widgets.lesson import Part
from mlsysim_widgets.paper import time_text, whole_page


class Report(Part):
    """Offers the report of a lab as one page, and as data for an instructor to collect.

    >>> Report(Journal("vol1-00")).page().startswith("<!DOCTYPE html>")
    True
    """

    kind = "report"

    def page(self) -> str:
        """Return one self-contained page with every prediction and decision of this lab."""
        names = dict.fromkeys(record.id for record in self.journal.of_lab())
        articles = [_article(name, self.journal) for name in names]
        title = escape(f"{self.journal.student}, lab {self.journal.lab}")
        body = "".join(articles) or "<p>Nothing has been predicted or decided yet.</p>"
        header = f"<h1>{title}</h1><p>Design journal, as of {time_text(store.now())}.</p>"
        return whole_page(title, header, body, "report.css")

    def data(self) -> str:
        """Return the journal of this lab alone, in the format that journals are exported in."""
        return store.journal_text(self.journal.student, self.journal.of_lab())

    def describe(self) -> Mapping[str, Any]:
        """Return what there is to hand in."""
        kinds = {record.id: record.kind for record in self.journal.of_lab()}
        present = [kind for name, kind in kinds.items() if self.journal.entry(name) is not None]
        answers, decisions = present.count("prediction"), present.count("decision")
        return {
            "heading": "Hand in",
            "lines": [f"{_count(answers, 'answer')} and {_count(decisions, 'decision')} so far."],
            "buttons": [
                {"action": "page", "label": "Download the report", "primary": True},
                {"action": "data", "label": "Download the data (JSON)"},
            ],
        }

    def actions(self) -> Mapping[str, Callable[[Any], None]]:
        """Return the two downloads."""
        return {
            "page": lambda _value: self._download("html", "text/html", self.page()),
            "data": lambda _value: self._download("json", "application/json", self.data()),
        }

    def _download(self, suffix: str, media: str, text: str) -> None:
        key = store.student_key(self.journal.student)
        name = f"report-{self.journal.lab}-{key}.{suffix}"
        self.send({"download": {"name": name, "type": media, "text": text}})


def _article(name: str, journal: Journal) -> str:
    versions = journal.history(name)
    entry = journal.entry(name)
    earlier = [version for version in versions if version.data and version.data != entry]
    told = "".join(f"<li>{time_text(each.time)}: {_said(each.data or {})}</li>" for each in earlier)
    history = f"<details><summary>Other versions</summary><ul>{told}</ul></details>" if told else ""
    if entry is None:
        return f"<article><h2>{escape(name)}</h2><p>Taken back.</p>{history}</article>"
    time = next(version.time for version in reversed(versions) if version.data == entry)
    body = _decision(entry) if versions[0].kind == "decision" else _prediction(entry)
    question = f"<h2>{escape(entry['question'])}</h2>"
    when = f"<p class='when'>{escape(name)}, {time_text(time)}</p>"
    return f"<article>{question}{when}{body}{history}</article>"


def _prediction(entry: Mapping[str, Any]) -> str:
    judged = "right" if entry["right"] else "wrong"
    rows = [("Answered", entry["text"]), ("Computed", entry["actual"]), ("That is", judged)]
    return f"{_table(rows)}<p>{escape(entry['feedback'])}</p>"


def _decision(entry: Mapping[str, Any]) -> str:
    design = entry["design"]
    numbers = [(number["label"], number["text"]) for number in design["numbers"]]
    made = [
        ("Simulation", design["simulation"]),
        ("Persona", design["persona"]),
        ("Application", design["application"]),
        *((name, str(value)) for name, value in design["choice"].items()),
    ]
    against = f"<p>Held against A: {escape(entry['against'])}</p>" if entry["against"] else ""
    return (
        f"<p class='sentence'>{escape(design['sentence'])}</p>"
        f"<p><strong>Because:</strong> {escape(entry['reason'])}</p>{against}"
        f"{_table(numbers)}<details><summary>The whole choice</summary>{_table(made)}</details>"
    )


def _said(data: Mapping[str, Any]) -> str:
    if "design" in data:
        return escape(f"{data['design']['sentence']}, because: {data['reason']}")
    return escape(data["text"])


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table>{lines}</table>"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
