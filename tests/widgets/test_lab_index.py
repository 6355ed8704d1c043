"""The course on one page: labs read from notebooks, and how far a journal says a student is."""

from __future__ import annotations

import json

import pytest
from mlsysim_widgets import Journal, lab_index, store
from mlsysim_widgets.index import labs_of

FIRST = """\
journal = Journal("vol1-00")
cast = Cast(journal, ResourceSimulation, {})
carbon = Prediction(journal, "carbon", "What?", answer=1)
"""
ANSWER = {
    "question": "What?", "given": 1.0, "text": "1", "actual": "1", "right": True, "feedback": "",
}  # fmt: skip
SECOND = 'Question(journal, "two", "Why?", answer=2)'


def write(path, *code, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "code", "source": [each]} for each in code]
    path.write_text(json.dumps({"cells": cells, "metadata": metadata}), encoding="utf-8")


@pytest.fixture(autouse=True)
def no_file(monkeypatch):
    monkeypatch.setenv(store.FOLDER, "")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "vol2" / "01_scale.ipynb", 'journal = Journal("vol2-01")', SECOND)
    about = {"title": "Lab 00", "question": "What?", "minutes": 35}
    write(tmp_path / "vol1" / "00_orientation.ipynb", FIRST, SECOND, **about)
    write(tmp_path / "index.ipynb", title="Index")
    write(tmp_path / ".ipynb_checkpoints" / "old.ipynb")
    return tmp_path


def pages(index):
    return [page for section in index.view["sections"] for page in section["pages"]]


def test_labs_are_listed_in_order_with_what_they_ask(folder):
    index = lab_index(folder=folder)
    assert index.labs == (
        ("vol1/00_orientation.ipynb", "Lab 00", "What?", 35, {"vol1-00/carbon", "vol1-00/two"}),
        ("vol2/01_scale.ipynb", "01 scale", "", None, {"vol2-01/two"}),
    )
    titles = [section["title"] for section in index.view["sections"]]
    assert titles == ["Volume 1 · One node", "Volume 2 · The fleet"]
    assert [page["time"] for page in pages(index)] == ["about 35 minutes", ""]


def test_nothing_is_said_of_a_student_before_the_page_has_said_who_it_is(folder):
    index = lab_index(folder=folder)
    assert index.view["next"] is None
    assert [page["state"] for page in pages(index)] == ["", ""]


def test_the_page_says_what_is_done_and_where_to_go_on(folder):
    journal = Journal()
    index = lab_index(journal, folder)
    journal.load("Ada")
    assert index.view["next"] == {
        "label": "Begin", "title": "Lab 00", "path": "vol1/00_orientation.ipynb",
    }  # fmt: skip
    journal.write("vol1-00/carbon.cloudtitan", "prediction", ANSWER)
    assert [page["state"] for page in pages(index)] == ["1 of 2 answered", ""]
    assert index.view["next"]["label"] == "Go on with"
    journal.write("vol1-00/two", "prediction", ANSWER)
    assert [page["state"] for page in pages(index)] == ["Done", ""]
    assert index.view["next"]["title"] == "01 scale"
    journal.write("vol2-01/two", "prediction", ANSWER)
    assert index.view["next"] is None


def test_one_goes_on_with_the_lab_that_was_open_last(folder):
    write(folder / "vol2" / "01_scale.ipynb", 'journal = Journal("vol2-01")', SECOND, FIRST)
    journal = Journal()
    index = lab_index(journal, folder)
    journal.load("Ada")
    journal.write("vol2-01/two", "prediction", ANSWER)
    assert index.next.path.startswith("vol2")
    journal.write("vol1-00/two", "prediction", ANSWER)
    assert index.next.path.startswith("vol1")


def test_answers_of_two_personas_do_not_make_one_lab(folder):
    write(
        folder / "vol1" / "00_orientation.ipynb", FIRST, 'Prediction(journal, "b", "?", answer=1)'
    )
    journal = Journal()
    index = lab_index(journal, folder)
    journal.load("Ada")
    journal.write("vol1-00/carbon.cloudtitan", "prediction", ANSWER)
    journal.write("vol1-00/b.tinypioneer", "prediction", ANSWER)
    assert pages(index)[0]["state"] == "1 of 2 answered"


def test_what_was_taken_back_is_not_answered(folder):
    journal = Journal()
    index = lab_index(journal, folder)
    journal.load("Ada")
    journal.write("vol1-00/two", "prediction", ANSWER)
    journal.write("vol1-00/two", "prediction", None)
    assert pages(index)[0]["state"] == ""


def test_every_lab_says_its_question_its_time_and_what_it_asks(repository):
    for lab in labs_of(repository / "labs"):
        assert lab.question.endswith("?"), lab.path
        assert 35 <= lab.minutes <= 50, lab.path
        assert len(lab.asks) >= 5, lab.path
