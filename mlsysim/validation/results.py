"""The last validation, stored beside the package, for pages that show it."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import Any

from mlsysim.sources import DATA
from mlsysim.validation.report import Report, Score

FILE = DATA / "validation.json"


@cache
def load() -> dict[str, Any]:
    """Return the stored rows, totals and groups, as `write` left them.

    >>> sorted(load())
    ['date', 'groups', 'rows', 'totals']
    """
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return stored


def write(report: Report) -> None:
    """Store a report, a row to a line."""
    summed = report.to_dict()
    rows = [_row(score) for score in report.scores if score.predicted is not None]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({"date": dt.datetime.now(tz=dt.UTC).date().isoformat()})[1:-1]
    rest = json.dumps({"totals": summed["totals"], "groups": summed["groups"]}, indent=1)[1:-1]
    FILE.write_text(f'{{{head}, "rows": [\n{lines}\n],{rest}}}\n', encoding="utf-8")


def _row(score: Score) -> dict[str, Any]:
    case, predicted = score.case, score.predicted or 0.0
    return {
        "name": case.name,
        "family": case.family,
        "group": case.group,
        "band": case.band,
        "measured": float(f"{case.measured:.4g}"),
        "predicted": float(f"{predicted:.4g}"),
        "unit": case.unit,
        "about": case.about,
        "apart": case.apart,
    }
