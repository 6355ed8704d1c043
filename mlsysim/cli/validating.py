"""`mlsysim validate`: score every prediction against published measurements."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mlsysim.cli.measurements import add_directory, directory, progress
from mlsysim.validation import results, roofs, validate


def run(arguments: Sequence[str], program: str) -> int:
    """Print the scores by group and in total."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    add_directory(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument(
        "--write", action="store_true", help="store the report for the page that shows it"
    )
    options = parser.parse_args(arguments)
    report = validate(directory(options.directory), progress("Predicting"))
    print(report.to_text())  # noqa: T201 - a command speaks by printing
    if options.write:
        results.write(report)
        roofs.write(report.scored)
    if options.json:
        options.json.write_text(report.to_json() + "\n", encoding="utf-8")
    return 0
