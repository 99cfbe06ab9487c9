"""What the TypeScript client makes of connections that end as a server may end them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.test_live import PONG, READY, Ana, message, read, says
from tests.sdk.node_client import NodeClient, ThrownError, node_client

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def node(folder: Path) -> AsyncIterator[NodeClient]:
    async with node_client(folder) as client:
        yield client


async def told(node: NodeClient, ana: Ana, count: int, cursor: str | None = "0.10") -> list[str]:
    """Return the cursors of the first frames that are told."""
    answer: dict[str, Any] = await node.call("told", ana.address, count, cursor)
    ana.instead_of = answer["insteadOf"]
    cursors: list[str] = answer["cursors"]
    return cursors


async def test_what_was_missed_is_told_before_what_happens_now(node: NodeClient) -> None:
    early = says(READY, message(21), message(11))
    whole = says({**READY, "cursor": "0.21"}, message(11), message(20), message(21), PONG)
    async with Ana([early, whole]).served() as ana:
        assert await told(node, ana, 3) == ["0.11", "0.20", "0.21"]
        assert ana.resumed == ["0.10", "0.10"]


async def test_what_waited_when_the_connection_broke_is_told_by_the_next_one(
    node: NodeClient,
) -> None:
    broken = says(READY, message(20), message(21))
    whole = says({**READY, "cursor": "0.21"}, message(21), PONG, message(22))
    async with Ana([broken, whole]).served() as ana:
        assert await told(node, ana, 3) == ["0.20", "0.21", "0.22"]
        assert ana.resumed == ["0.10", "0.20"]


async def test_what_the_connection_lost_of_one_reading_is_told_by_the_next_one(
    node: NodeClient,
) -> None:
    broken = says(READY, message(11), PONG, read("a", 21))
    whole = says({**READY, "cursor": "0.21"}, read("a", 21), read("b", 21), PONG, message(22))
    async with Ana([broken, whole]).served() as ana:
        assert await told(node, ana, 4) == ["0.11", "0.21", "0.21", "0.22"]
        assert ana.resumed == ["0.10", "0.11"]


async def test_without_a_cursor_it_begins_now_and_resumes_from_there(node: NodeClient) -> None:
    async with Ana([says(READY, PONG), says(READY, message(21), PONG)]).served() as ana:
        assert await told(node, ana, 1, None) == ["0.21"]
        assert ana.resumed == [None, "0.20"]


async def test_a_token_that_ended_is_replaced_once(node: NodeClient) -> None:
    async with Ana([says(READY, PONG, code=4401), says(READY, message(21), PONG)]).served() as ana:
        assert await told(node, ana, 1) == ["0.21"]
        assert ana.instead_of == [None, "token-1"]
    async with Ana([says(code=4401), says(code=4401)]).served() as ana:
        with pytest.raises(ThrownError, match=r"Unauthenticated.*as the script says"):
            await told(node, ana, 1)


async def test_a_server_that_cannot_tell_what_was_missed_is_asked_again(node: NodeClient) -> None:
    away = {"type": "error", "code": "unavailable", "detail": "the store is away"}
    first = says(READY, away, message(21))
    async with Ana([first, says(READY, message(11), message(21), PONG)]).served() as ana:
        assert await told(node, ana, 2) == ["0.11", "0.21"]


async def test_what_is_read_too_slowly_is_given_up_and_loses_nothing(node: NodeClient) -> None:
    last = 25_000
    cut = asyncio.Event()

    async def flood(socket: ServerConnection) -> None:
        try:
            for frame in (READY, PONG):
                await socket.send(json.dumps(frame))
            for offset in range(int((ana.resumed[-1] or "").removeprefix("0.")) + 1, last + 1):
                await socket.send(json.dumps(message(offset)))
            await socket.wait_closed()
        finally:
            cut.set()

    async with Ana([flood] * 9).served() as ana:
        telling = node.begun("told", ana.address, last - 10, "0.10", None, "waits")
        await cut.wait()
        await node.call("goOn")
        cursors = (await telling)["cursors"]
        assert cursors == [f"0.{offset}" for offset in range(11, last + 1)]
        assert len(ana.resumed) > 1


async def test_patience_bounds_the_time_without_a_connection(node: NodeClient) -> None:
    async with Ana([]).served() as ana:
        address = ana.address
    with pytest.raises(ThrownError, match=r"NotReached.*no connection to"):
        await node.call("told", address, 1, "0.1", 1.0)
