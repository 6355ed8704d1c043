"""The steps of labs/README.md by which a lab is written, taken in a copy of what they need."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from mlsysim_widgets.embed import iframe
from mlsysim_widgets.index import labs_of

from mlsysim import DataSimulation

REPOSITORY = Path(__file__).resolve().parents[2]
BASH = re.compile(r"^ *```bash\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def section(heading):
    """Return a section of labs/README.md."""
    text = (REPOSITORY / "labs" / "README.md").read_text(encoding="utf-8")
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_a_copy_of_the_template_is_a_lab_that_passes_its_tests(tmp_path):
    kept = shutil.ignore_patterns("node_modules", ".ipynb_checkpoints", "__pycache__")
    for folder in ("labs", "tests"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=kept)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    blocks = BASH.findall(section("Write a lab"))
    for command in "".join(blocks).splitlines():
        program, *arguments = shlex.split(command)
        # These start servers, and never end.
        if program == "make":
            continue
        own = sys.executable if program == ".venv/bin/python" else program
        done = subprocess.run(
            [own, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r" \d{2} passed", done.stdout), done.stdout
    listed = [lab.path for lab in labs_of(tmp_path / "labs")]
    assert "vol1/03_workflow.ipynb" in listed
    assert "template.ipynb" not in listed


def test_the_line_that_embeds_is_the_one_that_is_printed():
    shown = re.findall("<iframe.*", section("Embed a dashboard in a chapter page"))
    assert shown == [iframe("data.html", DataSimulation.title)] * 2
