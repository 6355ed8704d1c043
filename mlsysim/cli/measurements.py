"""What `validate` and `fit` share: where the measurements are, and progress over them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlsysim.errors import InvalidInput

# A checkout carries its measurements; an installed wheel does not.
CARRIED = Path(__file__).resolve().parents[2] / "tests" / "measurements"


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Let people name the folder of measurements."""
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIRECTORY",
        help="folder of measurement files (default: those of the checkout)",
    )


def directory(given: Path | None) -> Path:
    """Return the folder asked for, or the one a checkout carries; raise `InvalidInput`."""
    if given is None and not CARRIED.is_dir():
        raise InvalidInput("directory", None, "a folder of measurement files, given by its path")
    return given or CARRIED


def progress(label: str) -> Any:
    """Return a wrapper that draws a progress bar while what it wraps is gone through."""
    from tqdm import tqdm

    def wrap(items: Iterable[Any]) -> Iterable[Any]:
        return tqdm(items, desc=label, unit="row", leave=False)

    return wrap
