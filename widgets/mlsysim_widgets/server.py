"""Server of labs: Voila, or a Jupyter server with it, that tells when it is full.

`python -m mlsysim_widgets.server FOLDER` is Voila itself, with the settings in its `voila.json`.
A Jupyter server loads this module as an extension, by the same settings.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from jupyter_server import DEFAULT_STATIC_FILES_PATH
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import Application, OutputTransform, RedirectHandler, RequestHandler
from voila import notebook_renderer
from voila.app import Voila
from voila.exporter import VoilaExporter
from voila.tornado.handler import TornadoVoilaHandler

from mlsysim_widgets.kernel_limit import KernelLimit
from mlsysim_widgets.turns import KernelInTurn, Turns

FRONT_PAGE = "voila/render/index.ipynb"
RETRY_AFTER_S = 30
# What Voila sends while it has nothing else to send.
HEARTBEAT = "voila_heartbeat"
ANCESTORS_VARIABLE = "MLSYSIM_FRAME_ANCESTORS"
# Widgets come as blobs of script; JupyterLab's manager of widgets compiles some of its own.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
)


class Compiled(BytecodeCache):
    """Templates that have been compiled."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what has been compiled of a template, unless its source has changed."""
        if compiled := self._compiled.get(bucket.key):
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what has been compiled of a template."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


class CompiledTemplates(VoilaExporter):  # type: ignore[misc]
    """Voila's exporter, which else compiles the same templates again for every page."""

    compiled = Compiled()

    @property
    def environment(self) -> Environment:
        """The templates, with what is compiled of them."""
        environment: Environment = super().environment
        environment.bytecode_cache = self.compiled
        return environment


class LabPage(TornadoVoilaHandler):  # type: ignore[misc]
    """The page of a lab, which takes a kernel when it is its turn."""

    turns = Turns(os.cpu_count() or 1)
    left = False

    def initialize(self, **settings: Any) -> None:
        """Take the kernels in turn."""
        super().initialize(**settings)
        self.turn = KernelInTurn(super().kernel_manager, self.turns)

    @property
    def kernel_manager(self) -> KernelInTurn:
        """The kernels from which Voila takes one."""
        return self.turn

    async def prepare(self) -> None:
        """Refuse the page if the server is full, even if a kernel waits for it in a pool."""
        await super().prepare()
        self.turn.refuse_if_full()

    async def get_generator(self, path: str | None = None) -> AsyncIterator[str]:
        """Return the parts of the page, and while it waits how many are before it."""
        said = None
        async for part in super().get_generator(path=path):
            if self.left:
                return
            yield part
            # Between other parts of a page a script might not be one.
            if HEARTBEAT in part and self.turn.before not in {None, said}:
                said = self.turn.before
                yield f"<script>window.voila_before({said})</script>\n"

    def on_connection_close(self) -> None:
        """Give up a place among those who wait: whoever waited has gone."""
        super().on_connection_close()
        self.left = True
        self.turn.end()

    def on_finish(self) -> None:
        """Let the next page start."""
        super().on_finish()
        self.turn.end()


class Health(RequestHandler):
    """What a load balancer asks before it sends the next student."""

    def initialize(self, kernels: KernelLimit) -> None:
        """Take the kernels that are counted."""
        self.kernels = kernels

    @allow_unauthenticated
    def get(self) -> None:
        """Answer with status 200 while there is room for a page, else 503."""
        self.set_status(503 if self.kernels.full else 200)
        self.set_header("Cache-Control", "no-store")
        self.write({"kernels": self.kernels.in_use, "limit": self.kernels.limit})


class RetryAfter(OutputTransform):
    """The header that says when a full server is worth asking again."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the header to every answer with status 503."""
        if status_code == 503:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


class Protection(OutputTransform):
    """The headers by which a browser keeps a page of labs to this server."""

    def __init__(self, request: HTTPServerRequest):
        super().__init__(request)
        self.path = request.path

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers to every answer of Voila; JupyterLab beside it keeps its own."""
        if "/voila/" in self.path:
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            # Browsers hold a page to both policies, so that a stricter one of a hub stays.
            headers.add("Content-Security-Policy", f"{POLICY}frame-ancestors 'self'")
            if ancestors := os.environ.get(ANCESTORS_VARIABLE):
                policy = f"{POLICY}frame-ancestors {ancestors}"
                headers["Content-Security-Policy"] = policy
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


class LabServer(Voila):  # type: ignore[misc]
    """Voila with a health endpoint, a limit for every page, and the index of labs in front."""

    def init_handlers(self) -> list[Any]:
        """Return Voila's own handlers, with ours in their place or before them."""
        notebook_renderer.VoilaExporter = CompiledTemplates
        # Jupyter's own pages of errors ask for their icon, and fail where there is no place for it.
        self.app.settings.setdefault("static_path", DEFAULT_STATIC_FILES_PATH)
        tell_when_full(self.app, self.server_url, self.kernel_manager)
        front = {"url": url_path_join(self.base_url, FRONT_PAGE), "permanent": False}
        own = [
            tuple(LabPage if part is TornadoVoilaHandler else part for part in rule)
            for rule in super().init_handlers()
        ]
        return [(self.server_url, RedirectHandler, front), *own]


def tell_when_full(application: Application, base_url: str, kernels: KernelLimit) -> None:
    """Add the health endpoint and the headers to a web application."""
    address = url_path_join(base_url, "voila/health")
    application.add_handlers(".*$", [(address, Health, {"kernels": kernels})])
    application.add_transform(RetryAfter)
    application.add_transform(Protection)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    tell_when_full(server.web_app, server.base_url, server.kernel_manager)


if __name__ == "__main__":
    LabServer.launch_instance()
