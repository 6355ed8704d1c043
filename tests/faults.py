"""Faults: kernels that die at random moments under a student, who must lose nothing.

    python tests/faults.py --kills 100 --seed 0 --json faults.json

A student in a real browser changes a control, drags one, commits an answer, decides or starts
over; a random moment later the kernel is killed. The page must say so within five seconds, and
one click must bring back every answer and the design that was on the page. The exit status is 1
where it did not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import chromium
import nbformat
import psutil
from lab_server import running_voila
from playwright.sync_api import Error, Page, sync_playwright
from tqdm import tqdm

PATIENCE_MS = 60_000
TOLD_WITHIN_S = 5.0
LONGEST_DELAY_S = 0.4
REGIONS = ["Quebec", "Poland", "France", "Brazil"]

LAB = [
    """\
from mlsysim import ResourceSimulation
from mlsysim_widgets import Dashboard, Decision, Journal, Prediction
journal = Journal("vol1-02")
journal""",
    *(
        f"""Prediction(journal, "guess-{number}", "Which of these is guess {number}?",
            answer="First", options={{"First": "Yes.", "Second": "No.", "Third": "No."}})"""
        for number in range(4)
    ),
    """\
dashboard = Dashboard(ResourceSimulation, region="Quebec")
dashboard""",
    """\
Decision(journal, "region", dashboard, "Where?", reasons=["It costs least", "It emits least"])""",
]


def write_lab(file: Path, cells: list[str]) -> None:
    """Write a lab of these cells."""
    kernel = {"name": "python3", "display_name": "", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, file)


KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"


def kernel_of(page: Page) -> psutil.Process:
    """Return the process of a page's kernel, which a server of this process runs."""
    name = f"kernel-{page.evaluate(KERNEL)}.json"
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(part.endswith(name) for part in each.cmdline()):
                return each
    raise LookupError(name)


@dataclass(frozen=True)
class Work:
    """What a student has on the page, and what the browser keeps."""

    design: dict[str, Any]
    answers: dict[str, str]
    kept: dict[str, str]

    def lost(self, later: Work) -> list[str]:
        """List what is missing later, or another than it was."""
        lost = [] if later.design == self.design else [f"design {self.design} {later.design}"]
        for name, before, after in (
            ("answer", self.answers, later.answers),
            ("record", self.kept, later.kept),
        ):
            lost += [f"{name} {key}" for key, value in before.items() if after.get(key) != value]
        return lost


WORK = """() => ({
  design: JSON.parse(document.querySelector(".mls[data-ready=true]").dataset.state),
  answers: Object.fromEntries([...document.querySelectorAll(".mls-lesson:has(.mls-told)")].map(
    part => [part.getAttribute("aria-label"),
      part.dataset.locked === "true" ? part.querySelector(":checked").value : "saved"])),
  kept: Object.fromEntries(
    Object.entries(localStorage).filter(([name]) => name.startsWith("mlsysim/journal/"))),
})"""

SAME_DESIGN = """design => JSON.stringify(design) === JSON.stringify(
  JSON.parse(document.querySelector(".mls[data-ready=true]").dataset.state))"""


class Student:
    """Somebody before a lab."""

    def __init__(self, page: Page):
        self.page = page
        self.gone = page.locator(".mls-gone")
        self.dashboard = page.locator(".mls[data-ready=true]")
        self.arrived()

    def arrived(self) -> None:
        """Wait until the page has everything."""
        self.page.locator(".mls-journal[data-opened=true]").wait_for(timeout=PATIENCE_MS)
        self.dashboard.first.wait_for(timeout=PATIENCE_MS)

    @property
    def work(self) -> Work:
        """What there is now."""
        return Work(**self.page.evaluate(WORK))

    def predictions(self, *, locked: bool) -> Any:
        """Return the questions that are answered, or those that are not."""
        return self.page.locator(f"[data-part=prediction][data-locked={str(locked).lower()}]")

    def change(self, region: str) -> None:
        """Pick a region."""
        self.page.locator("[data-control=region] select").select_option(region)

    def drag(self, share: float) -> None:
        """Drag the first slider there, and hold it."""
        slider = self.dashboard.locator("input[type=range]").first
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["width"] * share, middle, steps=10)

    def answer(self, option: int) -> None:
        """Commit an answer to the first question that has none; where all have one, start over."""
        question = self.predictions(locked=False).first
        if not question.count():
            self.page.locator(".mls-journal summary").click()
            self.page.get_by_role("button", name="Start this lab over").click()
            self.page.get_by_role("button", name="Yes, start over").click()
        question.locator("input[type=radio]").nth(option).check()
        question.get_by_role("button", name="Commit").click()

    def decide(self, reason: int) -> None:
        """Save the design."""
        decision = self.page.locator("[data-part=decision]")
        decision.locator("input[type=radio]").nth(reason).check()
        decision.get_by_role("button", name="Save this design").click()

    def shows(self, design: dict[str, Any]) -> None:
        """Wait until the answer to a design is painted."""
        self.page.wait_for_function(SAME_DESIGN, arg=design)

    def designed(self, region: str) -> None:
        """Pick a region, and wait until a reload of the page would come back to it."""
        self.change(region)
        self.page.wait_for_function("name => location.hash.includes(name)", arg=f"region={region}")

    def resume(self, work: Work) -> None:
        """Press the one button of the notice, and wait until the page has its design again."""
        with self.page.expect_navigation(wait_until="commit"):
            self.gone.get_by_role("button").click()
        self.arrived()
        self.shows(work.design)


