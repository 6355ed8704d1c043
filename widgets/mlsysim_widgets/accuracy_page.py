"""Accuracy: predictions drawn against measurements, from the validation that is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import anywidget
import traitlets

from mlsysim.errors import UnknownName
from mlsysim.units import LADDERS, humanize
from mlsysim.validation import results
from mlsysim.validation.cases import Case
from mlsysim.validation.report import Score
from mlsysim_widgets.scripts import script, style
from mlsysim_widgets.views.figure import Figure, Table

Row = Mapping[str, Any]


class _Family(NamedTuple):
    """How a family of rows is called: in the selector, as a noun in plural, and its quantity."""

    label: str
    noun: str
    quantity: str


_FAMILIES = {
    "perf": _Family("Datacentre: time", "datacentre times", "time"),
    "tiny": _Family("Microcontrollers: time", "microcontroller times", "time"),
    "edge": _Family("Edge devices: time", "edge device times", "time"),
    "tiny_energy": _Family("Microcontrollers: energy", "microcontroller energies", "energy"),
    "energy": _Family("Datacentre: energy", "datacentre energies", "energy"),
    "power": _Family("Servers: power", "server powers", "power"),
    "reliability": _Family("Fleets: reliability", "reliability figures", "value"),
}
_QUANTITIES = {"second": "time", "hour": "time", "day": "time", "joule": "energy"}
# What a line of a summary shows: the title of a column, the entry of the file, how it is written.
_COLUMNS = (
    ("Rows", "rows", "{:,}"),
    ("Median error", "median", "{:.1%}"),
    ("P90", "p90", "{:.1%}"),
    ("Bias", "bias", "{:+z.1%}"),
    ("Within 20\u00a0%", "within_20", "{:.0%}"),
    ("Inside the 80\u00a0% interval", "interval_coverage", "{:.0%}"),
)
_SUMMARY = [title for title, _, _ in _COLUMNS]
_NEAR = (0.8, 1.2)


class Accuracy(anywidget.AnyWidget):
    """A page that shows how far predictions are from measurements.

    Takes the name of the figure to start with and, for tests, other results than the stored ones.
    """

    _esm = script("accuracy.js")
    _css = style("theme.css", "dashboard.css", "figures.css", "accuracy.css")

    # The page is sent once: choosing another figure takes no answer from Python.
    page = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)

    def __init__(self, chosen: str | None = None, stored: Mapping[str, Any] | None = None):
        page = accuracy_page(results.load() if stored is None else stored)
        names = [figure["name"] for figure in page["figures"]]
        if chosen is not None and chosen not in names:
            raise UnknownName("figure", chosen, names)
        super().__init__(page=page, chosen=chosen or names[0])


def accuracy(chosen: str | None = None) -> Accuracy:
    """Show the stored validation, at first the datacentre times or what is chosen."""
    return Accuracy(chosen)


def accuracy_page(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows as plain data: a figure for each family, and the totals."""
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in stored["rows"]:
        if row["predicted"] is not None:
            rows.setdefault((row["family"], row["unit"]), []).append(row)
    order = dict.fromkeys((*_FAMILIES, *(family for family, _ in rows)))
    units = Counter(family for family, _ in rows)
    return {
        "date": stored["date"],
        "figures": [
            scatter(stored, of, unit, rows[of, unit], alone=units[of] == 1)
            for family in order
            for of, unit in rows
            if of == family
        ],
        "totals": _table("Family", {_named(n).label: t for n, t in stored["totals"].items()}),
    }


