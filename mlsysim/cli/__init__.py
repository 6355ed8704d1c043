"""The command line: evaluate a decision, list what there is, hold predictions against reality.

Exit status: 0 when all went well, 1 when `--strict` was given and a constraint does not hold, 2
when an input cannot be used, with the reason on standard error.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mlsysim.errors import MLSysimError, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Each command's module is imported when it is asked for, so that all of them start quickly.
_COMMANDS = {
    "eval": ("evaluating", "what one choice leads to: time, energy, carbon, cost, failures"),
    "sweep": ("sweeping", "every combination of several values, as a table"),
    "optimize": ("optimizing", "the best design, what binds it, and the next best"),
    "explain": ("explaining", "where one number of a ledger comes from, with all sources"),
    "list": ("listing", "the hardware, models, regions … there are"),
    "labs": ("labs", "open the interactive labs in a browser"),
    "validate": ("validating", "hold every prediction against published measurements"),
    "fit": ("fitting", "fit the constants of the engine to measurements"),
}
ADDED_COMMANDS = "mlsysim.commands"
"""The group of entry points under which another package adds commands: functions like `run`."""

_EXAMPLES = """\
examples:
  mlsysim eval Doorbell TinyPioneer --region Quebec
  mlsysim eval Frontier --duration-days "8 week" --json
  mlsysim eval Doorbell --help          the choices there are, with their bounds
  mlsysim sweep Inference --region Quebec,Poland --batch-size 1:256 --csv sweep.csv
  mlsysim optimize Inference --minimize economics.tco --batch-size all --precision all
  mlsysim explain Doorbell TinyPioneer sustainability.carbon_kg --region Quebec
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
        return int(_run_of(options.command)(options.arguments, f"mlsysim {options.command}"))
    except MLSysimError as error:
        print(f"mlsysim: {error}", file=sys.stderr)  # noqa: T201 - a command speaks by printing
        return 2


def _run_of(command: str) -> Callable[[Sequence[str], str], int]:
    """Return what runs a command: one of our own, else one that an installed package adds."""
    if command in _COMMANDS:
        module = importlib.import_module(f"mlsysim.cli.{_COMMANDS[command][0]}")
        return cast("Callable[[Sequence[str], str], int]", module.run)
    added = _added()
    if command not in added:
        raise UnknownName("command", command, [*_COMMANDS, *added])
    return cast("Callable[[Sequence[str], str], int]", added[command].load())


def _added() -> dict[str, EntryPoint]:
    # Finding them reads what every installed package declares: only who needs them pays for it.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ADDED_COMMANDS)}


def _words(point: EntryPoint) -> str:
    """Return the first line that a command says of itself, without running any of its code."""
    import ast

    try:
        spec = importlib.util.find_spec(point.module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return f"cannot be loaded: No module named {point.module!r}"
    source = Path(spec.origin).read_text(encoding="utf-8")
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    said = [ast.get_docstring(each) or "" for each in functions if each.name == point.attr]
    return "".join(said[:1]).partition("\n")[0].rstrip(".")


class _Parser(argparse.ArgumentParser):
    """A parser whose help names all commands, looked up only when somebody asks for it."""

    def format_help(self) -> str:
        words = {name: words for name, (_, words) in _COMMANDS.items()}
        words |= {name: _words(point) for name, point in _added().items()}
        commands = "\n".join(f"  {name:9} {text}" for name, text in words.items())
        self.epilog = f"commands (each has a --help of its own):\n{commands}\n\n{_EXAMPLES}"
        return super().format_help()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mlsysim",
        description=__doc__,
        # Without a width, argparse imports modules for compression to ask the terminal for one.
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=88),
    )
    parser.add_argument("command", metavar="COMMAND", help="one of those below")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS", help="of the command"
    )
    return parser
