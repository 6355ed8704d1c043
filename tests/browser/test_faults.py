"""What a student sees when something breaks: kernels, servers, networks, files and simulations."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import time
import urllib.parse
from pathlib import Path

import pytest
from conftest import LONGEST_WAIT_MS
from faults import LAB, TOLD_WITHIN_S, Student, deaths, kernel_of, summary, write_lab
from mlsysim_widgets import store
from playwright.sync_api import expect
from wire import Wire

from mlsysim.cli.labs import free_port, start_voila, wait_until_ready

pytestmark = pytest.mark.browser

KILLS = 5
TESTS = Path(__file__).resolve().parents[1]
CUT_S = 30.0
# Long enough for a page that loads slowly to reach its kernel.
HASTE_S = 8
CARELESS = [
    LAB[0],
    LAB[1],
    f"""\
import sys
sys.path.insert(0, {str(TESTS)!r})
from user_simulations import Careless, Waiting
Dashboard(Careless)""",
    "Dashboard(Waiting)",
]
# Two frames later, whatever was to be painted is.
AS_IT_WAS = """node => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
  () => done(node.hidden ? "" : node.innerText))))"""
LOST, STOPPED, LATE = "lost its connection", "was stopped", "does not answer yet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, repository):
    """A folder of labs with the settings of all labs."""
    folder = tmp_path_factory.mktemp("labs")
    shutil.copy(repository / "labs" / "voila.json", folder)
    write_lab(folder / "lab.ipynb", LAB)
    write_lab(folder / "careless.ipynb", CARELESS)
    return folder


@pytest.fixture
def hasty(folder, tmp_path):
    """The same, with little patience for kernels whose page is away."""
    hasty = Path(shutil.copytree(folder, tmp_path / "hasty"))
    settings = json.loads(hasty.joinpath("voila.json").read_text("utf-8"))
    settings["MappingKernelManager"] |= {"cull_idle_timeout": HASTE_S, "cull_interval": 1}
    hasty.joinpath("voila.json").write_text(json.dumps(settings), "utf-8")
    return hasty


@contextlib.contextmanager
def serving(folder, port):
    """Serve the labs on a port, with journals in browsers alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.FOLDER, "")
        server = start_voila(folder, port)
    with server:
        try:
            wait_until_ready(port, server)
            yield
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def labs_address(folder):
    """The address below which the labs are."""
    port = free_port(0)
    with serving(folder, port):
        yield f"http://localhost:{port}/voila/render/"


@pytest.fixture
def student(visit):
    """Somebody who opens the lab on a port."""
    return lambda port: Student(visit(f"http://localhost:{port}/voila/render/lab.ipynb"))


def told(student, words):
    expect(student.gone).to_contain_text(words, timeout=LONGEST_WAIT_MS)


def answered(student, count):
    """Wait until so many questions are answered."""
    expect(student.predictions(locked=True)).to_have_count(count, timeout=LONGEST_WAIT_MS)


def worked(student):
    """Leave an answer, a decision and a design on the page; return what there is."""
    student.answer(1)
    answered(student, 1)
    student.designed("France")
    student.decide(0)
    bar = student.page.locator(".mls-journal")
    expect(bar).to_have_attribute("data-entries", "2", timeout=LONGEST_WAIT_MS)
    return student.work


def test_kernels_killed_at_random_moments_lose_nothing(visit, labs_address, measured):
    seen = list(deaths(visit(f"{labs_address}lab.ipynb"), kills=KILLS, seed=1))
    measured(summary(seen))
    assert [death.lost for death in seen if death.lost] == []
    # `make faults` holds each of them to it; here others may be at work on the same machine.
    assert statistics.median(death.told_s for death in seen) <= TOLD_WITHIN_S


def test_a_server_that_starts_anew_is_told_and_resumed_with_one_click(folder, student):
    port = free_port(0)
    with serving(folder, port):
        open_lab = student(port)
        before = worked(open_lab)
    gone = open_lab.gone
    told(open_lab, LOST)
    expect(gone.get_by_role("button")).to_have_count(0)
    assert open_lab.work == before
    with serving(folder, port):
        told(open_lab, STOPPED)
        open_lab.resume(before)
        assert before.lost(open_lab.work) == []
        open_lab.designed("Brazil")


def test_a_network_that_is_away_for_half_a_minute_loses_nothing(student, labs_address):
    port = urllib.parse.urlsplit(labs_address).port
    with Wire(port).laid() as held, Wire(port).laid() as cut:
        students = [student(held.port), student(cut.port)]
        before = [worked(each) for each in students]
        held.hold()
        cut.cut()
        began = time.monotonic()
        for each in students:
            each.change("Brazil")
        for each, work in zip(students, before, strict=True):
            told(each, LOST)
            assert each.work == work
        students[0].page.wait_for_timeout(1000.0 * (began + CUT_S - time.monotonic()))
        held.mend()
        cut.mend()
        for each, work in zip(students, before, strict=True):
            expect(each.gone).to_be_hidden(timeout=LONGEST_WAIT_MS)
            each.shows({**work.design, "choice": {**work.design["choice"], "region": "Brazil"}})
            each.answer(2)
            answered(each, 2)
            assert work.answers.items() < each.work.answers.items()


