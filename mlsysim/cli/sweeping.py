"""`mlsysim sweep`: every combination of the values given for choices, as a table.

A choice takes several values as A,B,C, a range as LOW:HIGH (25 points, or LOW:HIGH:COUNT), or all
that is declared as "all". Metrics are in SI units, as their headings say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlsysim.choices import NumberChoice, value_of
from mlsysim.cli.asking import Asked
from mlsysim.errors import InvalidInput

METRICS = ("performance.latency", "sustainability.carbon", "economics.tco")
_SHOWN = 40


def run(arguments: Sequence[str], program: str) -> int:
    """Sweep, and print the first rows or write all of them."""
    asked = Asked(arguments, program, __doc__, _add_options)
    if asked.options is None:
        return 0
    metrics = asked.options.metric or METRICS
    swept = asked.simulation.sweep(metrics=metrics, **values_of(asked))
    if asked.options.csv is not None:
        swept.to_csv(asked.options.csv)
        print(f"{swept.size:,} rows in {asked.options.csv}")  # noqa: T201
        return 0
    rows = swept.to_dataframe().reset_index()
    shown = rows[[*swept.shape, *(path for path in metrics if path in rows), "feasible"]]
    print(shown.head(_SHOWN).to_string(index=False))  # noqa: T201
    if len(rows) > _SHOWN:
        print(f"… {len(rows) - _SHOWN:,} more rows; --csv FILE writes all")  # noqa: T201
    return 0


def values_of(asked: Asked) -> dict[str, Any]:
    """Return the choices of a command line in the form that `BaseSimulation.sweep` takes."""
    declared: Mapping[str, Any] = {choice.name: choice for choice in asked.simulation.choices}
    return {
        name: _several(declared[name], text)
        if isinstance(declared.get(name), NumberChoice)
        else (text.split(",") if "," in text else text)
        for name, text in asked.given.items()
    }


def _several(choice: NumberChoice, text: str) -> Any:
    if "," in text:
        return [value_of(each.strip()) for each in text.split(",")]
    low, *rest = text.split(":")
    if not rest:
        return value_of(text)
    if len(rest) > 2 or (len(rest) == 2 and not rest[1].isdecimal()):
        raise InvalidInput(choice.name, text, "LOW:HIGH or LOW:HIGH:COUNT")
    ends = (choice.validate(value_of(low)), choice.validate(value_of(rest[0])))
    if len(rest) == 1:
        return ends
    spread = np.geomspace if choice.scale == "log" else np.linspace
    values = spread(ends[0], ends[1], int(rest[1]))
    return list(dict.fromkeys(np.round(values).tolist() if choice.integer else values.tolist()))


def _add_options(add: Any) -> None:
    add("--metric", action="append", metavar="METRIC",
        help=f"keep this one (repeatable; default: {', '.join(METRICS)})")  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="write every row as CSV")
