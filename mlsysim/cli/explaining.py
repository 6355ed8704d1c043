"""`mlsysim explain`: where one number of a ledger comes from, law by law and source by source.

Options are those of `mlsysim eval`. The metric is a group and a name, with a unit where one is
wanted: sustainability.carbon_kg.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlsysim.choices import value_of
from mlsysim.cli.asking import Asked
from mlsysim.errors import InvalidInput


def run(arguments: Sequence[str], program: str) -> int:
    """Evaluate, and print the explanation of one metric.

    >>> run(["Doorbell", "TinyPioneer", "economics.tco", "--depth", "1"], "mlsysim explain")
    ... # doctest: +ELLIPSIS
    Total cost = ...
      TCO = K_capital + K_running ...
    """
    asked = Asked(arguments, program, __doc__, _add_options)
    options = asked.options
    if options is None:
        return 0
    if options.metric is None:
        raise InvalidInput("metric", None, "a group and a name, such as sustainability.carbon_kg")
    ledger = asked.simulation.evaluate({name: value_of(text) for name, text in asked.given.items()})
    explanation = ledger.explain(options.metric)
    print(explanation.to_json() if options.json else explanation.text(_levels(options.depth)))  # noqa: T201
    return 0


def _add_options(add: Any) -> None:
    add("metric", nargs="?", help="what to explain, such as performance.latency_ms")
    add("--json", action="store_true", help="print the derivation as JSON")
    add("--depth", metavar="LEVELS", help="print so many levels only")


def _levels(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise InvalidInput("depth", text, "a whole number of at least 0")
    return int(text)
