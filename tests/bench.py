"""Benchmark: what mlsysim costs, each figure beside its floor, measured in the same minutes.

    python tests/bench.py --json figures.json

The exit status is 1 where a budget does not hold.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).parent / "browser"))

import chromium
import costs
import numpy as np
import painting
from playwright.sync_api import Browser, Page, sync_playwright
from servers import cpu_s, kernels_of, running_voila, write_notebooks

from mlsysim.cli.labs import say

WARM = tuple(painting.READY)
QUIET_S = 1.0


def figures(browser: Browser) -> Iterator[costs.Figure]:
    """Measure everything, from the import to the page."""
    yield costs.imported()
    yield costs.imported(costs.WHAT_A_LAB_IMPORTS)
    yield costs.evaluated()
    yield costs.swept()
    yield from costs.first_dashboard()
    yield from costs.changed_a_thousand_times()
    yield from on_pages(browser)


def on_pages(browser: Browser) -> Iterator[costs.Figure]:
    """Measure what a student sees in the browser, over Voila."""

    def visit(address: str) -> Page:
        page = browser.new_context().new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        return page

    with TemporaryDirectory() as folder:
        write_notebooks(Path(folder), WARM)
        with running_voila(Path(folder)) as (address, server):
            yield painting.page_to_interactive(
                visit, address, "page to interactive, warm kernel", lambda: until_warm(server)
            )
            yield painting.change_to_painted(visit, address)
            yield painting.end_of_a_drag(visit, address)


def until_warm(server: int) -> None:
    """Wait until a kernel waits for each page, and the server has nothing left to do."""
    before = -math.inf
    while len(kernels_of(server)) != len(WARM) or cpu_s(server) - before > 0.1 * QUIET_S:
        before = cpu_s(server)
        time.sleep(QUIET_S)


def machine(browser: Browser) -> dict[str, object]:
    """Say on what was measured, and how busy it was."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "chromium": browser.version,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def row(figure: costs.Figure) -> str:
    """Return a figure as a line of the table."""
    floor = figure.beside
    if not math.isnan(figure.floor):
        floor = f"{figure.floor:.3g} {figure.unit} {floor}"
    times = "" if math.isnan(figure.times) else f"{figure.times:.2f}"
    cost = f"{figure.cost:.3g} {figure.unit}"
    verdict = "holds" if figure.holds else "BROKEN"
    return f"{figure.name:<68}{cost:>10}  {floor:<34}{times:>5}  {figure.budget:<19}{verdict}"


def record(figure: costs.Figure) -> dict[str, object]:
    """Return a figure as JSON can hold it: what there is none of is null."""
    whole = {**figure._asdict(), "times": figure.times}
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in whole.items()
    }
    return {**finite, "holds": figure.holds}


def main() -> int:
    """Measure, print each figure when it is there, and tell whether every budget holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every figure, and on what it was measured")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=chromium.OPTIONS)
        before, found = machine(browser), []
        for figure in figures(browser):
            found.append(figure)
            say(row(figure))
        after = machine(browser)
        browser.close()
    say(", ".join(f"{name} {value}" for name, value in after.items()))
    if options.json:
        whole = {"before": before, "after": after, "figures": [record(each) for each in found]}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return int(not all(figure.holds for figure in found))


if __name__ == "__main__":
    sys.exit(main())
