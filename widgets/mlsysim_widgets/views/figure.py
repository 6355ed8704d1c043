"""Figure: what a view hands over, as plain data that any renderer can draw."""

from __future__ import annotations

from typing import Any, TypedDict


class Table(TypedDict):
    """The numbers of a figure as text, for people who read rather than look."""

    columns: list[str]
    rows: list[list[str]]


class Figure(TypedDict):
    """One figure: its kind, the finding as title, axes with units, series, alt text, table."""

    name: str
    kind: str
    title: str
    alt: str
    axes: dict[str, dict[str, Any]]
    series: list[dict[str, Any]]
    table: Table
