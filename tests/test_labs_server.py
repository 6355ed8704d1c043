"""The server behind `make labs`: what it shows, what it keeps to itself, how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.parse
import urllib.request

import pytest
from jupyter_server.base.websocket import WebSocketMixin
from lab_server import running_labs


def status_of(address: str) -> int:
    """Return the status with which a page answers."""
    try:
        with urllib.request.urlopen(address, timeout=60) as page:  # noqa: S310
            return page.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_printed_address_is_the_index_of_labs(labs_address):
    assert labs_address.endswith("/voila/render/index.ipynb")
    assert status_of(labs_address) == 200


@pytest.mark.parametrize(
    "name", ["voila.json", "index.ipynb", "assets/../voila.json", "../README.md"]
)
def test_files_other_than_assets_are_refused(labs_address, name):
    page = urllib.parse.urljoin(labs_address, "/voila/files/" + urllib.parse.quote(name, safe=""))
    assert status_of(page) == 403


def test_a_page_is_not_cut_off_before_it_can_answer_a_ping(repository):
    settings = json.loads(repository.joinpath("labs", "voila.json").read_text("utf-8"))
    line = WebSocketMixin()
    line.settings = settings["Voila"]["tornado_settings"]
    assert line.ping_timeout > line.ping_interval


def test_leaving_a_page_ends_its_kernel(labs_address):
    with urllib.request.urlopen(labs_address, timeout=60) as page:  # noqa: S310
        kernel = re.search(r'"kernelId": *"([0-9a-f-]+)"', page.read().decode())
    end = urllib.parse.urljoin(labs_address, f"/voila/api/shutdown/{kernel.group(1)}")
    with urllib.request.urlopen(end, data=b"", timeout=60) as answer:  # noqa: S310
        assert answer.status == 204


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
            status_of(address)
