"""The labs, started the way `make labs` starts them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def running_labs(**environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start the labs as `make labs` does; give the address that it prints, and the process."""
    # Tests that run at the same time must not agree on the usual port.
    command = [sys.executable, "-u", "-m", "mlsysim.cli", "labs", "--no-browser", "--port=0"]
    own = {**os.environ, "MLSYSIM_JOURNAL": "", **environment}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=own, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            printed = iter(server.stdout.readline, "")
            found = (re.search(r"http://\S+", line) for line in printed)
            yield next(match.group() for match in found if match), server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
