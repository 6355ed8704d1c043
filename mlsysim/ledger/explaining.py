"""Explanations of a ledger: its simulation is run once more, recorded, and asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlsysim.derivation import Bibliography, Explanation
from mlsysim.errors import InvalidInput
from mlsysim.tracing import Leaf, Node, node_of, plain

if TYPE_CHECKING:
    from mlsysim.ledger.scorecard import SystemLedger


def explain(ledger: SystemLedger, path: str) -> Explanation:
    """Return how the number at a path came about."""
    group, _, name = path.partition(".") if isinstance(path, str) else ("", "", "")
    if group not in ledger.groups:
        ledger.metric(path)
    metric, factor = ledger.groups[group]._resolve(name)
    full = f"{group}.{metric.name}"
    if not metric.unit:
        words = "a metric that is a number; this is a note in words"
        raise InvalidInput("metric", full, words)
    if ledger.si(full) is None:
        words = f"one that applies here: {', '.join(_numbers(ledger))}"
        raise InvalidInput("metric", full, words, f"{metric.label} does not apply.")
    nodes = _derivation(ledger)
    return Explanation(
        path=path,
        node=nodes[full],
        factor=factor,
        metrics={node: ledger.metric(each) for each, node in reversed(nodes.items())},
    )


def sources(ledger: SystemLedger) -> Bibliography:
    """Return all sources that the numbers of a ledger rest on."""
    return Bibliography.of(_derivation(ledger).values())


def _derivation(ledger: SystemLedger) -> dict[str, Node]:
    """Return the node of each number of the ledger, recorded when first asked for."""
    known: dict[str, Node] | None = vars(ledger).get("_derivation")
    if known is not None:
        return known
    if ledger._record is None:
        words = "a ledger that a simulation evaluated"
        raise InvalidInput("ledger", ledger, words, "This one has no derivation.")
    recorded = ledger._record()
    nodes = {path: _node(ledger, recorded, path) for path in _numbers(ledger)}
    object.__setattr__(ledger, "_derivation", nodes)
    return nodes


def _node(ledger: SystemLedger, recorded: SystemLedger, path: str) -> Node:
    value, metric = recorded.si(path), ledger.metric(path)
    if not np.allclose(plain(value), ledger.si(path), rtol=1e-9, atol=0.0):
        words = f"{ledger.si(path)!r} again, as when the ledger was made"
        raise InvalidInput(path, plain(value), words, "The simulation is not repeatable.")
    node = node_of(value)
    if node is not None:
        return node
    maker = ledger.context.get("simulation", "the simulation")
    return Leaf(
        value=value,
        name=path,
        kind="computed",
        label=f"{metric.label}, as {maker} states it",
        unit=metric.unit,
    )


def _numbers(ledger: SystemLedger) -> list[str]:
    found: list[Any] = [
        f"{group}.{name}"
        for group in ledger.groups
        for name in getattr(ledger, group)
        if ledger.metric(f"{group}.{name}").unit
    ]
    return found
