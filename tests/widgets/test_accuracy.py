"""The page on accuracy without a browser: stored rows in, plain data out."""

from __future__ import annotations

import json

import pytest
from mlsysim_widgets import Accuracy, accuracy, lab_index
from mlsysim_widgets.accuracy_page import accuracy_page
from mlsysim_widgets.scripts import STATIC

from mlsysim.errors import UnknownName
from mlsysim.validation import results

SCRIPT = (STATIC / "accuracy.js").read_text("utf-8")
HOSTILE = "<img src=x onerror=alert(1)>"


def row(name, group, measured, predicted, **more):
    return {
        "name": name, "family": "perf", "group": group, "band": "inference", "measured": measured,
        "predicted": predicted, "unit": "second", "about": f"about {name}", "apart": "", **more,
    }  # fmt: skip


SUMMARY = {
    "rows": 2, "unpredicted": 0, "median": 0.125, "p90": 0.5, "within_20": 0.5, "bias": -0.0625,
    "interval_coverage": 0.75,
}  # fmt: skip
STORED = {
    "date": "2026-01-02",
    "rows": [
        row("a-1", "bert_infer", 0.001, 0.0009),
        row("a-2", "bert_infer", 10.0, 12.5, band="training"),
        row("a-3", "bert_memory", 0.5, 0.25, apart="written from memory"),
        row("a-4", "bert_infer", 1.0, None),
        row("e-1", "serving_energy", 3.0, 3.3, family="energy", unit="joule"),
        row("e-2", "training_hours", 700.0, 350.0, family="energy", unit="hour"),
        row("n-1", "new_group", 5.0, 5.0, family="new", unit="widget", apart="too new"),
    ],
    "totals": {"perf": SUMMARY, "energy": {**SUMMARY, "rows": 1234, "p90": None}},
    "groups": {"perf/bert_infer": SUMMARY, "energy/serving_energy": SUMMARY},
}


@pytest.fixture
def figures():
    return {figure["name"]: figure for figure in accuracy_page(STORED)["figures"]}


def points(figure):
    return [entry for entry in figure["series"] if entry["role"] == "points"]


def test_each_family_is_a_figure_and_each_unit_too(figures):
    assert list(figures) == ["perf", "energy/joule", "energy/hour", "new"]
    assert figures["energy/hour"]["label"] == "Datacentre: energy, in hours"
    assert figures["energy/hour"]["axes"]["x"]["label"] == "Measured time"
    assert figures["perf"]["axes"]["y"] == {
        "label": "Predicted time", "unit": "second", "scale": "log",
    }  # fmt: skip


def test_title_is_the_finding_of_the_totals(figures):
    assert figures["perf"]["title"] == "Half of 2 datacentre times are predicted within 12.5 %"
    assert figures["energy/hour"]["title"].startswith("Half of 1,234 datacentre energies")
    assert figures["new"]["title"] == "New values: every row is kept apart"


def test_points_are_gathered_by_band_or_else_by_group(figures):
    inference, training = points(figures["perf"])
    assert (inference["name"], training["name"]) == ("inference", "training")
    assert inference["row"] == ["a-1", "a-3"]
    assert (inference["x"], inference["y"]) == ([0.001, 0.5], [0.0009, 0.25])
    assert [entry["name"] for entry in points(figures["energy/joule"])] == ["serving energy"]


def test_a_point_is_told_in_words(figures):
    inference, training = points(figures["perf"])
    assert (inference["measured"][0], inference["predicted"][0]) == ("1 ms", "900 µs")
    assert (inference["error"], training["error"]) == (["−10.0 %", "−50.0 %"], ["+25.0 %"])
    assert training["about"] == ["about a-2"]
    assert points(figures["energy/hour"])[0]["measured"] == ["700 hour"]


def test_rows_kept_apart_say_why(figures):
    assert figures["perf"]["apart"] == ["1 row: written from memory"]
    assert figures["perf"]["apart_rows"] == 1
    assert points(figures["perf"])[0]["apart"] == ["", "written from memory"]


def test_tables_sum_up_groups_and_families(figures):
    table = figures["perf"]["table"]
    assert table["columns"][:2] == ["Group", "Rows"]
    assert table["rows"] == [["bert infer", "2", "12.5 %", "50.0 %", "−6.2 %", "50 %", "75 %"]]
    totals = accuracy_page(STORED)["totals"]
    assert [name for name, *_ in totals["rows"]] == ["Datacentre: time", "Datacentre: energy"]
    assert totals["rows"][1][3] == "–"


def test_page_is_plain_data_and_text_stays_text():
    rows = [row(HOSTILE, HOSTILE, 1.0, 1.0, about=HOSTILE)]
    page = accuracy_page({**STORED, "rows": rows})
    assert json.loads(json.dumps(page)) == page
    assert points(page["figures"][0])[0]["about"] == [HOSTILE]


def test_script_writes_text_nodes_only():
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "http://", "https://"):
        assert unsafe not in SCRIPT.replace("http://www.w3.org/2000/svg", "")


def test_figure_can_be_chosen():
    assert Accuracy(stored=STORED).chosen == "perf"
    assert Accuracy("energy/hour", STORED).chosen == "energy/hour"
    with pytest.raises(UnknownName, match="energy/joule"):
        Accuracy("energy", STORED)


def test_stored_validation_is_shown_whole():
    page = accuracy().page
    drawn = [x for figure in page["figures"] for entry in points(figure) for x in entry["x"]]
    predicted = [row for row in results.load()["rows"] if row["predicted"] is not None]
    assert len(drawn) == len(predicted) > 0
    assert min(drawn) > 0
    assert all(
        entry for figure in page["figures"] for part in points(figure) for entry in part["about"]
    )


def test_index_ends_with_the_page_on_accuracy(repository):
    index = lab_index(folder=repository / "labs")
    assert index.accuracy is not None
    last = index.view["sections"][-1]
    assert last["title"] == "How right are the labs?"
    assert [page["path"] for page in last["pages"]] == ["accuracy.ipynb"]
    assert "accuracy.ipynb" not in [lab.path for lab in index.labs]
