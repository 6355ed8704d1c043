"""Cards: a ledger as four groups of readable numbers, verdicts with margins, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsysim import units
from mlsysim.choices import NumberChoice
from mlsysim.ledger import Group, SystemLedger, Verdict
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets.controls import unit_label

FIRST: Mapping[str, tuple[str, ...]] = {
    "performance": (
        "latency",
        "throughput",
        "energy_per_sample",
        "model_flops_utilization",
        "binding_limit",
        "compression_ratio",
        "speedup",
        "quality_kept",
        "offered_load",
        "time_to_first_token_p99",
    ),
    "sustainability": (
        "carbon",
        "operational_carbon",
        "embodied_carbon",
        "energy",
        "water",
        "battery_life",
    ),
    "economics": (
        "tco",
        "capital_cost",
        "running_cost",
        "cost_per_sample",
        "cost_per_million_output_tokens",
    ),
    "reliability": (
        "availability",
        "mean_time_between_failures",
        "expected_failures",
        "goodput",
        "devices",
    ),
}
"""What a card shows where it applies, the headline first; the whole ledger shows everything."""

_ALL = {1: "its one", 2: "both"}


def cards(ledger: SystemLedger) -> list[dict[str, Any]]:
    """Return a card for each group that has numbers: a headline, more metrics, and all of them."""
    result = []
    for name in ledger.groups:
        group: Group = getattr(ledger, name)
        known = list(group)
        if known:
            chosen = [metric for metric in FIRST[name] if metric in known] or known[:5]
            result.append(
                {
                    "group": name,
                    "label": name.capitalize(),
                    "metrics": [_metric(name, group, metric) for metric in chosen],
                    "all": [_metric(name, group, metric) for metric in known],
                }
            )
    return result


def _metric(name: str, group: Group, metric: str) -> dict[str, str]:
    declared = group.metrics[metric]
    return {
        "path": f"{name}.{metric}",
        "label": declared.label,
        "text": group.text(metric),
        "base": _base_text(group, metric),
        "interval": group.interval_text(metric),
        "description": declared.description,
    }


def _base_text(group: Group, metric: str) -> str:
    """Write a number in its base unit; nothing for a fact in words."""
    unit = group.metrics[metric].unit
    return units.in_base_unit(group.si(metric), unit) if unit else ""


def verdicts(ledger: SystemLedger) -> list[dict[str, Any]]:
    """Return each constraint with whether it holds, and its margin in words.

    >>> late = Verdict("Deadline", "performance.latency", 0.25, 0.2, "second", "at most", "Shrink.")
    >>> verdicts(SystemLedger(verdicts=(late,)))[0]["margin"]
    'violated by 25 %. Shrink.'
    """
    return [_verdict(verdict) for verdict in ledger.verdicts]


def _verdict(verdict: Verdict) -> dict[str, Any]:
    value, most = verdict.texts
    limit = f"{verdict.sense} {most}"
    return {
        "constraint": verdict.constraint,
        "holds": verdict.holds,
        "text": value,
        "limit_text": limit,
        "value": verdict.value,
        "limit": verdict.limit,
        "margin": str(verdict).removeprefix(f"{verdict.constraint}: {value}, must be {limit} – "),
    }


def sentence(simulation: BaseSimulation, ledger: SystemLedger, choice: Mapping[str, Any]) -> str:
    """Sum a design up in one sentence, leaving out what does not apply."""
    facts = [
        ledger.performance.text("latency") if "latency" in ledger.performance else "",
        _bound(ledger.performance.si("binding_limit")),
        _carbon(simulation, ledger, choice),
    ]
    told = ", ".join(fact for fact in facts if fact)
    design = f"{_fleet(simulation)}{_place(ledger, choice)}"
    parts = [f"{design}: {told}" if told else design, _judgement(ledger)]
    return "; ".join(part for part in parts if part)


def count(number: int) -> str:
    """Write a whole number the way people say it.

    >>> count(10_000_000), count(10_000)
    ('10 million', '10,000')
    """
    text = f"{number:,}"
    return f"{text.removesuffix(',000,000')} million" if text.endswith(",000,000") else text


def _fleet(simulation: BaseSimulation) -> str:
    units = int(simulation.units)
    return f"{count(units)} {simulation.scenario.unit}{'' if units == 1 else 's'}"


def _place(ledger: SystemLedger, choice: Mapping[str, Any]) -> str:
    region = ledger.sustainability.si("region") or choice.get("region")
    return f" in {region}" if region else ""


def _bound(limit: str | None) -> str:
    return f"bound by {limit}" if limit else ""


def _carbon(simulation: BaseSimulation, ledger: SystemLedger, choice: Mapping[str, Any]) -> str:
    if "carbon" not in ledger.sustainability:
        return ""
    carbon = ledger.sustainability.text("carbon")
    for declared in simulation.choices:
        if declared.name.startswith("duration") and isinstance(declared, NumberChoice):
            duration = f"{choice[declared.name]:,g} {unit_label(declared.unit)}"
            return f"{carbon} over {duration}"
    return carbon


def _judgement(ledger: SystemLedger) -> str:
    total = len(ledger.verdicts)
    broken = [verdict.constraint for verdict in ledger.violations]
    if not total:
        return ""
    if broken:
        return f"breaks {len(broken)} of {total} constraints: {', '.join(broken)}"
    return f"meets {_ALL.get(total, f'all {total}')} constraint{'' if total == 1 else 's'}"
