"""The command line: evaluate a decision, list what there is, hold predictions against reality.

Exit status: 0 when all went well, 1 when `--strict` was given and a constraint does not hold, 2
when an input cannot be used, with the reason on standard error.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mlsysim.errors import MLSysimError, UnknownName

# Each command's module is imported when it is asked for, so that all of them start quickly.
_COMMANDS = {
    "eval": ("evaluating", "what one choice leads to: time, energy, carbon, cost, failures"),
    "sweep": ("sweeping", "every combination of several values, as a table"),
    "optimize": ("optimizing", "the best design, what binds it, and the next best"),
    "list": ("listing", "the hardware, models, regions … there are"),
    "labs": ("labs", "open the interactive labs in a browser"),
    "validate": ("validating", "hold every prediction against published measurements"),
    "fit": ("fitting", "fit the constants of the engine to measurements"),
}
_EXAMPLES = """\
examples:
  mlsysim eval Doorbell TinyPioneer --region Quebec
  mlsysim eval Frontier --duration-days "8 week" --json
  mlsysim eval Doorbell --help          the choices there are, with their bounds
  mlsysim sweep Inference --region Quebec,Poland --batch-size 1:256 --csv sweep.csv
  mlsysim optimize Inference --minimize economics.tco --batch-size all --precision all
  mlsysim list regions
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    >>> main(["list", "personas"])  # doctest: +ELLIPSIS
    name ...
    CloudTitan ...
    >>> main(["validate", "nowhere"])
    2
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command not in _COMMANDS:
            raise UnknownName("command", options.command, _COMMANDS)
        module = importlib.import_module(f"mlsysim.cli.{_COMMANDS[options.command][0]}")
        return int(module.run(options.arguments, f"mlsysim {options.command}"))
    except MLSysimError as error:
        print(f"mlsysim: {error}", file=sys.stderr)  # noqa: T201 - a command speaks by printing
        return 2


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:9} {words}" for name, (_, words) in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="mlsysim",
        description=__doc__,
        epilog=f"commands (each has a --help of its own):\n{commands}\n\n{_EXAMPLES}",
        # Without a width, argparse imports modules for compression to ask the terminal for one.
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=88),
    )
    parser.add_argument("command", metavar="COMMAND", help="one of those below")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS", help="of the command"
    )
    return parser
