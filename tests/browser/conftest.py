"""A real Chromium before the labs as `make labs` serves them, cut off from every other host."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LONGEST_WAIT_MS = 60_000


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator[Browser]:
    """The browser of all these tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def outside() -> list[str]:
    """The requests to other machines, all of them refused."""
    return []


@pytest.fixture
def complaints() -> list[str]:
    """The errors that pages raised."""
    return []


@pytest.fixture
def open_page(browser, labs_address, outside, complaints) -> Iterator[Callable[..., Page]]:
    """Open a page of the labs in a fresh browser profile; afterwards nothing may have leaked."""
    contexts = []

    def guard(route: Route) -> None:
        host = urllib.parse.urlsplit(route.request.url).hostname
        if host in {None, "localhost", "127.0.0.1"}:
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def open_page(path: str, *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(LONGEST_WAIT_MS)
        context.route("**/*", guard)
        context.on("weberror", lambda raised: complaints.append(str(raised.error)))
        page = context.new_page()
        page.goto(urllib.parse.urljoin(labs_address, path))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert outside == []
    assert complaints == []


@pytest.fixture(scope="session")
def artifacts(repository) -> Path:
    """The folder for screenshots, which git ignores."""
    folder = repository / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder
