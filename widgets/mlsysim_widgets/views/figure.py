"""Figure: what a view hands over, as plain data that any renderer can draw."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np


class Table(TypedDict):
    """The numbers of a figure as text, for people who read rather than look."""

    columns: list[str]
    rows: list[list[str]]


class Figure(TypedDict):
    """One figure: its kind, the finding as title, axes with units, series, alt text, table.

    Numbers of series are in the unit of their axis. `plotly` is the same figure for plotly.js,
    where somebody asked for it.
    """

    name: str
    kind: str
    title: str
    alt: str
    axes: dict[str, dict[str, Any]]
    series: list[dict[str, Any]]
    table: Table
    plotly: NotRequired[dict[str, Any]]


def axis(label: str, unit: str, scale: str = "linear") -> dict[str, Any]:
    """Return an axis; `scale` is "linear" or "log". Where there is no y axis, rows have names.

    >>> axis("Latency", "ms")
    {'label': 'Latency', 'unit': 'ms', 'scale': 'linear'}
    """
    return {"label": label, "unit": unit, "scale": scale}


def axis_title(declared: dict[str, Any]) -> str:
    """Return what stands at an axis.

    >>> axis_title(axis("Latency", "ms")), axis_title(axis("Batch size", ""))
    ('Latency (ms)', 'Batch size')
    """
    return f"{declared['label']} ({declared['unit']})" if declared["unit"] else declared["label"]


def plain(values: Any) -> list[float]:
    """Return an array as numbers of six digits: a screen has no room for more."""
    return [float(f"{value:.6g}") for value in values]


def spread(values: Any) -> str:
    """Return the scale on which values can be told apart: "log" over more than thirty times.

    >>> spread([1.0, 20.0]), spread([1.0, 31.0]), spread([0.0, 31.0])
    ('linear', 'log', 'linear')
    """
    wide = min(values) > 0 and np.ptp(np.log(values)) > np.log(30.0)
    return "log" if wide else "linear"
