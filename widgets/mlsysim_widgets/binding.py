"""Binding: one state in, one evaluation, a ledger or an error in plain words out."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim.simulations.base import BaseSimulation


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
    return {
        "title": f"{labels.get(error.field, str(error.field).capitalize())}: this cannot be used",
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
