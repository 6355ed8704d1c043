"""Wire: the way between browsers and a server, which a test can cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from threading import Event, Thread


class Wire:
    """A way to a port of this machine, on a port of its own.

    Held, it lets nothing through, as a radio out of reach does; cut, it ends every connection and
    refuses new ones, as a proxy does whose server is gone.
    """

    def __init__(self, target: int):
        self.port = 0
        self._target = target
        self._whole = True
        self._ready = Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()

    def hold(self) -> None:
        """Let nothing through."""
        self._call(self._flows.clear)

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        self._whole = False
        self._call(self._end_all)

    def mend(self) -> None:
        """Let everything through again, first what was held."""
        self._whole = True
        self._call(self._flows.set)

    @contextlib.contextmanager
    def laid(self) -> Iterator[Wire]:
        """Carry what comes, in a thread of its own, until the end."""
        thread = Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        self._ready.wait()
        try:
            yield self
        finally:
            self.mend()
            self.cut()
            self._call(self._over.set)
            thread.join()

    def _call(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _end_all(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._flows, self._over = asyncio.Event(), asyncio.Event()
        self._flows.set()
        async with await asyncio.start_server(self._connect, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()
        await asyncio.gather(*self._tasks)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, ends = asyncio.current_task(), {writer}
        self._tasks.add(task)
        with contextlib.suppress(OSError):
            if self._whole:
                there, back = await asyncio.open_connection("127.0.0.1", self._target)
                ends.add(back)
                self._ends |= ends
                await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        for end in ends:
            end.transport.abort()
            with contextlib.suppress(OSError):
                await end.wait_closed()
        self._ends -= ends
        self._tasks.discard(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
