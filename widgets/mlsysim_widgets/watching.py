"""Watching: which metric is drawn around the present design while a control moves."""

from __future__ import annotations

from mlsysim.ledger import SystemLedger

HEADLINES = (
    "performance.latency",
    "sustainability.carbon",
    "economics.tco",
    "reliability.availability",
)


def watched(before: SystemLedger | None, after: SystemLedger, last: str = "") -> str:
    """Return the first headline that a change moved, else the one watched before it.

    >>> from mlsysim import ResourceSimulation
    >>> short, long = (ResourceSimulation().evaluate({"duration_days": d}) for d in (30, 60))
    >>> watched(short, long)
    'sustainability.carbon'
    """
    known = [path for path in HEADLINES if _value(after, path) is not None]
    moved = [path for path in known if before and _value(before, path) != _value(after, path)]
    if moved:
        return moved[0]
    return last if last in known else known[0] if known else ""


def _value(ledger: SystemLedger, path: str) -> float | None:
    group, _, name = path.partition(".")
    value: float | None = getattr(ledger, group).si(name)
    return value
