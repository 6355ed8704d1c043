"""What `make bench` says of the figures it measures."""

from __future__ import annotations

import json

import bench
import pytest
from costs import Figure

KEPT = Figure("kept", 3.0, "ms", 2.0, "a floor", most_times=1.5, most=3.0)


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (KEPT, True),
        (KEPT._replace(cost=3.1), False),
        (KEPT._replace(most_times=1.4), False),
        (Figure("without a floor", 0.0, "messages", most=0.0), True),
        (Figure("without a floor", 1.0, "messages", most=0.0), False),
        (Figure("never measured", float("nan"), "ms", most=1.0), False),
    ],
)
def test_a_budget_holds_while_neither_bound_is_passed(figure, holds):
    assert figure.holds is holds
    assert bench.row(figure).endswith("holds" if holds else "BROKEN")


@pytest.mark.browser
@pytest.mark.parametrize(("cost", "status"), [(3.0, 0), (4.0, 1)])
def test_the_whole_table_is_printed_and_a_broken_budget_fails(
    cost, status, in_a_thread, monkeypatch, capsys, tmp_path
):
    measured = [KEPT._replace(cost=cost), Figure("no floor", 1.0, "MB", most=5.0)]
    monkeypatch.setattr(bench, "figures", lambda _: iter(measured))
    monkeypatch.setattr("sys.argv", ["bench.py", "--json", str(tmp_path / "figures.json")])
    assert in_a_thread(bench.main) == status
    assert "no floor" in capsys.readouterr().out
    stored = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert [each["holds"] for each in stored["figures"]] == [not status, True]
    assert stored["figures"][1]["times"] is None
    assert stored["after"].keys() == {"python", "numpy", "chromium", "cores", "load"}
