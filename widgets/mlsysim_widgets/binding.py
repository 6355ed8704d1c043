"""Binding: one state in, one evaluation, a ledger or an error in plain words out."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode

from mlsysim.choices import NumberChoice, OptionChoice, value_of
from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim.ledger import SystemLedger
from mlsysim.simulations.base import BaseSimulation

_TRIES = 40


def instance_of(simulation: Any) -> BaseSimulation:
    """Return the simulation itself, or one of the class given; raise `InvalidInput` otherwise."""
    if isinstance(simulation, type) and issubclass(simulation, BaseSimulation):
        return simulation()
    if isinstance(simulation, BaseSimulation):
        return simulation
    raise InvalidInput("simulation", simulation, "a simulation or a class of simulations")


def rebuilt(simulation: BaseSimulation, application: Any, persona: Any) -> BaseSimulation:
    """Return the same kind of simulation for another application and persona."""
    if application == simulation.scenario and persona == simulation.persona:
        return simulation
    return type(simulation)(application, persona)


def carried_over(
    choice: Mapping[str, Any], before: BaseSimulation, after: BaseSimulation
) -> dict[str, Any]:
    """Return what is left of a choice in another simulation.

    What people set stays where it is still valid; what stood at its default follows the default.
    """
    defaults = before.defaults
    kept = dict(after.defaults)
    for declared in after.choices:
        value = choice.get(declared.name)
        if declared.name in choice and value != defaults.get(declared.name):
            try:
                kept[declared.name] = declared.validate(value)
            except MLSysimError:
                continue
    return kept


def problem(error: Exception, simulation: BaseSimulation) -> dict[str, str]:
    """Say in plain words what went wrong: title, field, received, accepted, suggestion, detail."""
    if not isinstance(error, InvalidInput):
        return {
            "title": f"{type(simulation).__name__} could not be evaluated",
            "field": "",
            "received": "",
            "accepted": "",
            "suggestion": "",
            "detail": f"{type(error).__name__}: {error}",
        }
    labels = {choice.name: choice.label for choice in simulation.choices}
    field = str(error.field)
    label = labels.get(field, f"{field[:1].upper()}{field[1:]}")
    return {
        "title": f"{label}: this cannot be used",
        "field": str(error.field),
        "received": reprlib.repr(error.received),
        "accepted": error.accepted,
        "suggestion": error.suggestion or "",
        "detail": "",
    }


def plain(value: Any) -> Any:
    """Return a value as it can travel to the browser: finite numbers and text stay as they are.

    >>> plain(3), plain("Quebec"), plain(float("nan"))
    (3, 'Quebec', 'nan')
    """
    if isinstance(value, str | bool | None):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    return reprlib.repr(value)


def python_line(simulation: BaseSimulation, choice: Mapping[str, Any]) -> str:
    """Return the line of Python that gives the same ledger."""
    defaults = simulation.defaults
    changed = {name: value for name, value in choice.items() if value != defaults.get(name)}
    scenario, persona = simulation.scenario.name, simulation.persona.name
    return f"{type(simulation).__name__}({scenario!r}, {persona!r}).evaluate({changed!r})"


def link(simulation: BaseSimulation, choice: Mapping[str, Any]) -> str:
    """Return a design as it is written behind the # of an address.

    >>> from mlsysim import ResourceSimulation
    >>> sim = ResourceSimulation()
    >>> link(sim, {**sim.defaults, "region": "Quebec"})
    'persona=TinyPioneer&application=Doorbell&region=Quebec'
    """
    defaults = simulation.defaults
    changed = {name: value for name, value in choice.items() if value != defaults.get(name)}
    whose = {"persona": simulation.persona.name, "application": simulation.scenario.name}
    return urlencode({**whose, **changed})


def linked(given: Any) -> dict[str, Any]:
    """Return the values that a link gives, by name: bare numbers as numbers, the rest as text.

    Raises `InvalidInput` where a link holds anything but names and texts.

    >>> linked({"region": "Quebec", "duration_days": "30"})
    {'region': 'Quebec', 'duration_days': 30}
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("link", given, "names with values, as in region=Quebec")
    for name, value in given.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise InvalidInput("link", {name: value}, "names with values, as in region=Quebec")
    return {name: value_of(value) for name, value in given.items()}


def surprising(
    simulation: BaseSimulation, choice: Mapping[str, Any], ledger: SystemLedger, random: Random
) -> dict[str, Any]:
    """Return a design at random that breaks or mends another constraint than the present one."""
    broken = {verdict.constraint for verdict in ledger.violations}
    drawn = dict(choice)
    for _ in range(_TRIES):
        declared = random.choice(simulation.choices)
        drawn = {**choice, declared.name: _drawn(declared, random)}
        try:
            found = simulation.evaluate(drawn)
        except MLSysimError:
            continue
        if {verdict.constraint for verdict in found.violations} != broken:
            return drawn
    return drawn


def _drawn(declared: Any, random: Random) -> Any:
    if isinstance(declared, OptionChoice):
        return random.choice([option.value for option in declared.listed()])
    if isinstance(declared, NumberChoice):
        return random.choice((declared.minimum, declared.default, declared.maximum))
    return declared.default
