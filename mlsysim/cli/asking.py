"""What commands about a decision share: whose it is, and an option for each declared choice.

A number may carry a unit, as in --duration-days "8 week"; a bare one is in the unit that its help
states.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.errors import UnknownName
from mlsysim.simulations import SIMULATIONS, BaseSimulation

SIMULATION_NAMES = {kind.__name__.removesuffix("Simulation"): kind for kind in SIMULATIONS}


class Asked:
    """A command line about one decision: its simulation, the choices given and other options.

    `add` declares the options of one command; --help is answered for the application named, and
    `options` then is None.
    """

    def __init__(self, arguments: Sequence[str], program: str, description: str, add: Any):
        parser = _parser(program, description, add, dict.fromkeys(_declared_anywhere(), ""))
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            raise UnknownName("option", unknown[0], _options_of(parser))
        self.simulation = _simulation(options)
        self.options: argparse.Namespace | None = None if options.help else options
        texts = {name: getattr(options, name) for name in _declared_anywhere()}
        self.given = {name: text for name, text in texts.items() if text is not None}
        if options.help:
            described = {choice.name: describe(choice) for choice in self.simulation.choices}
            _parser(program, description, add, described).print_help()


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
    program: str, description: str, add_options: Any, choices: Mapping[str, str]
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
    add("--simulation", default="Resource", metavar="NAME",
        help=f"what to decide: {', '.join(SIMULATION_NAMES)} (default: Resource)")  # fmt: skip
    add_options(add)
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
