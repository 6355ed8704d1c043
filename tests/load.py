"""Load: a class that opens a lab at the same moment, on one server, over real WebSockets.

    python tests/load.py --students 100 --seconds 120 --json load.json

Each student opens the page as a browser does, finds its dashboard and changes a control again
and again, to values that nobody else sends. In the second half everybody leaves once and comes
back to a new kernel; one in five leaves without a word, and comes back after the server has
culled the idle kernel. An answer counts if it is the one that the same change gets here, without
a server. The exit status is 1 after any error, or any answer to somebody else's change.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import re
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from lab_server import running_labs
from mlsysim_widgets.picture import picture
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from mlsysim import simulations
from mlsysim.cli.labs import say

LAB = "/voila/render/vol1/00_orientation.ipynb"
PROTOCOL = "v1.kernel.websocket.jupyter.org"
CONTROL, LEAST, MOST = "duration_days", 1.0, 3650.0
PATIENCE_S = 60.0
ARRIVAL_LIMIT_S = 600.0
LARGEST_MESSAGE = 100_000_000
# A class does not last until the server would cull by its own settings. Of the classes that a
# setting is for, the most derived one decides.
CULLING = {"KernelLimit": {"cull_idle_timeout": 8, "cull_interval": 1}}
LONGEST_IDLE_S = 10.0
IDLE_ONE_IN = 5


@dataclass
class Class:
    """What happens to everybody, gathered as it happens."""

    address: str
    students: int
    changes: int
    pause_s: float
    errors: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    opened_s: list[float] = field(default_factory=list)
    reopened_s: list[float] = field(default_factory=list)
    culled: int = 0

    def __post_init__(self) -> None:
        self.client = AsyncHTTPClient(force_instance=True, max_clients=self.students)

    def value(self, student: int, change: int) -> float:
        """Return what a student sets a control to, which is nobody else's value at any time."""
        place = (change * self.students + student) / (self.changes * self.students)
        return LEAST + (MOST - LEAST) * place


