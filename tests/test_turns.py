"""Turns: who starts when a class comes at once, and what those who wait see."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import sys
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from jinja2 import Environment
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from lab_server import running_labs, running_voila
from mlsysim_widgets import turns
from mlsysim_widgets.kernel_limit import KernelLimit
from mlsysim_widgets.server import CompiledTemplates
from mlsysim_widgets.turns import KernelInTurn, Turns
from playwright.sync_api import expect
from tornado.web import HTTPError
from voila.paths import collect_template_paths


@pytest.fixture
def kernels(monkeypatch):
    """Four kernels that are no processes."""

    async def start(self, **how):
        self._kernels[how["kernel_id"]] = how
        return how["kernel_id"]

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    return KernelLimit(limit=4)


async def class_of(number: int, kernels: KernelLimit) -> list[KernelInTurn]:
    """Let pages ask for kernels at once, on a machine of one core, where two start at once."""
    queue = Turns(1)
    pages = [KernelInTurn(kernels, queue) for _ in range(number)]
    for page in pages:
        await page.start_kernel(env={"VOILA_PREHEAT": "False"})
    return pages


def before(pages: list[KernelInTurn]) -> list[int | None]:
    return [page.before for page in pages]


def test_few_pages_start_at_once_in_the_order_in_which_they_came(kernels, in_a_thread):
    async def hold():
        pages = await class_of(4, kernels)
        assert before(pages) == [None, None, 0, 1]
        assert len(kernels.list_kernel_ids()) == 2
        pages[1].end()
        pages[1].end()
        assert before(pages) == [None, None, None, 0]
        await pages[2].get_kernel("")
        assert len(kernels.list_kernel_ids()) == 3

    in_a_thread(asyncio.run, hold())


def test_pages_that_wait_have_their_place_on_the_server(kernels, in_a_thread):
    async def hold():
        pages = await class_of(4, kernels)
        with pytest.raises(HTTPError):
            await KernelInTurn(kernels, Turns(9)).start_kernel()
        assert kernels.in_use == 4
        pages[3].end()
        await asyncio.wait([pages[3].get_kernel("")], timeout=30)
        assert kernels.in_use == 3

    in_a_thread(asyncio.run, hold())


def test_whoever_leaves_the_queue_holds_up_nobody(kernels, in_a_thread):
    async def hold():
        pages = await class_of(4, kernels)
        pages[2].end()
        assert before(pages) == [None, None, None, 0]
        pages[0].end()
        await pages[3].get_kernel("")
        assert pages[2].get_kernel("").cancelled()
        assert len(kernels.list_kernel_ids()) == 3

    in_a_thread(asyncio.run, hold())


def test_page_that_never_starts_does_not_keep_its_turn(kernels, in_a_thread, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST_S", 0.01)

    async def hold():
        pages = await class_of(4, kernels)
        await asyncio.wait_for(pages[3].get_kernel(""), 30)

    in_a_thread(asyncio.run, hold())


def test_templates_are_compiled_once_for_all_pages(monkeypatch):
    def page():
        paths = collect_template_paths(["voila", "nbconvert"], "mlsysim")
        exporter = CompiledTemplates(template_name="mlsysim", template_paths=paths)
        return exporter.environment.get_template("index.html.j2")

    page()
    monkeypatch.setattr(Environment, "compile", lambda *_, **__: pytest.fail("compiled again"))
    page()


@pytest.mark.skipif(sys.platform == "win32", reason="there kernels need ports")
def test_page_reaches_its_kernel_by_no_port_that_something_else_could_take():
    with running_labs() as (address, server):
        urllib.request.urlopen(address, timeout=60).close()  # noqa: S310
        family = [each.cmdline() for each in psutil.Process(server.pid).children(recursive=True)]
        files = [each[each.index("-f") + 1] for each in family if "ipykernel_launcher" in each]
        assert files
        for file in files:
            assert json.loads(Path(file).read_text("utf-8"))["transport"] == "ipc"


@pytest.fixture(scope="module")
def slow_labs(tmp_path_factory):
    """The address of a lab that takes three seconds to start."""
    folder = tmp_path_factory.mktemp("slow labs")
    cell = nbformat.v4.new_code_cell("import time; time.sleep(3)")
    kernel = {"name": "python3", "display_name": "Python", "language": "python"}
    lab = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(lab, folder / "slow.ipynb")
    with running_voila(folder) as address:
        yield f"{address}slow.ipynb"


@pytest.mark.browser
def test_whoever_waits_is_told_how_many_are_before_them(slow_labs, browser):
    def opened(_: int) -> str:
        with urllib.request.urlopen(slow_labs, timeout=60) as page:  # noqa: S310
            return page.read().decode()

    students = (os.cpu_count() or 1) + 3
    with concurrent.futures.ThreadPoolExecutor(students) as threads:
        pages = list(threads.map(opened, range(students)))
    assert all('"kernelId"' in page for page in pages)
    waited = [page for page in pages if "<script>window.voila_before(" in page]
    assert 1 <= len(waited) <= 2

    with browser.new_context() as context:
        page = context.new_page()
        page.goto(slow_labs, wait_until="commit")
        status = page.get_by_role("status")
        expect(status).to_contain_text("Starting Python")
        # The words come before the script that changes them.
        page.wait_for_function("() => window.voila_before")
        page.evaluate("voila_before(1)")
        expect(status).to_contain_text("one other page is before yours")
        page.evaluate("voila_before(7)")
        expect(status).to_contain_text("7 other pages are before yours")
        page.evaluate("voila_before(0)")
        expect(status).to_contain_text("yours is next")
