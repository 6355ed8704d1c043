"""What a browser lets pages of labs do, and who may show them in a frame."""

from __future__ import annotations

import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from lab_server import running_labs

pytestmark = pytest.mark.browser


class Chapter(BaseHTTPRequestHandler):
    """A page that shows the address in its query in a frame."""

    def do_GET(self):
        lab = escape(unquote(self.path.partition("?")[2]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        page = f'<!DOCTYPE html><iframe src="{lab}" width="1200" height="800"></iframe>'
        self.wfile.write(page.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def book():
    """The origin of a site with such a chapter."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Chapter) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def test_a_page_of_another_origin_cannot_show_a_lab(visit, complaints, book, labs_address):
    page = visit("about:blank")
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.goto(f"{book}/?{labs_address}")
    assert page.frame_locator("iframe").locator("#rendered_cells").count() == 0
    complaints.clear()


def test_a_page_that_is_allowed_shows_a_lab_that_works(visit, book):
    with running_labs(MLSYSIM_FRAME_ANCESTORS=f"'self' {book}") as (address, _):
        page = visit(f"{book}/?{address.replace('index', 'vol1/00_orientation')}")
        page.frame_locator("iframe").locator("[data-part]").first.wait_for()
        # What the lab still loads when its server ends would be missed.
        page.context.close()


WAYS_OUT = [
    "document.body.append(Object.assign(new Image(), {src}))",
    "fetch(src).catch(() => 0)",
    "import(src).catch(() => 0)",
]


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_lab_reaches_no_other_host(open_page, complaints, outside, way):
    page = open_page("index.ipynb")
    page.locator(".mls-index, [data-part], .mls").first.wait_for()
    with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        page.evaluate(f"() => {{ const src = 'http://other.invalid/'; {way}; }}")
    assert outside == []
    assert complaints
    complaints.clear()
