"""The network between our roles and a server of others: it can be cut, and be slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e.balancer import HOST, PIECE, Balancer
from tests.servers.process import free_port


class Link(Balancer):
    """Passes connections to `port` on to a server.

    Where it is cut it holds what both sides say, as a network does that repeats what was not
    confirmed; whole again it passes that on. `delay` is in seconds, for each piece each way.
    """

    def __init__(self) -> None:
        super().__init__([])
        self.port = free_port()
        self.delay = 0.0
        self._is_whole = asyncio.Event()
        self._is_whole.set()
        self._passing: set[asyncio.Task[None]] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        passing = asyncio.create_task(super().__call__(reader, writer))
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)
        await asyncio.wait([passing])

    @asynccontextmanager
    async def to(self, port: int) -> AsyncIterator[None]:
        """Serve until the block ends."""
        self._ports = [port]
        server = await asyncio.start_server(self, HOST, self.port, backlog=1024)
        try:
            yield
        finally:
            server.close()
            for one in self._passing:
                one.cancel()
            await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> None:
        """Pass nothing on."""
        self._is_whole.clear()

    def mend(self) -> None:
        """Pass on what was held, and all that follows."""
        self._is_whole.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            await asyncio.sleep(self.delay)
            await self._is_whole.wait()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        await writer.drain()
