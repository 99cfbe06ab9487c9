"""The network that the chaos runs cut and slow down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.link import Link


@asynccontextmanager
async def talk_over(link: Link) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, link.to(server.sockets[0].getsockname()[1]):
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        yield reader, writer
        writer.close()
        await writer.wait_closed()


async def test_what_was_said_while_the_network_was_cut_arrives_once_it_is_whole() -> None:
    link = Link()
    async with talk_over(link) as (reader, writer):
        link.cut()
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readexactly(5)
        link.mend()
        assert await reader.readexactly(5) == b"hello"


async def test_a_slow_network_takes_its_time_each_way() -> None:
    link = Link()
    async with talk_over(link) as (reader, writer):
        link.delay = 0.1
        since = time.monotonic()
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert time.monotonic() - since >= 0.2
