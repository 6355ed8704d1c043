"""The command line: `mlsysim validate` and `mlsysim fit`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mlsysim.errors import InvalidInput, MLSysimError

# A checkout carries its measurements; an installed wheel does not.
CARRIED = Path(__file__).resolve().parents[1] / "tests" / "measurements"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 with the reason on standard error.

    >>> main(["validate", "nowhere"])
    2
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except MLSysimError as error:
        print(f"mlsysim: {error}", file=sys.stderr)  # noqa: T201 - a command speaks by printing
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlsysim", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    validating = commands.add_parser(
        "validate", help="hold every prediction against published measurements"
    )
    validating.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIRECTORY",
        help="folder of measurement files (default: those of the checkout)",
    )
    validating.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    validating.add_argument(
        "--write", action="store_true", help="store the report for the page that shows it"
    )
    validating.set_defaults(run=_validate)
    fitting = commands.add_parser("fit", help="fit the constants of the engine to measurements")
    fitting.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIRECTORY",
        help="folder of measurement files (default: those of the checkout)",
    )
    fitting.add_argument(
        "--write",
        action="store_true",
        help="store the constants and the bands of residuals in the package",
    )
    fitting.add_argument(
        "--leave-out", action="store_true", help="also fit without each group in turn, and score it"
    )
    fitting.add_argument(
        "--family", action="append", metavar="NAME", help="fit these constants alone (repeatable)"
    )
    fitting.set_defaults(run=_fit)
    return parser  # fmt: skip


def _directory(given: Path | None) -> Path:
    if given is None and not CARRIED.is_dir():
        raise InvalidInput("directory", None, "a folder of measurement files, given by its path")
    return given or CARRIED


def _progress(label: str) -> Any:
    from tqdm import tqdm

    def wrap(items: Iterable[Any]) -> Iterable[Any]:
        return tqdm(items, desc=label, unit="row", leave=False)

    return wrap


def _validate(options: argparse.Namespace) -> None:
    from mlsysim.validation import results, validate

    report = validate(_directory(options.directory), _progress("Predicting"))
    print(report.to_text())  # noqa: T201
    if options.write:
        results.write(report)
    if options.json:
        options.json.write_text(report.to_json() + "\n", encoding="utf-8")


def _fit(options: argparse.Namespace) -> None:
    from mlsysim.validation import fitting

    fitting.run(
        _directory(options.directory), families=options.family, write=options.write,
        leave_out=options.leave_out,
        say=print, progress=_progress,
    )  # fmt: skip
