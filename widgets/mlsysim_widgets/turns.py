"""Turns: when a class comes at once, few pages start at a time, in the order in which they came.

Pages that share the processor all start as late as the last of them; in turn, most start sooner
and none later.
"""

from __future__ import annotations

import asyncio
from typing import Any

from mlsysim_widgets.kernel_limit import KernelLimit

# A page whose kernel died or hangs holds up the others no longer than this.
LONGEST_S = 10.0


class Turns:
    """Who starts now, and who waits."""

    def __init__(self, at_once: int):
        self._free = asyncio.Semaphore(at_once)
        self._started: dict[str, asyncio.TimerHandle] = {}
        self._waiting: list[str] = []

    async def begin(self, kernel: str) -> None:
        """Return when it is this kernel's turn."""
        self._waiting.append(kernel)
        try:
            await self._free.acquire()
        finally:
            self._waiting.remove(kernel)
        loop = asyncio.get_running_loop()
        self._started[kernel] = loop.call_later(LONGEST_S, self.end, kernel)

    def end(self, kernel: str) -> None:
        """Let the next one start."""
        if timer := self._started.pop(kernel, None):
            timer.cancel()
            self._free.release()

    def before(self, kernel: str) -> int | None:
        """Return how many wait before this one; nothing if it does not wait."""
        return self._waiting.index(kernel) if kernel in self._waiting else None

    @property
    def all_taken(self) -> bool:
        """Whether the next one has to wait."""
        return self._free.locked()


class KernelInTurn:
    """The kernels of a server for one page, whose own kernel starts when it is its turn."""

    def __init__(self, kernels: KernelLimit, turns: Turns):
        self._kernels = kernels
        self._turns = turns
        self._kernel = ""
        self._coming: asyncio.Task[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernels, name)

    @property
    def before(self) -> int | None:
        """How many wait before this page; nothing if it does not wait."""
        return self._turns.before(self._kernel)

    async def start_kernel(self, **how: Any) -> str:
        """Take a place for a kernel; return its name, whether or not it has to wait.

        What goes wrong with a kernel that need not wait is raised here, where no part of the page
        has been sent and the page of an error can be.
        """
        self._kernel = self._kernels.reserve()
        waits = self._turns.all_taken
        self._coming = asyncio.create_task(self._come(how))
        if not waits:
            await self._coming
        return self._kernel

    def get_kernel(self, kernel: str) -> asyncio.Task[Any] | None:
        """Return what Voila awaits after the beginning of the page: the page's kernel."""
        return self._coming

    def end(self) -> None:
        """Let the next page start, because this one has started or has been left."""
        if self._coming and self.before is not None:
            self._coming.cancel()
        self._turns.end(self._kernel)

    async def _come(self, how: dict[str, Any]) -> Any:
        try:
            await self._turns.begin(self._kernel)
            await self._kernels.start_kernel(**how, kernel_id=self._kernel)
        finally:
            self._kernels.release(self._kernel)
        return self._kernels.get_kernel(self._kernel)
