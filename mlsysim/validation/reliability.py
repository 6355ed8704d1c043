"""Failures and checkpoints: from the columns of a row to an interval, a count or a share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mlsysim import formulas
from mlsysim.constants import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SECONDS_PER_YEAR,
)
from mlsysim.errors import InvalidInput
from mlsysim.failure_rates import FailureRate, FailureRates
from mlsysim.validation.cases import Case, Row, Unpredictable, read

FAMILY = "reliability"
_FILE = "reliability_measured.csv"
_INTERVALS, _GOODPUT, _FORMULAS = "failure interval", "goodput", "checkpoint formulas"
_DEVICES_PER_NODE = 8
_USUAL_RESTART_S = 5 * SECONDS_PER_MINUTE

# First match wins: what a row calls its system, and the preset that counted it.
_PRESETS = (
    (r"llama.?3", "llama3_cluster"),
    (r"\brsc-?1?(?!-?[2-9])", "rsc1_cluster"),
    (r"32k", "meta_32k_cluster"),
    (r"\bopt\b", "opt_cluster"),
)
_UNITS_S = {
    "second": 1.0,
    "minute": SECONDS_PER_MINUTE,
    "hour": SECONDS_PER_HOUR,
    "day": SECONDS_PER_DAY,
    "week": 7 * SECONDS_PER_DAY,
    "year": SECONDS_PER_YEAR,
}
_APART = {
    "projection": "projected by its authors, not measured",
    "model of the paper": "a model of its authors, not a measurement",
    "authors estimate": "estimated by its authors, not measured",
}
_REASONS = {
    "interruptions_by_cause": "no law says which part fails, only how often one does",
    "share": "no law says how many jobs fail, or of what",
    "checkpoint_time": "neither the size of the state nor the storage is stated",
    "recovery_time": "no law says how long a job takes to start again",
    "availability": "the failure rate of its parts is not stated",
    "afr": "the rate itself is measured, and no law predicts it",
}
_CHECKS = {
    "young_first_order_period": "young",
    "daly_first_order_period": "daly",
    "exact_optimum_period": "optimum",
}


def cases(directory: Path) -> Iterator[Case]:
    """Yield the cases of `reliability_measured.csv`."""
    for row in read(directory, _FILE):
        predict, group = _law(row)
        yield Case(
            name=row["row_id"],
            family=FAMILY,
            group=group,
            band=group,
            measured=row.measured("value"),
            predict=partial(predict, row),
            apart=_APART.get(row["evidence"], "") or row.from_memory,
            unit=row["unit"].partition(" (")[0],
            about=f"{row['system']}: {row['metric']}, {row['unit']}. {row['source']}",
        )


def _law(row: Row) -> tuple[Callable[[Row], float], str]:
    """Return what predicts a row, and the group of rows it belongs to."""
    kind = row["kind"]
    if kind == "formula_check":
        return checkpoint_period_s, _FORMULAS
    if kind == "goodput":
        return goodput, _GOODPUT
    if kind == "interruptions_total":
        return interruptions, _INTERVALS
    if kind in ("mtbf", "mttf", "mttf_by_job_size"):
        return failure_interval, _INTERVALS
    if kind == "rate" and "sdc" not in row["metric"]:
        return failures, _INTERVALS
    return _refused, kind.replace("_", " ")


def _refused(row: Row) -> float:
    raise Unpredictable(_REASONS.get(row["kind"], "no law speaks about silent corruption of data"))


def preset(system: str) -> FailureRate:
    """Return the failure rate of a system: its own where it is published, else the middle of all.

    >>> preset("Llama 3 405B").name, preset("another").name
    ('llama3_cluster', 'typical_cluster')
    """
    found = (name for pattern, name in _PRESETS if re.search(pattern, system, re.IGNORECASE))
    return FailureRates[next(found, "typical_cluster")]


def nodes_of(row: Row) -> float:
    """Return the nodes of a row, of eight devices each where it counts only those."""
    if row.has("n_nodes"):
        return row.number("n_nodes")
    if row.has("n_accel"):
        return max(row.number("n_accel") / _DEVICES_PER_NODE, 1.0)
    raise Unpredictable("the size of the fleet is not public")


def seconds_of(text: str) -> float:
    """Return how many seconds the unit in a text has.

    >>> seconds_of("hours (approx)")
    3600.0
    """
    found = next((unit for unit in _UNITS_S if re.search(rf"\b{unit}s?\b", text)), None)
    if found is None:
        raise InvalidInput("unit", text, ", ".join(_UNITS_S))
    return float(_UNITS_S[found])


def failure_interval(row: Row) -> float:
    """Return the mean time between failures of a job, in the unit of its row."""
    interval = preset(row["system"]).job_failure_interval_s(nodes_of(row))
    return float(interval) / seconds_of(row["unit"])


def failures(row: Row) -> float:
    """Return how often a thousand nodes, or all nodes of a row, fail in the time of its unit."""
    per_second = preset(row["system"]).failures_per_node_second
    unit = row["unit"]
    nodes = 1000.0 if "1000" in unit else nodes_of(row)
    return per_second * nodes * seconds_of(unit.replace("-", " "))


def interruptions(row: Row) -> float:
    """Return how many failures a fleet has in the days of a row."""
    return float(
        formulas.expected_failures(
            duration=row.number("window_days") * SECONDS_PER_DAY,
            rate=preset(row["system"]).failures_per_node_second,
            parts=nodes_of(row),
        )
    )


def goodput(row: Row) -> float:
    """Return the share of time that is kept, of a job whose checkpoints are written beside it."""
    text = row["condition"]
    stated = re.search(r"checkpoint every ([\d.]+) (\w+)", text)
    if stated:
        work = float(stated[1]) * _spelled_s(stated[2])
    elif "hourly" in text:
        work = float(SECONDS_PER_HOUR)
    else:
        raise Unpredictable("the time between checkpoints is not stated")
    restart = re.search(r"restart ([\d.]+) (\w+)", text)
    return float(
        formulas.checkpointed_goodput(
            work=work,
            checkpoint=0.0,
            restart=float(restart[1]) * _spelled_s(restart[2]) if restart else _USUAL_RESTART_S,
            interval=preset(row["system"]).job_failure_interval_s(nodes_of(row)),
        )
    )


def _spelled_s(word: str) -> float:
    return seconds_of({"min": "minute", "h": "hour", "s": "second"}.get(word, word))


def checkpoint_period_s(row: Row) -> float:
    """Return the time from one checkpoint to the next, its own cost included, by a formula.

    To first order Daly's is Young's with downtime and restart added to the interval.
    """
    between = _stated_s("MTBF", row["condition"])
    cost, restart, down = (_stated_s(name, row["system"]) for name in ("C", "R", "D"))
    which = _CHECKS.get(row["metric"])
    if which == "young":
        work = formulas.young_checkpoint_interval(checkpoint=cost, interval=between)
    elif which == "daly":
        longer = between + restart + down
        work = formulas.young_checkpoint_interval(checkpoint=cost, interval=longer)
    elif which == "optimum":
        work = formulas.optimal_checkpoint_interval(checkpoint=cost, interval=between)
    else:
        raise Unpredictable(f"no formula for {row['metric']!r}")
    return float(work) + cost


def _stated_s(name: str, text: str) -> float:
    found = re.search(rf"\b{name} ?= ?([\d.]+) ?s", text)
    if found is None:
        raise Unpredictable(f"{name} is not stated")
    return float(found[1])
