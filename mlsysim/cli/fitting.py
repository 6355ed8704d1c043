"""`mlsysim fit`: fit the constants of the engine to measurements."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlsysim.cli.measurements import add_directory, directory, progress
from mlsysim.validation import fitting


def run(arguments: Sequence[str], program: str) -> int:
    """Fit, and print each constant with its residuals."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    add_directory(parser)
    parser.add_argument(
        "--write",
        action="store_true",
        help="store the constants and the bands of residuals in the package",
    )
    parser.add_argument(
        "--leave-out", action="store_true", help="also fit without each group in turn, and score it"
    )
    parser.add_argument(
        "--family", action="append", metavar="NAME", help="fit these constants alone (repeatable)"
    )
    options = parser.parse_args(arguments)
    fitting.run(
        directory(options.directory),
        families=options.family,
        write=options.write,
        leave_out=options.leave_out,
        say=print,
        progress=progress,
    )
    return 0
