"""The list of labs, read from the notebooks."""

from __future__ import annotations

import json

from mlsysim_widgets import lab_index


def write(path, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [], "metadata": metadata}), encoding="utf-8")


def test_labs_are_listed_in_order_with_title_and_question(tmp_path):
    write(tmp_path / "vol2" / "01_scale.ipynb")
    write(tmp_path / "vol1" / "00_orientation.ipynb", title="Lab 00", question="What?")
    write(tmp_path / "index.ipynb", title="Index")
    write(tmp_path / ".ipynb_checkpoints" / "old.ipynb")
    index = lab_index(tmp_path)
    assert index.labs == [
        ("vol1/00_orientation.ipynb", "Lab 00", "What?"),
        ("vol2/01_scale.ipynb", "01 scale", ""),
    ]
    page = index._repr_html_()
    assert "href='vol1/00_orientation.ipynb'" in page
    assert page.index("One node") < page.index("The fleet")


def test_hostile_metadata_stays_text(tmp_path):
    write(tmp_path / "vol1" / "'><script>.ipynb", title="<script>", question="<img src=x>")
    page = lab_index(tmp_path)._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_orientation_is_among_the_labs(repository):
    orientation = lab_index(repository / "labs").labs[0]
    assert orientation.path == "vol1/00_orientation.ipynb"
    assert orientation.question
