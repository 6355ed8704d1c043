"""Serve the labs as web pages: pick a free port, print the address, say how to stop."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

LABS = Path(__file__).resolve().parents[1] / "labs"
FRONT_PAGE = "voila/render/index.ipynb"
USUAL_PORT = 8866
START_LIMIT_S = 60.0


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


def start_voila(port: int) -> subprocess.Popen[bytes]:
    """Start Voila in the folder of labs, where it finds its settings in `voila.json`."""
    options = [
        "--no-browser",
        f"--port={port}",
        "--Voila.port_retries=0",
        "--Voila.log_level=ERROR",
    ]
    return subprocess.Popen([sys.executable, "-m", "voila", ".", *options], cwd=LABS)


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


def main() -> None:
    """Run until Ctrl+C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=USUAL_PORT, help="port to use if it is free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    arguments = parser.parse_args()

    port = free_port(arguments.port)
    address = f"http://localhost:{port}/{FRONT_PAGE}"
    server = start_voila(port)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        wait_until_ready(port, server)
        print(f"\n  The labs are open at {address}\n  Stop them with Ctrl+C.\n", flush=True)
        if has_display() and not arguments.no_browser:
            webbrowser.open(address)
        server.wait()
    except KeyboardInterrupt:
        # The terminal sent Ctrl+C to Voila as well; it still has its kernels to stop.
        server.wait()
        print("\n  Stopped.")


if __name__ == "__main__":
    main()
