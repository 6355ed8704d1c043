"""`mlsysim optimize`: the best design of a space, what binds it, and the next best.

A choice takes several values as A,B,C, a range as LOW:HIGH, or all that is declared as "all".
Lists are searched exhaustively, ranges by SciPy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlsysim.cli.asking import Asked
from mlsysim.cli.sweeping import values_of
from mlsysim.errors import InvalidInput


def run(arguments: Sequence[str], program: str) -> int:
    """Print the optimum; return 1 where no design keeps every constraint."""
    from mlsysim.explore.optimum import Infeasible

    asked = Asked(arguments, program, __doc__, _add_options)
    options = asked.options
    if options is None:
        return 0
    try:
        best = asked.simulation.optimize(
            minimize=options.minimize,
            maximize=options.maximize,
            subject_to=dict(_bound(text) for text in options.subject_to or ()),
            respect_verdicts=not options.ignore_verdicts,
            **values_of(asked),
        )
    except Infeasible as error:
        print(error)  # noqa: T201 - the answer, not a mistake of who asked
        return 1
    print(json.dumps(_record(best), indent=2) if options.json else best)  # noqa: T201
    return 0


def _bound(text: str) -> tuple[str, str]:
    for sign in ("<=", ">="):
        path, found, limit = text.partition(sign)
        if found:
            return path.strip(), f"{sign} {limit.strip()}"
    raise InvalidInput("--subject-to", text, "a bound such as 'performance.latency <= 200 ms'")


def _record(best: Any) -> dict[str, Any]:
    second = best.runner_up
    return {
        "metric": best.path,
        "value": best.value,
        "choice": best.choice,
        "binding": list(best.binding),
        "runner_up": second and {"value": second.value, "choice": second.choice},
    }


def _add_options(add: Any) -> None:
    add("--minimize", metavar="METRIC", help="what to make small, such as economics.tco")
    add("--maximize", metavar="METRIC", help="what to make large")
    add("--subject-to", action="append", metavar="BOUND",
        help="a limit to keep, such as 'performance.latency <= 200 ms' (repeatable)")  # fmt: skip
    add("--ignore-verdicts", action="store_true", help="let designs break their own constraints")
    add("--json", action="store_true", help="print choice, value and what binds as JSON")
