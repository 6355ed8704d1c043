"""`mlsysim eval`: what one choice leads to, as a system ledger.

Options are made from the choices a simulation declares. A number may carry a unit, as in
--duration-days "8 week"; a bare one is in the unit that its help states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlsysim.choices import value_of
from mlsysim.cli.asking import Asked
from mlsysim.ledger import SystemLedger


def run(arguments: Sequence[str], program: str) -> int:
    """Evaluate, print the ledger, and return 1 where `--strict` finds a constraint broken."""
    asked = Asked(arguments, program, __doc__, _add_options)
    if asked.options is None:
        return 0
    ledger = asked.simulation.evaluate({name: value_of(text) for name, text in asked.given.items()})
    print(ledger.to_json() if asked.options.json else to_text(ledger))  # noqa: T201
    return 1 if asked.options.strict and not ledger.feasible else 0


def to_text(ledger: SystemLedger) -> str:
    """Return the ledger as text, under a line that says what was asked.

    >>> from mlsysim import ResourceSimulation
    >>> to_text(ResourceSimulation().evaluate({})).splitlines()[0]
    'ResourceSimulation of Doorbell for TinyPioneer'
    """
    context = ledger.context
    choice = ", ".join(f"{name} {value}" for name, value in context["choice"].items())
    asked = f"{context['simulation']} of {context['application']} for {context['persona']}"
    return f"{asked}\n{choice}\n\n{ledger}"


def _add_options(add: Any) -> None:
    add("--json", action="store_true", help="print the ledger as JSON")
    add("--strict", action="store_true", help="exit with 1 where a constraint does not hold")
