"""The JavaScript of the widgets, tested by Node on what dashboards in Python send."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mlsysim_widgets import Dashboard
from user_simulations import HOSTILE, Hostile, Waiting

FOLDER = Path(__file__).parent
TESTS = sorted(FOLDER.glob("*.test.js"))
SENT = ("spec", "state", "view")


def sent(simulation, **choice):
    dashboard = Dashboard(simulation, **choice)
    return {name: getattr(dashboard, name) for name in SENT}


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory):
    """What the browser gets of a few dashboards, by name, in a file."""
    path = tmp_path_factory.mktemp("javascript") / "dashboards.json"
    examples = {
        "waiting": sent(Waiting),
        "refused": sent(Waiting, load="3 kg"),
        "broken": sent(Waiting, servers=1, load=0.9),
        "hostile": sent(Hostile),
        "hostile_value": sent(Hostile, option=HOSTILE, number=HOSTILE),
        "hostile_error": sent(Hostile, number=1.0),
    }
    path.write_text(json.dumps(examples, allow_nan=False), "utf-8")
    return path


def test_there_are_tests():
    assert TESTS


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_modules_in_node(path, dashboards):
    node = shutil.which("node")
    assert node, "no Node on the path: `make test` installs it"
    result = subprocess.run(
        [node, "--test", path],
        env={**os.environ, "DASHBOARDS": str(dashboards), "HOSTILE": HOSTILE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