def scatter(
    stored: Mapping[str, Any], family: str, unit: str, rows: Sequence[Row], *, alone: bool = True
) -> dict[str, Any]:
    """Return one family of rows in one unit as a figure, with the summary of its groups.

    A family with rows in several units is not `alone`: each of its figures names its unit.
    """
    named = _named(family)
    quantity = named.quantity if alone else _QUANTITIES.get(unit, "value")
    several = len({row["band"] for row in rows}) > 1
    kinds = sorted({_kind(row, several=several) for row in rows})
    apart = Counter(row["apart"] for row in rows if row["apart"])
    figure: Figure = {
        "name": family if alone else f"{family}/{unit}",
        "kind": "scatter",
        "title": _finding(stored["totals"].get(family), named.noun),
        "alt": _alt(kinds, rows, quantity, unit),
        "axes": {
            "x": {"label": f"Measured {quantity}", "unit": unit, "scale": "log"},
            "y": {"label": f"Predicted {quantity}", "unit": unit, "scale": "log"},
        },
        "series": [
            {"name": "Predicted as measured", "role": "diagonal", "factors": [1.0]},
            {"name": "Within 20 %", "role": "band", "factors": list(_NEAR)},
            *(
                _points(name, [row for row in rows if _kind(row, several=several) == name])
                for name in kinds
            ),
        ],
        "table": _table(
            "Group",
            {
                _words(name.removeprefix(f"{family}/")): summary
                for name, summary in stored["groups"].items()
                if name.startswith(f"{family}/")
            },
        ),
    }
    return {
        **figure,
        "label": named.label if alone else f"{named.label}, in {unit}s",
        "apart": [f"{_rows(count)}: {reason}" for reason, count in apart.most_common()],
        "apart_rows": apart.total(),
    }


def _points(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows as columns, which take a third of the room that records would take."""
    return {
        "name": name,
        "role": "points",
        "x": [row["measured"] for row in rows],
        "y": [row["predicted"] for row in rows],
        "row": [row["name"] for row in rows],
        "group": [_words(row["group"]) for row in rows],
        "measured": [_amount(row["measured"], row["unit"]) for row in rows],
        "predicted": [_amount(row["predicted"], row["unit"]) for row in rows],
        "error": [_percent("{:+z,.1%}", _score(row).error) for row in rows],
        "about": [row["about"] for row in rows],
        "apart": [row["apart"] for row in rows],
    }


def _score(row: Row) -> Score:
    """Return a stored row as the score that it was, which knows its error."""
    predicted = row["predicted"]
    case = Case(
        name=row["name"],
        family=row["family"],
        group=row["group"],
        band=row["band"],
        measured=row["measured"],
        predict=lambda: float(predicted),
    )
    return Score(case, predicted)


def _finding(total: Mapping[str, Any] | None, noun: str) -> str:
    if not total or total["median"] is None:
        return f"{noun.capitalize()}: every row is kept apart"
    median = _percent("{:.1%}", total["median"])
    return f"Half of {total['rows']:,} {noun} are predicted within {median}"


def _alt(kinds: Sequence[str], rows: Sequence[Row], quantity: str, unit: str) -> str:
    measured = [row["measured"] for row in rows]
    return (
        f"Predicted against measured {quantity} of {_rows(len(rows))} "
        f"from {_amount(min(measured), unit)} to {_amount(max(measured), unit)}, "
        f"on logarithmic axes, with the diagonal and a band of 20 % around it: {', '.join(kinds)}."
    )


def _table(first: str, summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    return {
        "columns": [first, *_SUMMARY],
        "rows": [
            [name, *(_percent(form, summary.get(entry)) for _, entry, form in _COLUMNS)]
            for name, summary in summaries.items()
        ],
    }


def _percent(form: str, value: float | None) -> str:
    if value is None:
        return "–"
    return form.format(value).replace("%", " %").replace("-", "−")


def _amount(value: float, unit: str) -> str:
    return humanize(value, unit) if unit in LADDERS else f"{value:,.4g} {unit}"


def _kind(row: Row, *, several: bool) -> str:
    return str(row["band"]) if several else _words(row["group"])


def _named(family: str) -> _Family:
    return _FAMILIES.get(family, _Family(family, f"{_words(family)} values", "value"))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _words(name: str) -> str:
    return name.replace("_", " ")
