"""A ledger as plain text and as a notebook's HTML, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlsysim.ledger.metrics import Group, Verdict
    from mlsysim.ledger.scorecard import SystemLedger


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows of words into lines."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def table(ledger: SystemLedger) -> str:
    """Write the ledger as aligned plain text: a block for each group, then the verdicts."""
    blocks = []
    for name in ledger.groups:
        rows = _rows(getattr(ledger, name))
        if rows:
            blocks.append("\n".join([name.capitalize(), *(f"  {line}" for line in columns(rows))]))
    if ledger.verdicts:
        marks = [f"  {_mark(v)} {v}" for v in ledger.verdicts]
        blocks.append("\n".join(["Verdicts", *marks]))
    return "\n\n".join(blocks)


def html(ledger: SystemLedger) -> str:
    """Write the ledger as HTML that takes its colours from the page around it."""
    cards = "".join(
        _card(name, _rows(getattr(ledger, name)))
        for name in ledger.groups
        if _rows(getattr(ledger, name))
    )
    verdicts = "".join(
        f"<li>{_mark(verdict)} {escape(str(verdict))}</li>" for verdict in ledger.verdicts
    )
    listed = f"<ul style='list-style:none;padding:0;margin:0'>{verdicts}</ul>" if verdicts else ""
    return (
        "<div style='display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));"
        f"gap:.75rem;color:inherit'>{cards}</div><div style='margin-top:.75rem'>{listed}</div>"
    )


def preformatted(text: str) -> str:
    """Wrap plain text for a notebook."""
    return f"<pre style='color:inherit;background:none'>{escape(text)}</pre>"


def _mark(verdict: Verdict) -> str:
    return "✓" if np.all(verdict.holds) else "✗"


def _card(name: str, rows: list[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<tr><th scope='row' style='text-align:left;font-weight:normal;opacity:.8'>{escape(label)}"
        f"</th><td style='text-align:right'>{escape(text)}{_small(interval)}</td></tr>"
        for label, text, interval in rows
    )
    return (
        "<section style='border:1px solid currentColor;border-radius:.5rem;padding:.5rem .75rem'>"
        f"<strong>{escape(name.capitalize())}</strong>"
        f"<table style='width:100%;background:none;color:inherit'>{lines}</table></section>"
    )


def _small(interval: str) -> str:
    return f"<br><small style='opacity:.8'>{escape(interval)}</small>" if interval else ""


def _rows(group: Group) -> list[tuple[str, str, str]]:
    return [
        (group.metrics[name].label, group.text(name), group.interval_text(name)) for name in group
    ]
