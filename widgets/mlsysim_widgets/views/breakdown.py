"""Breakdown: the parts of one quantity, one after the other, up to their total and its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlsysim import units
from mlsysim.ledger import Group, SystemLedger
from mlsysim_widgets.views.asked import PARTS
from mlsysim_widgets.views.figure import Figure, axis

# What parts leave of a total is shown where it is more than rounding.
_ROUNDING = 1e-6


def latency(ledger: SystemLedger) -> Figure | None:
    """Return where the time of one execution goes, against its deadline."""
    parts: tuple[str, ...]
    parts = ("compute_time", "memory_time", "communication_time", "bubble_time", "overhead_time")
    if "propagation_time" in ledger.performance:
        # The model runs elsewhere: its own time is one part of the way there and back.
        parts = ("inference_time", "propagation_time", "transfer_time")
    return _breakdown(ledger, "performance.latency", "Time", parts, "Other")


def memory(ledger: SystemLedger) -> Figure | None:
    """Return what fills the memory of a device, against its capacity."""
    # Where there is flash, weights stay in it and take no memory.
    weights = () if "flash_used" in ledger.performance else ("weight_memory",)
    parts = (*weights, "activation_memory", "cache_memory", "state_memory")
    return _breakdown(
        ledger, "performance.memory_used", "Memory", parts, "Fragmentation", "memory_capacity"
    )


def energy(ledger: SystemLedger) -> Figure | None:
    """Return the energy of the devices against that of all that is around them."""
    return _breakdown(ledger, "sustainability.energy", "Energy", *PARTS["sustainability.energy"])


def carbon(ledger: SystemLedger) -> Figure | None:
    """Return operational against embodied emissions."""
    return _breakdown(ledger, "sustainability.carbon", "Carbon", *PARTS["sustainability.carbon"])


def cost(ledger: SystemLedger) -> Figure | None:
    """Return what the money is spent on."""
    return _breakdown(ledger, "economics.tco", "Cost", *PARTS["economics.tco"])


def _breakdown(
    ledger: SystemLedger,
    path: str,
    label: str,
    parts: Sequence[str],
    others: str,
    capacity: str = "",
) -> Figure | None:
    group_name, _, total = path.partition(".")
    group: Group = getattr(ledger, group_name)
    known = [part for part in parts if part in group and group.si(part) > 0]
    if total not in group or not known or not group.si(total) > 0:
        return None
    unit = group.metrics[total].unit
    scale = units.best_scale(group.si(total), unit)
    shown = [(group.metrics[part].label, group.si(part)) for part in known]
    if not math.isclose(sum(value for _, value in shown), group.si(total), rel_tol=_ROUNDING):
        shown.append((others, group.rest(total, known)))
    whole = (group.metrics[total].label, group.si(total))
    series = [
        *(_bar(name, value, unit, scale, "part") for name, value in shown),
        _bar(*whole, unit, scale, "total"),
        *(_bar(*each, unit, scale, "limit") for each in _limit(ledger, path, group, capacity)),
    ]
    return {
        "name": total,
        "kind": "breakdown",
        "title": _finding(label, whole, shown, unit),
        "alt": "; ".join(f"{bar['name']} {bar['text']}" for bar in series),
        "axes": {"x": axis(label, scale.label)},
        "series": series,
        "table": {
            "columns": ["Part", label],
            "rows": [[bar["name"], bar["text"]] for bar in series],
        },
    }


def _bar(name: str, value: float, unit: str, scale: units.Scale, role: str) -> dict[str, Any]:
    text = units.humanize(value, unit)
    return {"name": name, "role": role, "value": scale.of(value), "text": text}


def _limit(ledger: SystemLedger, path: str, group: Group, capacity: str) -> list[tuple[str, float]]:
    """Return the capacity, or else the limit that a verdict sets for this total."""
    if capacity and capacity in group:
        return [(group.metrics[capacity].label, group.si(capacity))]
    return [
        (verdict.constraint, verdict.limit)
        for verdict in ledger.verdicts
        if verdict.metric == path and verdict.sense == "at most"
    ][:1]


def _finding(
    label: str, whole: tuple[str, float], shown: Sequence[tuple[str, float]], unit: str
) -> str:
    name, value = max(shown, key=lambda part: part[1])
    largest, total = (units.humanize(each, unit) for each in (value, whole[1]))
    called = name if name[:2].isupper() else f"{name[:1].lower()}{name[1:]}"
    if len(shown) == 1:
        return f"{label}: {called} alone, {total}"
    return f"{label}: the largest part is {called}, {largest} of {total}"
