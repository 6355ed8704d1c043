"""Breakdown: the parts of one quantity, one after the other, up to their total and its limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlsysim import units
from mlsysim.ledger import Group, SystemLedger
from mlsysim_widgets.views.figure import Figure


def latency(ledger: SystemLedger) -> Figure | None:
    """Return where the time of one execution goes, against its deadline."""
    parts = ("compute_time", "memory_time", "communication_time", "bubble_time", "overhead_time")
    return _breakdown(ledger, "performance", "Time", "latency", parts)


def memory(ledger: SystemLedger) -> Figure | None:
    """Return what fills the memory of a device, against its capacity."""
    # Where there is flash, weights stay in it and take no memory.
    weights = () if "flash_used" in ledger.performance else ("weight_memory",)
    parts = (*weights, "activation_memory", "cache_memory", "state_memory")
    return _breakdown(ledger, "performance", "Memory", "memory_used", parts, "memory_capacity")


def carbon(ledger: SystemLedger) -> Figure | None:
    """Return operational against embodied emissions."""
    parts = ("operational_carbon", "embodied_carbon")
    return _breakdown(ledger, "sustainability", "Carbon", "carbon", parts)


def cost(ledger: SystemLedger) -> Figure | None:
    """Return what the money is spent on."""
    parts = ("capital_cost", "running_cost")
    return _breakdown(ledger, "economics", "Cost", "tco", parts)


def _breakdown(
    ledger: SystemLedger,
    group_name: str,
    axis: str,
    total: str,
    parts: Sequence[str],
    capacity: str = "",
) -> Figure | None:
    group: Group = getattr(ledger, group_name)
    shown = [part for part in parts if part in group and group.si(part) > 0]
    if total not in group or not shown:
        return None
    series = [_bar(group, part, "part") for part in shown] + [_bar(group, total, "total")]
    limit = _limit(ledger, f"{group_name}.{total}", group, capacity)
    return {
        "name": total,
        "kind": "breakdown",
        "title": _finding(group, axis, total, shown),
        "alt": "; ".join(f"{bar['name']} {bar['text']}" for bar in [*series, *limit]),
        "axes": {"x": {"label": axis, "unit": group.metrics[total].unit, "scale": "linear"}},
        "series": [*series, *limit],
        "table": {
            "columns": ["Part", axis],
            "rows": [[bar["name"], bar["text"]] for bar in [*series, *limit]],
        },
    }


def _bar(group: Group, metric: str, role: str) -> dict[str, Any]:
    return {
        "name": group.metrics[metric].label,
        "role": role,
        "value": group.si(metric),
        "text": group.text(metric),
    }


def _limit(ledger: SystemLedger, path: str, group: Group, capacity: str) -> list[dict[str, Any]]:
    """Return the capacity, or else the limit that a verdict sets for this total."""
    if capacity and capacity in group:
        return [_bar(group, capacity, "limit")]
    return [
        {
            "name": verdict.constraint,
            "role": "limit",
            "value": verdict.limit,
            "text": units.humanize(verdict.limit, verdict.unit),
        }
        for verdict in ledger.verdicts
        if verdict.metric == path and verdict.sense == "at most"
    ][:1]


def _finding(group: Group, axis: str, total: str, shown: Sequence[str]) -> str:
    largest = max(shown, key=group.si)
    name = group.metrics[largest].label
    if len(shown) == 1:
        return f"{axis}: {name.lower()} alone, {group.text(total)}"
    return (
        f"{axis}: {name.lower()} is the largest part, {group.text(largest)} of {group.text(total)}"
    )
