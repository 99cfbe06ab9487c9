"""A door in front of a server: until it opens, nobody seems to be there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.servers.process import free_port

PIECE = 65_536


class Gate:
    """A port of loopback that leads to another one once it is open."""

    def __init__(self, leads_to: int) -> None:
        self.port = free_port()
        self._leads_to = leads_to
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[Gate]:
        """Keep it, shut at first, until the block ends."""
        try:
            yield self
        finally:
            await self.shut()

    async def open(self) -> None:
        """Let everybody through from now on."""
        self._server = await asyncio.start_server(self._admit, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Let nobody through any more, and send those away who are in."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _admit(self, near: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        far, asks = await asyncio.open_connection("127.0.0.1", self._leads_to)
        for talk in (_pass_on(near, asks), _pass_on(far, answers)):
            task = asyncio.ensure_future(talk)
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
