"""The class server: five students at once on a real JupyterHub, and all that its README says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import psutil
import pytest
import yaml
from lab_server import REPOSITORY
from mlsysim_widgets import store
from playwright.sync_api import expect

from mlsysim.cli.labs import free_port

FOLDER = REPOSITORY / "labs" / "class_server"
README = (FOLDER / "README.md").read_text("utf-8")
STUDENTS = ("ada", "bob", "cyd", "dee", "eve")
LAB = "voila/render/vol1/08_training.ipynb"
ANOTHER_LAB = "voila/render/vol1/13_serving.ipynb"
LABS_OF_ONE_STUDENT = 5
LONGEST_WAIT_MS = 60_000


def blocks(language: str) -> list[str]:
    """Return the blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


class ClassServer(NamedTuple):
    """A JupyterHub that runs."""

    address: str
    folder: Path
    process: psutil.Process


@pytest.fixture(scope="module")
def class_server(tmp_path_factory):
    """The JupyterHub of the README, started by its own command in an empty folder."""
    folder = tmp_path_factory.mktemp("class server")
    address, hub, proxy = (f"http://127.0.0.1:{free_port(0)}" for _ in range(3))
    own = [
        f"--JupyterHub.bind_url={address}",
        f"--JupyterHub.hub_bind_url={hub}",
        f"--ConfigurableHTTPProxy.api_url={proxy}",
        # Where the tests run as root, Jupyter wants to be told that this is meant.
        "--Spawner.cmd=jupyterhub-singleuser",
        "--Spawner.cmd=--allow-root",
    ]
    *prepare, start = blocks("bash")[0].splitlines()
    script = "\n".join([*prepare, f"exec {start} {shlex.join(own)}"])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            ["bash", "-ec", script],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            wait_for(f"{address}/hub/health", process)
            yield ClassServer(address, folder, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Return once an address answers."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "JupyterHub stopped by itself"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=10).close()  # noqa: S310
            return
        time.sleep(0.2)
    pytest.fail("JupyterHub does not answer")


@pytest.fixture(scope="module")
def pages(class_server, browser):
    """The pages of five students, each logged in by a browser of its own, on the index."""
    opened = {student: browser.new_context().new_page() for student in STUDENTS}
    for student, page in opened.items():
        page.set_default_timeout(LONGEST_WAIT_MS)
        page.goto(class_server.address)
        page.get_by_label("Username").fill(student)
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Sign in").click(no_wait_after=True)
    for student, page in opened.items():
        page.wait_for_url(f"**/user/{student}/voila/render/index.ipynb")
        expect(page.get_by_role("link", name="Training").first).to_be_visible(
            timeout=LONGEST_WAIT_MS
        )
    yield opened
    for page in opened.values():
        page.context.close()


@pytest.fixture(scope="module")
def answers(class_server, pages):
    """What each student answered in the same lab, all of them at the same time."""
    for student, page in pages.items():
        page.goto(f"{class_server.address}/user/{student}/{LAB}", wait_until="commit")
    given = {}
    for place, (student, page) in enumerate(pages.items()):
        part = page.locator(".mls-lesson[data-part=prediction]").first
        options = part.get_by_role("radio")
        options.first.wait_for()
        chosen = options.nth(place % options.count())
        chosen.check()
        given[student] = chosen.evaluate("radio => radio.closest('label').innerText.trim()")
        part.get_by_role("button", name="Commit").click()
        expect(part).to_have_attribute("data-locked", "true", timeout=LONGEST_WAIT_MS)
    return given


def journals_in(home: Path) -> list[Path]:
    """Return the journals in a home folder."""
    return sorted(home.rglob("journals/*.json"))


@pytest.mark.slow
@pytest.mark.browser
def test_five_students_at_once_find_their_own_journal_and_nobody_elses(class_server, answers):
    assert len(set(answers.values())) > 1
    for student, answer in answers.items():
        (journal,) = journals_in(class_server.folder / "homes" / student)
        name, records = store.journal_of(journal.read_text("utf-8"))
        assert name == student
        assert [record.data["given"] for record in records] == [answer]


def servers_of(hub: psutil.Process) -> list[psutil.Process]:
    """Return the servers of the students."""
    running = hub.children(recursive=True)
    return [
        process for process in running if "jupyterhub-singleuser" in " ".join(process.cmdline())
    ]


def memory_mib(process: psutil.Process) -> float:
    """Return the share of memory of one process, its share of what it has in common included."""
    return process.memory_full_info().pss / 2**20


def processor_s(server: psutil.Process) -> float:
    """Return the time that a student's server and its kernels, past ones too, have computed."""
    family = [server, *server.children(recursive=True)]
    return sum(sum(process.cpu_times()[:4]) for process in family)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("answers")
def test_server_of_a_student_takes_what_the_values_for_kubernetes_grant(
    class_server, pages, measured
):
    hub = class_server.process
    proxy = [
        process for process in hub.children() if "configurable-http-proxy" in process.cmdline()[1]
    ]
    servers = servers_of(hub)
    assert len(servers) == len(STUDENTS)
    kernels = [server.children(recursive=True) for server in servers]
    assert [len(of_one) for of_one in kernels] == [1] * len(STUDENTS)
    server_mib = fmean(map(memory_mib, servers))
    kernel_mib = fmean(memory_mib(kernel) for (kernel,) in kernels)
    arrival_s = fmean(map(processor_s, servers))

    for student in STUDENTS:
        health = f"{class_server.address}/user/{student}/voila/health"
        with urllib.request.urlopen(health, timeout=60) as answer:  # noqa: S310
            assert json.load(answer) == {"kernels": 1, "limit": LABS_OF_ONE_STUDENT}

    before = sum(map(processor_s, servers))
    page = pages[STUDENTS[0]]
    for lab in ANOTHER_LAB, LAB:
        page.goto(f"{class_server.address}/user/{STUDENTS[0]}/{lab}")
        expect(page.locator(".mls-journal[data-opened=true]")).to_be_visible()
    page_s = (sum(map(processor_s, servers)) - before) / 2

    common_mib = sum(map(memory_mib, [hub, *proxy]))
    measured(
        f"Class: {common_mib:.0f} MiB, and {server_mib:.0f} + {kernel_mib:.0f} MiB a student; "
        f"processor {arrival_s:.1f} s from login to first lab, {page_s:.1f} s a further lab"
    )
    granted = yaml.safe_load((FOLDER / "zero-to-jupyterhub.yaml").read_text("utf-8"))["singleuser"]
    assert server_mib + kernel_mib < mebibytes(granted["memory"]["guarantee"])
    most = server_mib + LABS_OF_ONE_STUDENT * kernel_mib
    assert most < mebibytes(granted["memory"]["limit"])


def mebibytes(amount: str) -> float:
    """Return an amount of memory as Kubernetes writes it."""
    return float(amount.removesuffix("M")) * 1e6 / 2**20


@pytest.mark.slow
@pytest.mark.browser
def test_next_student_at_the_same_browser_starts_with_an_empty_journal(
    class_server, pages, answers
):
    page = pages["ada"]
    page.goto(f"{class_server.address}/hub/logout")
    page.goto(class_server.address)
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{class_server.address}/user/bob/{LAB}")
    expect(page.locator(".mls-journal[data-opened=true]")).to_contain_text("bob")
    (journal,) = journals_in(class_server.folder / "homes" / "bob")
    _, records = store.journal_of(journal.read_text("utf-8"))
    assert [record.data["given"] for record in records] == [answers["bob"]]


@pytest.mark.slow
@pytest.mark.browser
def test_collecting_takes_the_journal_of_every_home(class_server, answers):
    subprocess.run(["bash", "-ec", blocks("bash")[1]], cwd=class_server.folder, check=True)
    collected = sorted((class_server.folder / "handed-in").glob("*/*.json"))
    found = {file.parent.name: store.journal_of(file.read_text("utf-8"))[0] for file in collected}
    assert found == {student: student for student in answers}


def paths(values: dict[str, object], below: str = "") -> set[str]:
    """Return the dotted names of all settings in nested dictionaries."""
    found = set()
    for name, value in values.items():
        inner = isinstance(value, dict) and value
        found |= paths(value, f"{below}{name}.") if inner else {f"{below}{name}"}
    return found


def test_values_for_kubernetes_are_settings_of_the_chart_and_agree_with_the_rest():
    values = yaml.safe_load((FOLDER / "zero-to-jupyterhub.yaml").read_text("utf-8"))
    assert paths(values) == {
        "cull.enabled",
        "cull.every",
        "cull.timeout",
        "hub.config.JupyterHub.authenticator_class",
        "hub.config.LTI13Authenticator.authorize_url",
        "hub.config.LTI13Authenticator.client_id",
        "hub.config.LTI13Authenticator.issuer",
        "hub.config.LTI13Authenticator.jwks_endpoint",
        "hub.config.LTI13Authenticator.username_key",
        "hub.extraConfig.students",
        "singleuser.cpu.guarantee",
        "singleuser.cpu.limit",
        "singleuser.defaultUrl",
        "singleuser.image.name",
        "singleuser.image.tag",
        "singleuser.memory.guarantee",
        "singleuser.memory.limit",
        "singleuser.storage.capacity",
        "singleuser.storage.type",
    }
    settings = (FOLDER / "student_servers.py").read_text("utf-8")
    students = values["hub"]["extraConfig"]["students"]
    assert values["singleuser"]["defaultUrl"] in settings
    compile(students, "extraConfig", "exec")
    limit = f'"MLSYSIM_KERNEL_LIMIT": "{LABS_OF_ONE_STUDENT}"'
    assert limit in settings
    assert limit in students


def test_what_could_not_be_tried_is_said_to_be_untried():
    untried = blocks("console")
    assert untried
    for block in untried:
        before = README[: README.index(block)].rsplit("\n## ", 1)[1]
        assert "Not tried here" in before


def test_figures_of_the_readme_follow_from_each_other():
    def told(pattern):
        return float(re.search(pattern, README).group(1))

    student = told(r"server of a student \| (\d+) MiB") + told(r"lab open \| (\d+) MiB")
    assert told(r"(\d+) MiB for a student with one lab open") == student
    assert told(r"two hundred (\d+) GiB") == round(200 * student / 1024)
    assert told(r"takes in (\d+) students") == pytest.approx(
        600 / told(r"with a prediction \| \| ([\d.]+) s"), rel=0.1
    )
