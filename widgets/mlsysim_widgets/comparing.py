"""Comparing: what is different from the design that was pinned, in numbers and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlsysim import units
from mlsysim.ledger import SystemLedger
from mlsysim_widgets.cards import FIRST
from mlsysim_widgets.history import State

if TYPE_CHECKING:
    from mlsysim.ledger.comparison import Comparison, Difference


class Pinned(NamedTuple):
    """A design that was pinned: how to come back to it, what came of it, and what it is called."""

    state: State
    ledger: SystemLedger
    sentence: str


def comparison(pinned: Pinned | None, ledger: SystemLedger) -> dict[str, Any] | None:
    """Return the pinned design A beside the present design B: headlines, flips, all that differs.

    >>> from mlsysim import ResourceSimulation
    >>> ledgers = [ResourceSimulation().evaluate({"region": r}) for r in ("Quebec", "Poland")]
    >>> found = comparison(Pinned({}, ledgers[0], "Ten doorbells"), ledgers[1])
    >>> next(row["words"] for row in found["rows"] if row["label"] == "Operational carbon")
    '19.7 × higher, worse'
    """
    if pinned is None:
        return None
    compared = pinned.ledger.compare(ledger)
    return {
        "sentence": pinned.sentence,
        "rows": [_row(row) for row in compared.differences if _shown(row)],
        "notes": [*map(str, compared.flips), *compared.warnings, *_missing(compared)],
    }


def _shown(row: Difference) -> bool:
    group, _, name = row.path.partition(".")
    return not row.same or name == FIRST[group][0]


def _row(row: Difference) -> dict[str, str]:
    return {
        "path": row.path,
        "label": row.metric.label,
        "before": units.humanize(row.before, row.metric.unit),
        "after": units.humanize(row.after, row.metric.unit),
        "words": row.words,
        "verdict": row.verdict,
    }


def _missing(compared: Comparison) -> list[str]:
    both = {row.path for row in compared.differences}
    told = {"A": compared.before, "B": compared.after}
    return [
        f"Only {name} has: {', '.join(labels)}."
        for name, ledger in told.items()
        if (labels := [label for path, label in _numbers(ledger) if path not in both])
    ]


def _numbers(ledger: SystemLedger) -> list[tuple[str, str]]:
    return [
        (f"{group}.{name}", ledger.metric(f"{group}.{name}").label)
        for group in ledger.groups
        for name in getattr(ledger, group)
        if ledger.metric(f"{group}.{name}").unit
    ]