@dataclass(frozen=True)
class Death:
    """One kernel that was killed: how, and what the student saw of it."""

    action: str
    delay_s: float
    told_s: float
    resumed_s: float
    lost: list[str]

    @property
    def ok(self) -> bool:
        """Whether everything is as it must be."""
        return self.told_s <= TOLD_WITHIN_S and not self.lost


ACTIONS: dict[str, Callable[[Student, random.Random], None]] = {
    "change": lambda student, chance: student.change(chance.choice(REGIONS)),
    "drag": lambda student, chance: student.drag(chance.random()),
    "answer": lambda student, chance: student.answer(chance.randrange(3)),
    "decide": lambda student, chance: student.decide(chance.randrange(2)),
}


def die(student: Student, action: str, chance: random.Random) -> Death:
    """Kill the kernel a random moment after an action, and resume."""
    ACTIONS[action](student, chance)
    delay_s = chance.uniform(0.0, LONGEST_DELAY_S)
    student.page.wait_for_timeout(delay_s * 1000.0)
    kernel_of(student.page).kill()
    killed = time.monotonic()
    student.gone.wait_for()
    told_s = time.monotonic() - killed
    student.page.mouse.up()
    before = student.work
    clicked = time.monotonic()
    # What does not come back is counted below.
    with contextlib.suppress(Error):
        student.resume(before)
    resumed_s = time.monotonic() - clicked
    return Death(action, delay_s, told_s, resumed_s, before.lost(student.work))


def deaths(page: Page, *, kills: int, seed: int) -> Iterator[Death]:
    """Let the student before a page see so many kernels die."""
    student, chance = Student(page), random.Random(seed)  # noqa: S311 - moments to be drawn again
    actions: list[str] = []
    for _ in range(kills):
        actions = actions or chance.sample(list(ACTIONS), len(ACTIONS))
        yield die(student, actions.pop(), chance)


def summary(seen: list[Death]) -> str:
    """Say what a student saw of all deaths."""
    bad = sum(not each.ok for each in seen)
    told, resumed = max(each.told_s for each in seen), max(each.resumed_s for each in seen)
    return (
        f"{len(seen)} kernels killed: {bad} with something lost or late; "
        f"told within {told:.1f} s, resumed within {resumed:.1f} s"
    )


@contextlib.contextmanager
def running_lab() -> Iterator[str]:
    """Serve the lab, with journals in browsers alone; give its address."""
    with tempfile.TemporaryDirectory() as folder, _environment(MLSYSIM_JOURNAL=""):
        write_lab(Path(folder) / "lab.ipynb", LAB)
        with running_voila(Path(folder)) as address:
            yield f"{address}lab.ipynb"


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> int:
    """Kill kernels, and tell what the student saw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="how many kernels to kill")
    parser.add_argument("--seed", type=int, default=0, help="which moments are drawn")
    parser.add_argument("--json", type=Path, help="write every death here")
    options = parser.parse_args()
    seen = []
    with sync_playwright() as playwright, running_lab() as address:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=chromium.OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        drawn = deaths(page, kills=options.kills, seed=options.seed)
        for death in tqdm(drawn, total=options.kills, unit="kill"):
            seen.append(death)
            if not death.ok:
                tqdm.write(str(death))
        browser.close()
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in seen], indent=1), "utf-8")
    print(f"seed {options.seed}: {summary(seen)}")  # noqa: T201
    return 0 if all(each.ok for each in seen) else 1


if __name__ == "__main__":
    sys.exit(main())
