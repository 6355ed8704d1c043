"""`mlsysim list`: the names to choose from, with a few words on each."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Sequence
from typing import Any

from mlsysim.errors import UnknownName

_SHOWN = {
    "applications": ("name", "group", "critical_constraint", "mission"),
    "facilities": ("name", "label"),
    "hardware": ("name", "vendor", "year", "tier"),
    "models": ("name", "family", "year", "task"),
    "personas": ("name", "unit_of_scale", "scale_factor", "role"),
    "regions": ("name", "group", "carbon_intensity_g_per_kwh", "price_usd_per_kwh"),
    "runtimes": ("name", "label"),
    "simulations": ("name", "title", "choices"),
    "systems": ("name", "label"),
}

Row = dict[str, Any]


def run(arguments: Sequence[str], program: str) -> int:
    """Print a table, or JSON, of all records of one kind."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("kind", metavar="KIND", help=", ".join(_SHOWN))
    parser.add_argument("containing", nargs="?", default="", metavar="WORD",
                        help="only rows that contain this, in capitals or not")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    options = parser.parse_args(arguments)
    if options.kind not in _SHOWN:
        raise UnknownName("kind", options.kind, _SHOWN)
    word = options.containing.lower()
    shown = [row for row in rows(options.kind) if word in str(list(row.values())).lower()]
    nothing = f"Nothing contains {options.containing!r}."
    text = json.dumps(shown, indent=2) if options.json else to_text(shown) or nothing
    print(text)  # noqa: T201 - a command speaks by printing
    return 0


def rows(kind: str) -> list[Row]:
    """Return what there is to say about each record of a kind.

    >>> rows("hardware")[0]["name"]
    'STM32F407'
    """
    if kind == "simulations":
        from mlsysim.cli.asking import SIMULATION_NAMES

        return [
            {"name": name, "title": each.title, "choices": ", ".join(c.name for c in each.choices)}
            for name, each in SIMULATION_NAMES.items()
        ]
    registry = getattr(importlib.import_module(f"mlsysim.{kind}"), kind.capitalize())
    return [{name: getattr(twin, name) for name in _SHOWN[kind]} for twin in registry.values()]


def to_text(shown: Sequence[Row]) -> str:
    """Set rows in columns under their headings.

    >>> print(to_text([{"name": "a", "price_usd": 1.5}]))
    name  price usd
    a     1.5
    """
    if not shown:
        return ""
    lines = [[name.replace("_", " ") for name in shown[0]]]
    lines += [[str(value) for value in row.values()] for row in shown]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
