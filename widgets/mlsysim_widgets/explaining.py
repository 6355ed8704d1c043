"""Explaining: where a number of a ledger comes from, as plain data that the browser unfolds."""

from __future__ import annotations

from typing import Any

from mlsysim.errors import MLSysimError
from mlsysim.ledger import SystemLedger


def explained(ledger: SystemLedger | None, path: Any) -> dict[str, Any]:
    """Return the tree of a number as a list of nodes, or a problem in plain words.

    >>> from mlsysim import ResourceSimulation
    >>> tree = explained(ResourceSimulation().evaluate({}), "economics.tco")
    >>> next(node["title"] for node in tree["nodes"] if node["id"] == tree["root"])
    'Total cost'
    >>> explained(None, "economics.tco")["problem"]
    'There is no ledger to explain yet.'
    """
    if ledger is None:
        return {"problem": "There is no ledger to explain yet.", "root": None, "nodes": []}
    try:
        tree = ledger.explain(path).to_dict()
    except MLSysimError as error:
        return {"problem": str(error), "root": None, "nodes": []}
    except Exception as error:  # noqa: BLE001 - a simulation that cannot be recorded says why
        return {"problem": f"{type(error).__name__}: {error}", "root": None, "nodes": []}
    nodes = [{**node, "value": None, "source": _source(node["source"])} for node in tree["nodes"]]
    return {"problem": None, "root": tree["root"], "nodes": nodes}


def _source(source: dict[str, Any] | None) -> dict[str, str] | None:
    if source is None:
        return None
    told = {name: str(source.get(name) or "") for name in ("title", "year", "locator", "kind")}
    return {**told, "words": ", ".join(word for word in told.values() if word)}
