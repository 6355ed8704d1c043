"""A real Chromium before labs and notebooks, cut off from every other host."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Route, WebError
from servers import running_jupyterlab, running_voila, write_notebooks
from visitor import Dashboard

LONGEST_WAIT_MS = 60_000
IDLE = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture
def outside() -> list[str]:
    """The requests to other machines, all of them refused."""
    return []


@pytest.fixture
def complaints() -> list[str]:
    """The errors that pages raised."""
    return []


@pytest.fixture
def visit(browser, outside, complaints) -> Iterator[Callable[..., Page]]:
    """Open an address in a fresh browser profile; afterwards nothing may have leaked."""
    contexts = []

    def guard(route: Route) -> None:
        host = urllib.parse.urlsplit(route.request.url).hostname
        if host in {None, "localhost", "127.0.0.1"}:
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def heard(raised: WebError) -> None:
        # What JupyterLab trips over is its own; widgets run from a blob.
        if "/voila/" in raised.page.url or "blob:" in (raised.error.stack or ""):
            complaints.append(str(raised.error))

    def refused(message: ConsoleMessage) -> None:
        if "/voila/" in message.page.url and "Content Security Policy" in message.text:
            complaints.append(message.text)

    def visit(address: str, *, width: int = 1280, scheme: str = "light", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(LONGEST_WAIT_MS)
        context.route("**/*", guard)
        context.on("weberror", heard)
        context.on("console", refused)
        page = context.new_page()
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert outside == []
    assert complaints == []


@pytest.fixture
def open_page(visit, labs_address) -> Callable[..., Page]:
    """Open a page of the labs."""
    return lambda path, **look: visit(urllib.parse.urljoin(labs_address, path), **look)


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory) -> Path:
    """A folder of notebooks with a dashboard each."""
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebooks(folder)
    return folder


@pytest.fixture(scope="session")
def voila(notebooks) -> Iterator[tuple[str, int]]:
    """The address at which Voila shows the notebooks, and its process."""
    with running_voila(notebooks) as server:
        yield server


@pytest.fixture(scope="session")
def jupyterlab(notebooks, tmp_path_factory) -> Iterator[tuple[str, int]]:
    """The address of JupyterLab and Notebook before the notebooks, and their process."""
    with running_jupyterlab(notebooks, tmp_path_factory.mktemp("jupyterlab")) as server:
        yield server


@pytest.fixture
def open_dashboard(visit, request) -> Callable[..., Dashboard]:
    """Open one of the notebooks in Voila, in JupyterLab or in Notebook, and run it."""

    def open_dashboard(name: str, place: str = "voila", **look: Any) -> Dashboard:
        if place == "voila":
            address, _ = request.getfixturevalue("voila")
            return Dashboard(visit(f"{address}{name}.ipynb", **look))
        address, _ = request.getfixturevalue("jupyterlab")
        page = visit(f"{address}{place}/{name}.ipynb?reset", **look)
        page.wait_for_function(IDLE)
        theme = THEMES[look.get("scheme", "light")]
        page.evaluate(
            "theme => { jupyterapp.commands.execute('apputils:change-theme', { theme }); }", theme
        )
        page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        return Dashboard(page)

    return open_dashboard


@pytest.fixture(scope="session")
def accessible() -> Callable[..., None]:
    """Let axe-core look for violations on a page, or in a part of it."""

    def accessible(page: Page, within: str | None = None) -> None:
        found = Axe().run(page, context=within)
        assert not found.violations_count, found.generate_report()

    return accessible


@pytest.fixture(scope="session")
def artifacts(repository) -> Path:
    """The folder for screenshots, which git ignores."""
    folder = repository / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder
