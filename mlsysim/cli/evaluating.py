"""`mlsysim eval`: what one choice leads to, as a system ledger.

Options are made from the choices a simulation declares. A number may carry a unit, as in
--duration-days "8 week"; a bare one is in the unit that its help states.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mlsysim.errors import UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.simulations import (
    SIMULATIONS,
    BaseSimulation,
    Choice,
    NumberChoice,
    OptionChoice,
)

SIMULATION_NAMES = {kind.__name__.removesuffix("Simulation"): kind for kind in SIMULATIONS}


def run(arguments: Sequence[str], program: str) -> int:
    """Evaluate, print the ledger, and return 1 where `--strict` finds a constraint broken."""
    asked = ask(arguments, program, str(__doc__), _add_own)
    if asked is None:
        return 0
    options, ledger = asked
    print(ledger.to_json() if options.json else to_text(ledger))  # noqa: T201
    return 1 if options.strict and not ledger.feasible else 0


def _add_own(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print the ledger as JSON")
    add("--strict", action="store_true", help="exit with 1 where a constraint does not hold")


def ask(
    arguments: Sequence[str],
    program: str,
    description: str,
    add_own: Callable[[argparse.ArgumentParser], None],
) -> tuple[argparse.Namespace, SystemLedger] | None:
    """Return the options and the ledger of what was asked, or print the help and return None.

    `add_own` adds what a command takes besides application, persona and choices.
    """

    def parser_with(choices: Mapping[str, str]) -> argparse.ArgumentParser:
        return _parser(program, description, choices, add_own)

    parser = parser_with(dict.fromkeys(_declared_anywhere(), ""))
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise UnknownName("option", unknown[0], _options_of(parser))
    simulation = _simulation(options)
    if options.help:
        parser_with({each.name: describe(each) for each in simulation.choices}).print_help()
        return None
    given = {name: getattr(options, name) for name in _declared_anywhere()}
    choice = {name: _value(text) for name, text in given.items() if text is not None}
    return options, simulation.evaluate(choice)


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


def describe(choice: Choice) -> str:
    """Say what a choice decides, what it accepts and what it is left alone.

    >>> days = NumberChoice(name="days", label="Days", help="How long.", unit="day", minimum=1,
    ...                     maximum=9, default=3)
    >>> describe(days)
    'How long. Accepted: a number of day from 1 to 9. Default: 3.'
    """
    accepted = ""
    if isinstance(choice, NumberChoice):
        accepted = f"Accepted: {choice.accepted}. "
    elif isinstance(choice, OptionChoice):
        names = [option.value for option in choice.listed()]
        more = f", … ({len(names)} in all)" if len(names) > 8 else ""
        accepted = f"Accepted: {', '.join(names[:8])}{more}. "
    return f"{choice.help} {accepted}Default: {choice.default}."


def _declared_anywhere() -> tuple[str, ...]:
    kinds = SIMULATION_NAMES.values()
    return tuple(dict.fromkeys(choice.name for kind in kinds for choice in kind.choices))


def _parser(
    program: str,
    description: str,
    choices: Mapping[str, str],
    add_own: Callable[[argparse.ArgumentParser], None],
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("application", nargs="?", help="what to run (mlsysim list applications)")
    add("persona", nargs="?", help="at whose scale (mlsysim list personas)")
    add_own(parser)
    add("--simulation", default="Resource", metavar="NAME",
        help=f"what to decide: {', '.join(SIMULATION_NAMES)} (default: Resource)")  # fmt: skip
    add("-h", "--help", action="store_true", help="show this, for the application named")
    group = parser.add_argument_group("choices")
    for name, words in choices.items():
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, dest=name, metavar="VALUE", help=words.replace("%", "%%"))
    return parser


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in parser._actions for name in action.option_strings]


def _simulation(options: argparse.Namespace) -> BaseSimulation:
    if options.simulation not in SIMULATION_NAMES:
        raise UnknownName("simulation", options.simulation, SIMULATION_NAMES)
    return SIMULATION_NAMES[options.simulation](options.application, options.persona)


def _value(text: str) -> Any:
    """Return a bare number as one; names and quantities stay text, for the choice to read."""
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text
