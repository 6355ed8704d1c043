"""Kernel limit: a server that is full says so, before its memory runs out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Int, default

from mlsysim.errors import InvalidInput

VARIABLE = "MLSYSIM_KERNEL_LIMIT"
# A kernel takes 54 to 66 MB with a lab and all its explorations open; the server needs some too.
MEMORY_PER_KERNEL = 100e6
_CONTROL_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class KernelLimit(AsyncMappingKernelManager):
    """The kernels of a server, of which only so many are in use at once.

    A further page is refused with status 503. Kernels that wait, rendered, for the next page are
    not in use: Voila starts no more of them than its pools hold.
    """

    limit = Int(min=1, config=True, help=f"Most kernels in use at once, also {VARIABLE}.")

    @default("limit")
    def _default_limit(self) -> int:
        return limit_of(os.environ.get(VARIABLE, ""))

    def __init__(self, **settings: Any):
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._starting: set[str] = set()
        self._preheating: set[str] = set()

    @property
    def in_use(self) -> int:
        """How many kernels have a page, or are being started for one."""
        kernels = {*self.list_kernel_ids(), *self._starting}
        return len(kernels.difference(self._preheating, self._preheated()))

    @property
    def full(self) -> bool:
        """Whether the next page would be refused."""
        return self.in_use >= self.limit

    def refuse_if_full(self) -> None:
        """Raise the error that becomes a page saying what to do."""
        if self.full:
            raise HTTPError(503, "All %d kernels of this server are in use", self.limit)

    def reserve(self) -> str:
        """Return the name of a kernel that will start, if there is room for one."""
        self.refuse_if_full()
        kernel = str(self.new_kernel_id())
        self._starting.add(kernel)
        return kernel

    def release(self, kernel: str) -> None:
        """Count a kernel that was reserved only if it runs."""
        self._starting.discard(kernel)

    async def start_kernel(self, **how: Any) -> str:  # type: ignore[override]
        """Start a kernel for a page, if there is room for one, or for a pool."""
        preheat = how.get("env", {}).get("VOILA_PREHEAT") == "True"
        kernel = how["kernel_id"] = how.get("kernel_id") or self.new_kernel_id()
        if not preheat and kernel not in self._starting:
            self.refuse_if_full()
        coming = self._preheating if preheat else self._starting
        coming.add(kernel)
        try:
            return str(await super().start_kernel(**how))
        finally:
            coming.discard(kernel)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that has been idle for long, if its page has not ended it meanwhile."""
        if kernel_id in self:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

    def _preheated(self) -> set[str]:
        """Return the kernels of Voila's pools, which a Jupyter server has none of."""
        tasks = [task for pool in getattr(self, "_pools", {}).values() for task in pool]
        over = [task for task in tasks if task.done() and not task.cancelled()]
        return {task.result()["kernel_id"] for task in over if not task.exception()}


def limit_of(setting: str) -> int:
    """Return the limit that somebody set, or as many kernels as this machine's memory holds.

    Raises:
        InvalidInput: if the setting is no whole number from 1.

    >>> limit_of("40")
    40
    """
    if not setting:
        fit, _ = divmod(memory(), MEMORY_PER_KERNEL)
        return max(1, int(fit))
    if setting.isdecimal() and int(setting) >= 1:
        return int(setting)
    raise InvalidInput(VARIABLE, setting, "a whole number from 1")


def memory() -> float:
    """Return the memory that this server may use, in bytes: the machine's or its container's.

    >>> memory() > 0
    True
    """
    # JupyterHub, and Binder with it, says in MEM_LIMIT what it grants.
    said = [os.environ.get("MEM_LIMIT", ""), *(_text(file) for file in _CONTROL_GROUPS)]
    return min([float(psutil.virtual_memory().total), *map(float, filter(str.isdecimal, said))])


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError:
        return ""
