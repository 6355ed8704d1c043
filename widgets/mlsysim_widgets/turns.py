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

    def __init__(self, cores: int):
        self._cores = cores
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._starting: dict[str, asyncio.TimerHandle] = {}

    def begin(self, kernel: str) -> asyncio.Future[None]:
        """Join the queue; return what is done when it is this kernel's turn."""
        turn = self._waiting[kernel] = asyncio.get_running_loop().create_future()
        self._advance()
        return turn

    def end(self, kernel: str) -> None:
        """Leave the queue, or let the next one start."""
        if turn := self._waiting.pop(kernel, None):
            turn.cancel()
        if limit := self._starting.pop(kernel, None):
            limit.cancel()
        self._advance()

    def before(self, kernel: str) -> int | None:
        """Return how many wait before this one; nothing if it does not wait."""
        return list(self._waiting).index(kernel) if kernel in self._waiting else None

    def _advance(self) -> None:
        # One more than there are cores, since each that starts waits for messages now and then.
        while self._waiting and len(self._starting) <= self._cores:
            kernel = next(iter(self._waiting))
            turn = self._waiting.pop(kernel)
            turn.set_result(None)
            later = turn.get_loop().call_later
            self._starting[kernel] = later(LONGEST_S, self.end, kernel)


class KernelInTurn:
    """The kernels of a server for one page, whose own kernel starts when it is its turn."""

    def __init__(self, kernels: KernelLimit, turns: Turns):
        self._kernels = kernels
        self._turns = turns
        self._kernel = ""

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
        turn = self._turns.begin(self._kernel)
        self._coming = asyncio.create_task(self._come(turn, how))
        if turn.done():
            await self._coming
        return self._kernel

    def get_kernel(self, _: str) -> asyncio.Task[Any]:
        """Return the page's kernel, for which Voila waits once it has sent the page's beginning."""
        return self._coming

    def end(self) -> None:
        """Let the next page start, because this one has started or has been left."""
        self._turns.end(self._kernel)

    async def _come(self, turn: asyncio.Future[None], how: dict[str, Any]) -> Any:
        try:
            await turn
            await self._kernels.start_kernel(**how, kernel_id=self._kernel)
        finally:
            self._kernels.release(self._kernel)
        return self._kernels.get_kernel(self._kernel)