class Page:
    """The page of a student: a kernel, a line to it, and the dashboard on it."""

    def __init__(self, whole: Class):
        self.whole = whole
        self.kernel, self.dashboard, self.simulation = "", "", ""
        self.state: dict[str, Any] = {}
        self.line: WebSocketClientConnection | None = None

    async def open(self) -> None:
        """Get the page, connect to its kernel, and ask it for its widgets."""
        self.session = Session()
        page = await self._fetch(LAB)
        found = re.search(r'"kernelId": *"([0-9a-f-]+)"', page)
        if not found:
            raise LookupError("the page names no kernel")
        self.kernel = found.group(1)
        self.line = await self._connected()
        control = self.session.msg_id
        opening = {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}
        await self._send("comm_open", opening, {"version": "1.0.0"})
        await self._send("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})
        models = await self._heard(lambda data: data.get("states"))
        for name, model in models.items():
            if model["state"].get("view"):
                self.dashboard, self.state = name, model["state"]["state"]
                self.simulation = model["state"]["spec"]["simulation"]
                return
        raise LookupError("the page has no dashboard")

    async def change(self, value: float) -> dict[str, Any]:
        """Set the control, as its page would; return the next view that comes."""
        self.state = {**self.state, "choice": {**self.state["choice"], CONTROL: value}}
        update = {"method": "update", "state": {"state": self.state}, "buffer_paths": []}
        await self._send("comm_msg", {"comm_id": self.dashboard, "data": update})
        return await self._heard(lambda data: data.get("state", {}).get("view"))

    def expected(self) -> dict[str, Any]:
        """Return what the present design shows, evaluated here."""
        kind = getattr(simulations, self.simulation)
        simulation = kind(self.state["application"], self.state["persona"])
        ledger = simulation.evaluate(self.state["choice"])
        return json.loads(json.dumps(picture(simulation, ledger, self.state["choice"])))

    async def idle(self) -> None:
        """Cut the line without a word, as a closed laptop does, until the kernel is culled."""
        self.line.close()
        for _ in range(round(PATIENCE_S / LONGEST_IDLE_S)):
            await asyncio.sleep(LONGEST_IDLE_S)
            try:
                (await self._connected()).close()
            except HTTPClientError as refused:
                if refused.code != 404:
                    raise
                self.whole.culled += 1
                return
        raise TimeoutError("the server did not cull the idle kernel")

    async def leave(self) -> None:
        """Close the line and let go of the kernel, as a page does when it is left."""
        if self.line:
            self.line.close()
        if self.kernel:
            await self._fetch(f"/voila/api/shutdown/{self.kernel}", method="POST", body="")

    async def _connected(self) -> WebSocketClientConnection:
        channels = urllib.parse.urljoin(
            self.whole.address.replace("http", "ws", 1),
            f"/api/kernels/{self.kernel}/channels?session_id={self.session.session}",
        )
        return await websocket_connect(
            HTTPRequest(channels, request_timeout=PATIENCE_S),
            subprotocols=[PROTOCOL],
            max_message_size=LARGEST_MESSAGE,
        )

    async def _fetch(self, path: str, **how: Any) -> str:
        address = urllib.parse.urljoin(self.whole.address, path)
        answer = await self.whole.client.fetch(address, request_timeout=ARRIVAL_LIMIT_S, **how)
        return answer.body.decode()

    async def _send(
        self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        message = self.session.msg(kind, content, metadata=metadata)
        packed = serialize_msg_to_ws_v1(message, "shell", self.session.pack)
        await self.line.write_message(packed, binary=True)

    async def _heard(self, wanted: Callable[[dict[str, Any]], Any]) -> Any:
        """Return the first thing wanted from what the kernel's widgets say."""
        while True:
            message = await asyncio.wait_for(self.line.read_message(), PATIENCE_S)
            if message is None:
                raise ConnectionError("the line was cut")
            _, (header, _, _, content, *_) = deserialize_msg_from_ws_v1(message)
            kind = json.loads(header)["msg_type"]
            if kind == "comm_msg" and (found := wanted(json.loads(content)["data"])):
                return found


async def attend(whole: Class, number: int, everybody: asyncio.Barrier) -> None:
    """Take a student through the class, to the end or to the first thing that goes wrong."""
    page = Page(whole)
    await noted(whole, number, whole.opened_s, page.open())
    await everybody.wait()
    if page.dashboard:
        await noted(whole, number, [], work(whole, page, number))
    await noted(whole, number, [], page.leave())


async def noted(whole: Class, number: int, times: list[float], action: Awaitable[None]) -> None:
    """Wait for something; note how long it took, or what went wrong."""
    try:
        times.append(await seconds_of(action))
    except Exception as error:  # noqa: BLE001 - each is counted
        whole.errors.append(f"student {number}: {error!r}")


async def work(whole: Class, page: Page, number: int) -> None:
    """Change the control again and again; once, in the second half, leave and come back."""
    # The changes of a class are spread over the seconds between two of one student.
    await asyncio.sleep(whole.pause_s * number / whole.students)
    half = whole.changes // 2
    leaving = half + number % (whole.changes - half)
    for change in range(whole.changes):
        if change == leaving:
            await (page.leave() if number % IDLE_ONE_IN else page.idle())
            whole.reopened_s.append(await seconds_of(page.open()))
        await change_once(whole, page, number, change)
        await asyncio.sleep(whole.pause_s)


async def change_once(whole: Class, page: Page, number: int, change: int) -> None:
    """Change the control, and hold what comes back against what ought to."""
    value = whole.value(number, change)
    started = time.perf_counter()
    view = await page.change(value)
    whole.answered_s.append(time.perf_counter() - started)
    answered = view["state"]["choice"][CONTROL]
    if answered != value:
        whole.crossed.append(f"student {number} set {value}, and was told of {answered}")
    elif any(view[part] != shown for part, shown in page.expected().items()):
        whole.errors.append(f"student {number} set {value}, and got another answer than here")


async def seconds_of(action: Awaitable[None]) -> float:
    """Wait for something; return how long it took."""
    started = time.perf_counter()
    await action
    return time.perf_counter() - started


@dataclass
class Used:
    """What a server and its kernels use: processor time since they started, and memory."""

    cpu_s: float
    server_mb: float
    kernels_mb: list[float]

    @classmethod
    def by(cls, server: int) -> Used:
        """Ask the operating system; pages that processes share count for each in part."""
        family = psutil.Process(server).children(recursive=True)
        kernels = [each for each in family if "ipykernel_launcher" in each.cmdline()]
        memory = {each: each.memory_full_info().pss / 1e6 for each in family}
        times = [each.cpu_times() for each in family]
        return cls(
            sum(each.user + each.system for each in times),
            sum(memory[each] for each in family if each not in kernels),
            [memory[each] for each in kernels],
        )


async def held(whole: Class, server: int) -> dict[str, Any]:
    """Hold a class; return its figures."""
    everybody = asyncio.Barrier(whole.students + 1)
    students = [
        asyncio.create_task(attend(whole, number, everybody)) for number in range(whole.students)
    ]
    before, started = Used.by(server), time.perf_counter()
    await everybody.wait()
    arrived_s, opened = time.perf_counter() - started, Used.by(server)
    # Until half time everybody stays, and all that is computed is answers.
    await asyncio.sleep((whole.changes // 2 - 0.5) * whole.pause_s)
    half, answers = Used.by(server), len(whole.answered_s)
    await asyncio.gather(*students)
    health = await whole.client.fetch(
        urllib.parse.urljoin(whole.address, "/voila/health"), raise_error=False
    )
    left = json.loads(health.body)["kernels"]
    if left:
        whole.errors.append(f"{left} kernels run on after everybody has left")
    return {
        "students": whole.students,
        "changes": len(whole.answered_s),
        "kernels culled while idle": whole.culled,
        "errors": len(whole.errors),
        "answers to somebody else's change": len(whole.crossed),
        "s until all have a first dashboard": arrived_s,
        "s until one has a first dashboard": min(whole.opened_s, default=math.nan),
        "s to a first dashboard, p50": percentile(whole.opened_s, 50),
        "s to a first dashboard, p95": percentile(whole.opened_s, 95),
        "s to a new kernel, p50": percentile(whole.reopened_s, 50),
        "ms from change to answer, p50": 1e3 * percentile(whole.answered_s, 50),
        "ms from change to answer, p95": 1e3 * percentile(whole.answered_s, 95),
        "MB of the server": half.server_mb,
        "MB of a kernel": statistics.fmean(half.kernels_mb or [math.nan]),
        "MB of server and kernels": half.server_mb + sum(half.kernels_mb),
        "s of processor for a first dashboard": (opened.cpu_s - before.cpu_s) / whole.students,
        "ms of processor for a change": 1e3 * (half.cpu_s - opened.cpu_s) / max(answers, 1),
    }


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many in a hundred stay below; not a number where there are none."""
    return float(np.percentile(values, percent)) if values else math.nan


def loaded(students: int, seconds: float, pause_s: float) -> tuple[dict[str, Any], list[str]]:
    """Hold a class on a server of its own; return its figures and all that went wrong."""
    changes = max(2, round(seconds / pause_s))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "voila.json").write_text(json.dumps(CULLING), encoding="utf-8")
        limit = {"MLSYSIM_KERNEL_LIMIT": str(students), "JUPYTER_CONFIG_PATH": folder}
        with running_labs(**limit) as (address, server):
            whole = Class(address, students, changes, pause_s)
            return asyncio.run(held(whole, server.pid)), [*whole.errors, *whole.crossed]


def main() -> int:
    """Hold a class, print what was measured and what went wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two changes")
    parser.add_argument("--json", type=Path, help="write what is printed")
    options = parser.parse_args()
    figures, wrong = loaded(options.students, options.seconds, options.every)
    figures |= {"python": platform.python_version(), "cores": os.cpu_count()}
    figures |= {"load of the machine": os.getloadavg()[0]}
    for name, value in figures.items():
        say(f"{name:<40}{value:>10.3g}" if isinstance(value, float) else f"{name:<40}{value:>10}")
    for each in wrong:
        say(each)
    if options.json:
        whole = {"figures": figures, "wrong": wrong}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