def killed(kernel):
    """Kill a kernel, and wait until the server has started another under its name."""
    server, arguments = kernel.parent(), kernel.cmdline()
    kernel.kill()
    kernel.wait(timeout=60)
    while not any(each.cmdline() == arguments for each in server.children()):
        time.sleep(0.05)


@pytest.mark.parametrize("end", ["culled", "killed"])
def test_a_kernel_that_ends_while_its_page_is_away_is_told(student, hasty, end):
    port = free_port(0)
    with serving(hasty, port), Wire(port).laid() as wire:
        open_lab = student(wire.port)
        before = worked(open_lab)
        wire.cut()
        told(open_lab, LOST)
        kernel = kernel_of(open_lab.page)
        if end == "killed":
            killed(kernel)
        else:
            kernel.wait(timeout=60)
        wire.mend()
        told(open_lab, STOPPED)
        open_lab.resume(before)
        assert before.lost(open_lab.work) == []


def test_leaving_a_page_raises_no_alarm(student, labs_address):
    page = student(urllib.parse.urlsplit(labs_address).port).page
    kernel = kernel_of(page)
    # What a page is told before it is left; it stays in sight until the next one begins to come.
    with page.expect_request_finished(lambda request: "/shutdown/" in request.url):
        page.evaluate("() => { window.dispatchEvent(new Event('beforeunload')); }")
    kernel.wait(timeout=60)
    assert page.locator(".mls-gone").evaluate(AS_IT_WAS) == ""


# Each with what the notice quotes of it.
FILES = {
    b"\x89PNG\r\n\x1a\n\x00\xff": "PNG",
    b"": "received ''",
    b"[1, 2, 3]": "[1, 2, 3]",
    b'{"format": "another program"}': "another program",
}


def test_files_that_are_no_journals_are_told_and_change_nothing(student, labs_address, tmp_path):
    open_lab = student(urllib.parse.urlsplit(labs_address).port)
    before = worked(open_lab)
    bar = open_lab.page.locator(".mls-journal")
    bar.locator("summary").click()
    notices, chooser = bar.locator(".mls-notices"), bar.locator("input[type=file]")
    for content, quoted in FILES.items():
        chooser.set_input_files({"name": "journal.json", "mimeType": "", "buffer": content})
        expect(notices).to_contain_text(quoted)
        expect(notices).to_contain_text("Nothing was changed")
        assert open_lab.work == before
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    chooser.set_input_files(large)
    expect(notices).to_contain_text("larger than any journal")
    assert open_lab.work == before
    open_lab.answer(2)
    answered(open_lab, 2)


@pytest.fixture
def careless(visit, labs_address):
    """A lab beside whose dashboard there is one of a simulation with mistakes."""
    page = visit(f"{labs_address}careless.ipynb")
    page.locator(".mls[data-ready=true]").nth(1).wait_for()
    return Student(page)


def mistaken(page, mistake):
    page.locator("[data-control=mistake] select").select_option(mistake)


def answers(page, policy):
    """Change the dashboard that has no mistakes, and wait for its answer."""
    page.locator("[data-control=policy] select").select_option(policy)
    design = page.locator(f'.mls[data-state*=\'"policy":"{policy}"\']')
    expect(design).to_have_count(1)


def test_a_simulation_that_raises_says_so_in_its_own_panel_alone(careless):
    page = careless.page
    own = page.locator(".mls", has=page.locator("[data-control=mistake]"))
    mistaken(page, "raises")
    expect(own.get_by_role("alert")).to_contain_text("Careless could not be evaluated")
    expect(own.get_by_role("alert")).to_contain_text("ZeroDivisionError: division by zero")
    answers(page, "random")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    mistaken(page, "none")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(0)


def test_a_simulation_that_hangs_leaves_a_page_that_lives(careless, artifacts):
    page = careless.page
    careless.answer(1)
    answered(careless, 1)
    answers(page, "random")
    page.wait_for_function("() => location.hash.includes('policy=random')")
    kernel = kernel_of(page)
    mistaken(page, "hangs")
    told(careless, LATE)
    page.screenshot(path=artifacts / "faults-hanging.png")

    lab = page.locator("#rendered_cells")
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => document.querySelector('#rendered_cells').scrollTop > 100")
    lab.evaluate("node => node.scrollTo(0, 0)")
    page.locator(".mls-journal summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    _, records = store.journal_of(download.value.path().read_bytes())
    assert [record.data["text"] for record in records] == ["Second"]

    with page.expect_navigation(wait_until="commit"):
        careless.gone.get_by_role("button").click()
    careless.arrived()
    kernel.wait(timeout=60)
    expect(page.locator("[data-control=mistake] select")).to_have_value("none")
    expect(page.locator("[data-control=policy] select")).to_have_value("random")
    answered(careless, 1)
    answers(page, "fifo")
