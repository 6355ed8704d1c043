"""The JSON Schema of a ledger, made from the declared metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsysim.ledger.metrics import Group, Metric

_NUMBER = {"anyOf": [{"type": "number"}, {"type": "array"}, {"type": "null"}]}
_INTERVAL = {
    "description": "Two ends between which 80 % of measurements would lie.",
    "anyOf": [{"type": "array", "minItems": 2, "maxItems": 2}, {"type": "null"}],
}
_WORDS = {"type": ["string", "null"]}


def ledger_schema(groups: Mapping[str, type[Group]], version: str) -> dict[str, Any]:
    """Return the schema of `SystemLedger.to_dict` for these groups of metrics."""
    properties = {
        "schema_version": {"const": version},
        "context": {"type": "object"},
        **{name: _group(group) for name, group in groups.items()},
        "verdicts": {"type": "array", "items": _verdict()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SystemLedger",
        "description": "Every number is in the unit stated beside it.",
        "$defs": {"interval": _INTERVAL},
        **_record(properties),
    }


def _group(group: type[Group]) -> dict[str, Any]:
    described = {name: _metric(metric) for name, metric in group.metrics.items()}
    return {"description": (group.__doc__ or "").strip(), **_record(described)}


def _metric(metric: Metric) -> dict[str, Any]:
    value = _NUMBER if metric.unit else _WORDS
    properties = {
        "value": value,
        "unit": {"const": metric.unit or None},
        "interval": {"$ref": "#/$defs/interval"},
    }
    return {
        "title": metric.label,
        "description": metric.description,
        **_record(properties),
    }


def _verdict() -> dict[str, Any]:
    text = {"type": "string"}
    number = {"type": "number"}
    return _record(
        {
            "constraint": text,
            "metric": text,
            "value": number,
            "limit": number,
            "unit": text,
            "sense": {"enum": ["at most", "at least"]},
            "remedy": text,
            "holds": {"type": "boolean"},
            "margin": number,
        }
    )


def _record(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
