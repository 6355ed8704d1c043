"""Embed: a dashboard as one page of its own, with the states of some axes worked out before."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from mlsysim.applications import Application
from mlsysim.choices import NumberChoice
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.personas import Persona
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets import binding, controls
from mlsysim_widgets.controls import unit_label
from mlsysim_widgets.picture import EMPTY, picture
from mlsysim_widgets.scripts import script, style

MOST_STATES = 20_000
DRAWN_DIGITS = 5
"""Significant digits of the numbers that only place marks; what people read is text."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; }}
{style}
</style>
</head>
<body>
<main id="dashboard"></main>
<script type="application/json" id="states">{states}</script>
<script type="module">
{script}
</script>
</body>
</html>
"""


class Part(NamedTuple):
    """What a page offers together: controls, axes, where it begins, and a picture of each state."""

    spec: Mapping[str, Any]
    axes: Mapping[str, Sequence[Any]]
    start: Mapping[str, Any]
    pictures: Sequence[Mapping[str, Any]]


def page(title: str, parts: Sequence[Part]) -> str:
    """Return a page that needs neither a network nor Python: look, script and states in one.

    Of several parts, the persona says which one is shown.
    """
    described: list[dict[str, Any]] = []
    pictures: list[Mapping[str, Any]] = []
    for spec, axes, start, own in parts:
        described.append({"spec": spec, "axes": axes, "start": start, "first": len(pictures)})
        pictures.extend(own)
    states = {"parts": described, **_packed(pictures)}
    # Inside a script element, only these characters could end it.
    text = json.dumps(states, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return _PAGE.format(
        title=escape(title),
        style=style("theme.css", "dashboard.css", "figures.css"),
        states=text,
        script=script("embed.js"),
    )


def iframe(path: str | Path, title: str) -> str:
    """Return the line that shows a page inside another one.

    >>> iframe("pages/energy.html", "Energy & carbon")[:52]
    '<iframe src="energy.html" title="Energy &amp; carbon'
    """
    source, words = escape(Path(path).name), escape(title)
    look = "width: 100%; height: 900px; border: 0"
    return f'<iframe src="{source}" title="{words}" loading="lazy" style="{look}"></iframe>'


def part_of(
    simulation: BaseSimulation,
    choice: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any]],
    *,
    personas: Mapping[str, Persona],
    applications: Mapping[str, Application],
    cast: Mapping[str, Persona] | None = None,
) -> Part:
    """Return the pictures of every combination of persona, application and the axes given.

    The page lets people become anybody of the cast; each other persona then has a part of its own.
    Raises `UnknownName` for an axis that is not declared, `InvalidInput` for bad values.
    """
    values = {name: _values(simulation, name, given) for name, given in axes.items()}
    whole = {"persona": list(personas), "application": list(applications), **values}
    count = math.prod(len(listed) for listed in whole.values())
    if count > MOST_STATES:
        raise InvalidInput("axes", count, f"at most {MOST_STATES:,} states altogether")
    pictures = []
    for persona, application in itertools.product(personas.values(), applications.values()):
        other = binding.rebuilt(simulation, application, persona)
        kept = binding.carried_over(choice, simulation, other)
        for point in itertools.product(*values.values()):
            chosen = {**kept, **dict(zip(values, point, strict=True))}
            pictures.append(_picture(other, chosen))
    start = {
        "persona": simulation.persona.name,
        "application": simulation.scenario.name,
        "choice": {name: choice[name] for name in values},
    }
    spec = controls.specification(simulation, cast or personas, applications)
    return Part(_offered(spec, simulation, values), whole, start, pictures)


def _values(simulation: BaseSimulation, name: str, given: Any) -> list[Any]:
    declared = {choice.name: choice for choice in simulation.choices}
    if name not in declared:
        raise UnknownName("axis", name, ["persona", "application", *declared])
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidInput(name, given, "a list of the values to choose from")
    return [declared[name].validate(value) for value in given]


def _picture(simulation: BaseSimulation, choice: Mapping[str, Any]) -> dict[str, Any]:
    try:
        whole = simulation.complete(choice)
        painted = picture(simulation, simulation.evaluate(whole), whole)
    except Exception as error:  # noqa: BLE001 - whatever a simulation raises is shown in place
        return {**EMPTY, "problem": binding.problem(error, simulation), "stale": False}
    return {**painted, "link": ""}


def _offered(
    spec: Mapping[str, Any], simulation: BaseSimulation, values: Mapping[str, list[Any]]
) -> dict[str, Any]:
    declared = {choice.name: choice for choice in simulation.choices}

    def narrowed(control: Mapping[str, Any]) -> dict[str, Any]:
        name = control["name"]
        if name not in values:
            return dict(control)
        return {**control, "kind": "option", "options": _options(declared[name], values[name])}

    def open_to_choice(control: Mapping[str, Any]) -> bool:
        whose = control["name"] in ("persona", "application")
        return len(control["options"]) > 1 if whose else control["name"] in values

    return {
        **spec,
        "selectors": [narrowed(each) for each in spec["selectors"] if open_to_choice(each)],
        "controls": [narrowed(each) for each in spec["controls"] if open_to_choice(each)],
        "actions": ["reset"],
    }


def _options(declared: Any, values: Sequence[Any]) -> list[dict[str, Any]]:
    if isinstance(declared, NumberChoice):
        unit = unit_label(declared.unit)
        return [
            {"value": value, "label": f"{value:,g} {unit}".rstrip(), "group": "", "help": ""}
            for value in values
        ]
    listed = {option.value: option for option in declared.listed()}
    return [{**listed[value]._asdict(), "help": ""} for value in values]


def _packed(pictures: Sequence[Any]) -> dict[str, Any]:
    """Keep what pictures have in common once: by shape, and by column where all are alike."""
    shapes: dict[str, Any] = {}
    rows: dict[str, list[list[Any]]] = {}
    places = []
    for each in pictures:
        leaves: list[Any] = []
        shape = _leaves(each, leaves)
        key = json.dumps(shape)
        shapes[key] = shape
        places.append((key, len(rows.setdefault(key, []))))
        rows[key].append(leaves)
    numbers = {key: number for number, key in enumerate(shapes)}
    tables = [
        {"shape": shape, "columns": [_column(column) for column in zip(*rows[key], strict=True)]}
        for key, shape in shapes.items()
    ]
    return {"tables": tables, "states": [[numbers[key], row] for key, row in places]}


def _leaves(value: Any, leaves: list[Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _leaves(part, leaves) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_leaves(part, leaves) for part in value]
    leaves.append(float(f"{value:.{DRAWN_DIGITS}g}") if isinstance(value, float) else value)
    return 0


def _column(values: Sequence[Any]) -> Any:
    return values[0] if len({repr(value) for value in values}) == 1 else list(values)
