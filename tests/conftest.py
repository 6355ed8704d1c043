"""What all tests share: the repository, a running lab server, and measurements in the summary."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chromium as chromium_browser
import pytest
from hypothesis import settings
from lab_server import running_labs
from playwright.sync_api import Browser, sync_playwright

import mlsysim

REPOSITORY = Path(__file__).resolve().parents[1]

# They hold no examples, and as modules to search for some they would all bear the same name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

# Two busy cores make single examples slow for no fault of theirs. In CI Hypothesis keeps its own
# profile, which replays the same examples, so that a merge never fails on an unrelated find.
settings.register_profile(
    "mlsysim",
    parent=settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
)
settings.load_profile("mlsysim")


def pytest_report_header() -> str:
    """Say what is tested; refuse to take the checkout for the package that was built from it."""
    place = Path(mlsysim.__file__).parent
    if os.environ.get("MLSYSIM_TESTED") == "wheel" and place.parent == REPOSITORY:
        raise pytest.UsageError(f"the built package was to be tested, and {place} was imported")
    return f"mlsysim: {place}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def repository_files() -> list[Path]:
    """Every file that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    names = sorted(set(filter(None, listed.stdout.split("\0"))))
    return [REPOSITORY / name for name in names if (REPOSITORY / name).is_file()]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser that `make test` installs."""
    return chromium_browser.path()


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator[Browser]:
    """The browser of all tests: a second Playwright in one thread would refuse to start."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=chromium_browser.OPTIONS
        )
        yield running
        running.close()


@pytest.fixture
def in_a_thread() -> Iterator[Callable[..., Any]]:
    """Call what brings an event loop of its own, which the thread of the browser has already."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield lambda *call, **options: threads.submit(*call, **options).result()


@pytest.fixture(scope="session")
def labs_address() -> Iterator[str]:
    """The address of the index page on a lab server that lives as long as the tests."""
    with running_labs() as (address, _):
        yield address


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Report a measurement at the end of the run, whether or not its test passes."""
    return lambda text: record_property("measured", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what tests measured, gathered from all workers."""
    reports = [
        report
        for outcome in ("passed", "failed", "xfailed")
        for report in terminalreporter.stats.get(outcome, [])
    ]
    lines = [
        str(value)
        for report in reports
        for name, value in getattr(report, "user_properties", [])
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("measured")
        for line in sorted(lines):
            terminalreporter.write_line(line)
