"""`mlsysim labs`: open the labs as web pages, on a free port, until Ctrl+C."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from mlsysim.errors import InvalidInput
from mlsysim.explore.space import MissingLibrary

# Beside the package in a checkout, in the environment's share folder after an installation.
_PLACES = (
    Path(__file__).resolve().parents[2] / "labs",
    Path(sys.prefix) / "share" / "mlsysim" / "labs",
)
FRONT_PAGE = "voila/render/index.ipynb"
USUAL_PORT = 8866
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
# Of the 103 characters of a socket's path on macOS, Jupyter adds 65 to the temporary folder.
LONGEST_FOLDER = 103 - 65


def run(arguments: Sequence[str], program: str) -> int:
    """Serve the labs until Ctrl+C."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--port", type=int, default=USUAL_PORT, help="port to use if it is free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("voila") is None:
        raise MissingLibrary("voila", "labs")
    serve(folder(), free_port(options.port), open_browser=not options.no_browser)
    return 0


def folder() -> Path:
    """Return where the labs are; raise `InvalidInput` where there are none."""
    for place in _PLACES:
        if (place / "index.ipynb").is_file():
            return place
    raise InvalidInput("labs", None, "a checkout, or an installation with the labs in it")


def free_port(preferred: int = USUAL_PORT) -> int:
    """Return the preferred port, or any free one where it is taken."""
    for port in (preferred, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise SystemExit("No free port on this machine.")


def start_voila(labs: Path, port: int) -> subprocess.Popen[bytes]:
    """Start Voila in the folder of labs, where it finds its settings in `voila.json`."""
    options = [
        "--no-browser",
        f"--port={port}",
        "--Voila.port_retries=0",
        "--Voila.log_level=ERROR",
    ]
    # A port that is chosen for a kernel can be taken before the kernel listens on it, which happens
    # where a class starts at once; a file cannot.
    if sys.platform != "win32" and len(tempfile.gettempdir()) <= LONGEST_FOLDER:
        options.append("--KernelManager.transport=ipc")
    command = [sys.executable, "-m", "mlsysim_widgets.server", ".", *options]
    return subprocess.Popen(command, cwd=labs)  # noqa: S603


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return once the server accepts connections, or exit with its own status if it died."""
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SystemExit(server.returncode or 1)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    server.terminate()
    raise SystemExit(f"Voila did not answer within {START_LIMIT_S:.0f} seconds.")


def has_display() -> bool:
    """Say whether a browser window can be opened here."""
    return sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def serve(labs: Path, port: int, *, open_browser: bool) -> None:
    """Run Voila on a folder of labs until Ctrl+C."""
    address = f"http://localhost:{port}/{FRONT_PAGE}"
    server = start_voila(labs, port)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        wait_until_ready(port, server)
        say(f"\n  The labs are open at {address}\n  Stop them with Ctrl+C.\n")
        if open_browser and has_display():
            webbrowser.open(address)
        server.wait()
    except KeyboardInterrupt:
        # A terminal sends Ctrl+C to Voila as well, which still has its kernels to stop.
        try:
            server.wait(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.terminate()
            server.wait()
        say("\n  Stopped.")


def say(text: str) -> None:
    """Print at once, for whoever reads the address through a pipe."""
    print(text, flush=True)  # noqa: T201
