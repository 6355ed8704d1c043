"""The labs, started the way `make labs` starts them, and inside a Jupyter server."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlsysim.cli.labs import free_port, start_voila, wait_until_ready

REPOSITORY = Path(__file__).resolve().parents[1]
TOKEN = "labs-test"  # noqa: S105 -- of a server that lives for one test, on loopback


@contextlib.contextmanager
def _running(
    command: Sequence[str], folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a server in a folder, and stop it in the end."""
    own = {**os.environ, "MLSYSIM_JOURNAL": "", **environment}
    with subprocess.Popen(
        command, cwd=folder, env=own, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


@contextlib.contextmanager
def running_labs(**environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start the labs as `make labs` does; give the address that it prints, and the process."""
    # Tests that run at the same time must not agree on the usual port.
    command = [sys.executable, "-P", "-u", "-m", "mlsysim.cli", "labs", "--no-browser", "--port=0"]
    with _running(command, REPOSITORY, environment) as server:
        printed = iter(server.stdout.readline, "")
        found = (re.search(r"http://\S+", line) for line in printed)
        yield next(match.group() for match in found if match), server


@contextlib.contextmanager
def running_voila(folder: Path) -> Iterator[str]:
    """Serve another folder with the settings of the labs; give the address of its pages."""
    shutil.copy(REPOSITORY / "labs" / "voila.json", folder)
    port = free_port(0)
    with start_voila(folder, port) as server:
        try:
            wait_until_ready(port, server)
            yield f"http://localhost:{port}/voila/render/"
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextlib.contextmanager
def running_jupyter_server(folder: Path, **environment: str) -> Iterator[tuple[str, str]]:
    """Start a Jupyter server with the settings of the labs; give its address and its token."""
    port = free_port(0)
    command = [
        sys.executable, "-P", "-m", "jupyter_server",
        f"--config={REPOSITORY / 'labs' / 'voila.json'}", f"--port={port}",
        f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0",
        "--ServerApp.log_level=ERROR", "--allow-root", "--no-browser",
    ]  # fmt: skip
    with _running(command, folder, environment) as server:
        wait_until_ready(port, server)
        yield f"http://localhost:{port}/", TOKEN
