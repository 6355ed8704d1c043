"""The server behind `make labs`: what it shows, what it keeps to itself, how it stops."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import re
import signal
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from email.message import Message
from typing import NamedTuple

import nbformat
import pytest
from jupyter_server.base.websocket import WebSocketMixin
from lab_server import REPOSITORY, running_jupyter_server, running_labs, running_voila
from mlsysim_widgets import kernel_limit
from playwright.sync_api import expect
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from mlsysim import InvalidInput

TRACE = re.compile(r"Traceback|File \"|\.py\b|HTTPError")


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    headers: dict[str, str]
    text: str


def fetch(address: str, path: str = "", data: bytes | None = None) -> Answer:
    """Return what a server answers at an address, or at a path from there."""
    request = urllib.parse.urljoin(address, path)
    try:
        with urllib.request.urlopen(request, data, timeout=60) as page:  # noqa: S310
            return Answer(page.status, joined(page.headers), page.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, joined(error.headers), error.read().decode())


def joined(headers: Message) -> dict[str, str]:
    """Return headers by name, those that come more than once as one."""
    return {name: ", ".join(headers.get_all(name)) for name in headers}


def kernel_of(page: Answer) -> str:
    """Return the kernel that a page talks to."""
    return re.search(r'"kernelId": *"([0-9a-f-]+)"', page.text).group(1)


def health(address: str) -> tuple[int, dict[str, int]]:
    """Return how full a server says it is, and the status with which it does."""
    answer = fetch(address, "/voila/health")
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.status, json.loads(answer.text)


def test_printed_address_is_the_index_of_labs(labs_address):
    assert labs_address.endswith("/voila/render/index.ipynb")
    assert fetch(labs_address).status == 200


def test_address_of_the_server_alone_leads_to_the_index(labs_address):
    with urllib.request.urlopen(urllib.parse.urljoin(labs_address, "/"), timeout=60) as page:  # noqa: S310
        assert page.url == labs_address


@pytest.mark.parametrize(
    "name", ["voila.json", "index.ipynb", "assets/../voila.json", "../README.md"]
)
def test_files_other_than_assets_are_refused(labs_address, name):
    assert fetch(labs_address, "/voila/files/" + urllib.parse.quote(name, safe="")).status == 403


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../README.md", "../.git/config.ipynb", "..%2f..%2fREADME.md", ".hidden.ipynb"],
)
@pytest.mark.parametrize("place", ["render", "api/contents", "tree", "files", "static"])
def test_nothing_outside_the_labs_and_nothing_hidden_is_served(labs_address, place, path):
    quoted = urllib.parse.quote(path, safe="%")
    for written in (quoted, quoted.replace("/", "%2f").replace(".", "%2e")):
        answer = fetch(labs_address, f"/voila/{place}/{written}")
        assert answer.status in {400, 403, 404, 500}
        assert not re.search("root:|mlsysim is|repositoryformat", answer.text)


@pytest.mark.parametrize("lab", ["index.ipynb", "vol1/00_orientation.ipynb"])
def test_the_source_of_a_lab_stays_on_the_server(labs_address, repository, lab):
    source = nbformat.read(repository / "labs" / lab, 4)
    code = [cell.source for cell in source.cells if cell.cell_type == "code"]
    lines = {line for cell in code for line in cell.splitlines() if line.startswith("from mlsysim")}
    page = fetch(labs_address, f"/voila/render/{lab}").text
    assert lines
    assert not [line for line in lines if line in page]
    record = json.loads(fetch(labs_address, f"/voila/api/contents/{lab}?content=1").text)
    assert record["content"] is None


OFFERED = [
    "render/index.ipynb", "render/nothing.ipynb", "render/voila.json", "static/voila.js",
    "static/nothing.js", "files/assets/orientation.png", "files/voila.json", "api/contents",
    "tree", "health",
]  # fmt: skip


@pytest.mark.parametrize("path", OFFERED)
def test_every_answer_tells_browsers_what_the_page_may_do(labs_address, path):
    headers = fetch(labs_address, f"/voila/{path}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy


def test_who_may_frame_the_labs_is_a_setting_also_in_a_jupyter_server():
    ancestors = "'self' https://book.example"
    with running_labs(MLSYSIM_FRAME_ANCESTORS=ancestors) as (address, _):
        assert fetch(address).headers["Content-Security-Policy"].endswith(ancestors)
    with running_jupyter_server(REPOSITORY, MLSYSIM_FRAME_ANCESTORS=ancestors) as (address, token):
        page = fetch(address, f"voila/render/labs/index.ipynb?token={token}")
        assert page.headers["Content-Security-Policy"].endswith(ancestors)


async def _answers(address: str, kind: str, content: dict, channel: str = "shell") -> set[str]:
    """Send a message to a kernel, then one that it answers; return the kinds of all answers."""
    line = await websocket_connect(address)
    for asked, body, where in ((kind, content, channel), ("comm_info_request", {}, "shell")):
        header = {"msg_id": asked, "msg_type": asked, "session": "visitor", "username": "",
                  "version": "5.3", "date": ""}  # fmt: skip
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": body}
        await line.write_message(json.dumps({**message, "channel": where}))
    kinds: set[str] = set()
    while "comm_info_reply" not in kinds:
        said = json.loads(await asyncio.wait_for(line.read_message(), 30))
        if said["parent_header"].get("session") == "visitor":
            kinds.add(said["msg_type"])
    line.close()
    while await line.read_message() is not None:
        pass  # until the other side has closed as well
    return kinds


def _channels(page: Answer, address: str, query: str = "") -> str:
    host = urllib.parse.urlsplit(address).netloc
    return f"ws://{host}/api/kernels/{kernel_of(page)}/channels{query}"


CODE = {"code": "open('/proc/self/environ').read()", "silent": False}


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("kind", ["execute_request", "complete_request", "debug_request"])
def test_a_visitor_of_voila_runs_no_code_of_their_own(labs_address, in_a_thread, kind, channel):
    line = _channels(fetch(labs_address), labs_address)
    answers = in_a_thread(asyncio.run, _answers(line, kind, CODE, channel))
    assert answers <= {"comm_info_reply", "status"}


def test_whoever_has_the_token_of_a_jupyter_server_runs_code_there(in_a_thread):
    with running_jupyter_server(REPOSITORY) as (address, token):
        page = fetch(address, f"voila/render/labs/index.ipynb?token={token}")
        line = _channels(page, address, f"?token={token}")
        answers = in_a_thread(asyncio.run, _answers(line, "execute_request", CODE))
        assert "execute_reply" in answers
        assert fetch(address, "api/contents").status == 403


def test_a_page_of_another_origin_opens_no_channel_of_a_kernel(labs_address, in_a_thread):
    line = _channels(fetch(labs_address), labs_address)

    async def opened() -> None:
        await websocket_connect(HTTPRequest(line, headers={"Origin": "http://other.example"}))

    with pytest.raises(HTTPClientError, match="403"):
        in_a_thread(asyncio.run, opened())


def test_a_page_is_not_cut_off_before_it_can_answer_a_ping(repository):
    settings = json.loads(repository.joinpath("labs", "voila.json").read_text("utf-8"))
    line = WebSocketMixin()
    line.settings = settings["Voila"]["tornado_settings"]
    assert line.ping_timeout > line.ping_interval


def test_leaving_a_page_ends_its_kernel(labs_address):
    kernel = kernel_of(fetch(labs_address))
    assert fetch(labs_address, f"/voila/api/shutdown/{kernel}", b"").status == 204


def test_server_takes_another_port_if_its_own_is_taken_and_stops_when_told():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8866))
            taken.listen()
        except OSError:
            pass  # another server of these tests has it, which serves as well
        with running_labs() as (address, server):
            assert ":8866/" not in address
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
        with pytest.raises(urllib.error.URLError):
            fetch(address)


@pytest.fixture(scope="module")
def small_server():
    """The address of the index on a server that has room for two pages."""
    with running_labs(MLSYSIM_KERNEL_LIMIT="2") as (address, _):
        yield address


def test_full_server_refuses_every_further_page_and_says_what_to_do(small_server):
    assert health(small_server) == (200, {"kernels": 0, "limit": 2})
    with concurrent.futures.ThreadPoolExecutor(5) as students:
        # One of them gets the kernel that waits for the index.
        pages = ["index.ipynb", *["vol1/00_orientation.ipynb"] * 4]
        answers = list(students.map(lambda page: fetch(small_server, page), pages))
    opened = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    assert (len(opened), len(refused)) == (2, 3)
    assert health(small_server) == (503, {"kernels": 2, "limit": 2})

    for answer in refused:
        assert "All places are taken" in answer.text
        assert not TRACE.search(answer.text)
        again = re.search(r'<meta http-equiv="refresh" content="(\d+)">', answer.text)
        assert answer.headers["Retry-After"] == again.group(1)

    for answer in opened:
        fetch(small_server, f"/voila/api/shutdown/{kernel_of(answer)}", b"")
    assert health(small_server) == (200, {"kernels": 0, "limit": 2})


def test_kernel_that_waits_for_the_index_is_no_way_around_the_limit(small_server):
    labs = [fetch(small_server, "vol1/00_orientation.ipynb") for _ in range(2)]
    assert fetch(small_server, "index.ipynb").status == 503
    for lab in labs:
        fetch(small_server, f"/voila/api/shutdown/{kernel_of(lab)}", b"")
    assert fetch(small_server, "index.ipynb").status == 200


def test_jupyter_server_has_the_same_limit_and_health_endpoint():
    with running_jupyter_server(REPOSITORY, MLSYSIM_KERNEL_LIMIT="1") as (address, token):
        assert health(address) == (200, {"kernels": 0, "limit": 1})
        pages = [f"voila/render/labs/index.ipynb?token={token}"] * 2
        first, second = [fetch(address, page) for page in pages]
        assert (first.status, second.status) == (200, 503)
        assert "All places are taken" in second.text
        assert second.headers["Retry-After"]
        assert health(address) == (503, {"kernels": 1, "limit": 1})


@pytest.fixture(scope="module")
def broken_labs(tmp_path_factory):
    """The address of labs whose kernels cannot start, each for another reason."""
    folder = tmp_path_factory.mktemp("broken labs")
    commands = {
        "absent": ["/nowhere/python"],
        "dying": [sys.executable, "-c", "raise SystemExit(1)"],
        "unknown": None,
    }
    for name, command in commands.items():
        language = "python" if command else "cobol"
        kernel = {"name": name, "display_name": name, "language": language}
        lab = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        nbformat.write(lab, folder / f"{name}.ipynb")
        if command:
            specification = folder / "kernels" / name / "kernel.json"
            specification.parent.mkdir(parents=True)
            specification.write_text(json.dumps({"argv": command, **kernel}), "utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_DATA_DIR", str(folder))
        with running_voila(folder) as address:
            yield address


@pytest.mark.parametrize("name", ["absent", "unknown"])
def test_lab_whose_kernel_cannot_start_says_what_to_do(broken_labs, name):
    answer = fetch(broken_labs, f"{name}.ipynb")
    assert answer.status == 500
    assert "This lab did not start" in answer.text
    assert not TRACE.search(answer.text)


def test_lab_that_does_not_exist_leads_back_to_the_index(broken_labs):
    answer = fetch(broken_labs, "nothing.ipynb")
    assert answer.status == 404
    assert "There is no lab at this address" in answer.text
    assert '<a href="/">' in answer.text


@pytest.mark.browser
def test_page_says_how_far_it_is_and_what_to_do_if_it_never_starts(broken_labs, browser):
    with browser.new_context(viewport={"width": 360, "height": 640}) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{broken_labs}dying.ipynb", wait_until="commit")
        expect(page.get_by_role("status")).to_contain_text("Starting Python")
        expect(page.get_by_role("progressbar")).to_be_visible()
        again = page.get_by_role("button", name="Try again")
        expect(again).to_be_hidden()
        page.clock.fast_forward(16_000)
        expect(again).to_be_visible()
        assert again.bounding_box()["height"] >= 44
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

        # What Voila says of each cell that it has run.
        page.evaluate("voila_process(3, 20)")
        expect(page.get_by_role("status")).to_contain_text("Step 3 of 20")
        assert page.get_by_role("progressbar").evaluate("bar => bar.position") == 3 / 20
        expect(again).to_be_hidden()


def test_a_kernel_that_has_ended_is_told_as_one(labs_address):
    answer = fetch(labs_address, f"/api/kernels/{uuid.uuid4()}/channels")
    assert answer.status == 404
    assert "404" in answer.text


def test_a_kernel_that_has_ended_meanwhile_is_not_culled(in_a_thread):
    kernels = kernel_limit.KernelLimit()
    in_a_thread(asyncio.run, kernels.cull_kernel_if_idle(str(uuid.uuid4())))


def test_limit_follows_the_memory_that_is_granted(monkeypatch):
    monkeypatch.setenv("MEM_LIMIT", str(1024**3))
    assert kernel_limit.limit_of("") == 10
    monkeypatch.setenv("MEM_LIMIT", "1")
    assert kernel_limit.limit_of("") == 1


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5"])
def test_limit_that_is_no_number_is_refused(setting):
    with pytest.raises(InvalidInput, match=f"MLSYSIM_KERNEL_LIMIT: received '{setting}'"):
        kernel_limit.limit_of(setting)
