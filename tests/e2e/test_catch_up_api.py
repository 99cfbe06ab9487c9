"""What a client of the WebSocket and of the long poll can rely on, whoever wrote it."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.e2e.account import Account

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE = 60.0  # seconds a frame may take on a busy machine
_numbers = itertools.count()


@pytest_asyncio.fixture(loop_scope="session")
async def writer(server: str) -> AsyncIterator[Account]:
    async with Account(server, f"writer{next(_numbers)}").signed_up("Writer") as account:
        yield account


@pytest_asyncio.fixture(loop_scope="session")
async def reader(server: str) -> AsyncIterator[Account]:
    async with Account(server, f"reader{next(_numbers)}").signed_up("Reader") as account:
        yield account


async def test_resuming_gives_what_was_missed_once_and_in_order(
    writer: Account, reader: Account
) -> None:
    chat = await writer.chat_with(reader)
    async with reader.socket() as before:
        cursor = (await _frame(before, "ready"))["cursor"]
    await writer.say(chat, [f"missed {number}" for number in range(250)])

    async with reader.socket() as client:
        await _tell(client, type="resume", cursor=cursor)
        live = asyncio.create_task(writer.say(chat, [f"live {number}" for number in range(250)]))
        frames = await _messages(client, 500)
        await live
        await _nothing_more(client)
    assert [frame["message"]["seq"] for frame in frames] == list(range(1, 501))

    async with reader.socket() as client:
        await _tell(client, type="resume", cursor=frames[399]["cursor"])
        rest = await _messages(client, 100)
        await _nothing_more(client)
    assert [frame["message"]["seq"] for frame in rest] == list(range(401, 501))


async def test_a_client_that_reads_too_slowly_is_sent_away_and_resumes(
    writer: Account, reader: Account
) -> None:
    chat = await writer.chat_with(reader)
    count = 1_200
    async with writer.socket(max_queue=None) as own, reader.socket(sock=_narrow(reader)) as slow:
        cursor = (await _frame(slow, "ready"))["cursor"]
        await _tell(slow, type="resume", cursor=cursor)
        for _ in range(count // 100):
            await writer.say(chat, ["x" * 8_000] * 100)
            await _messages(own, 100)  # told to one means offered to the other
        seen = [frame async for frame in _until_closed(slow) if frame["type"] == "message"]
        assert slow.close_code == 4429
    assert 0 < len(seen) < count
    cursor = seen[-1]["cursor"]

    async with reader.socket() as client:
        await _tell(client, type="resume", cursor=cursor)
        frames = await _messages(client, count - len(seen))
        await _nothing_more(client)
    assert [frame["message"]["seq"] for frame in seen + frames] == list(range(1, count + 1))


async def test_a_token_may_come_as_a_subprotocol_or_as_the_first_frame(reader: Account) -> None:
    async with reader.socket() as client:
        assert client.subprotocol == "chat4all.v1"
        assert (await _frame(client, "ready"))["user_id"] == reader.user_id
    async with reader.bare_socket() as client:
        await _tell(client, type="auth", token=reader.token)
        assert (await _frame(client, "ready"))["user_id"] == reader.user_id


async def test_a_bad_token_is_refused(reader: Account) -> None:
    async with reader.bare_socket() as client:
        await _tell(client, type="auth", token=reader.token[:-4] + "AAAA")
        assert await _close_code(client) == 4401


async def test_a_token_in_the_address_counts_for_nothing(reader: Account) -> None:
    query = f"?token={reader.token}&access_token={reader.token}"
    async with reader.bare_socket(query=query) as client:
        await _tell(client, type="ping")
        assert await _close_code(client) == 4401


async def test_a_client_that_does_not_say_who_it_is_is_sent_away(reader: Account) -> None:
    loop = asyncio.get_running_loop()
    async with reader.bare_socket() as client:
        begun = loop.time()
        assert await _close_code(client) == 4408
        assert 4.0 < loop.time() - begun < 15.0


@pytest.mark.embedded("a cursor begins at this very moment; on roles up to a second before, ADR 21")
async def test_the_long_poll_tells_the_same_as_the_socket(writer: Account, reader: Account) -> None:
    chat = await writer.chat_with(reader)
    cursor = (await reader.get("sync"))["next"]
    async with reader.socket() as client:
        await _tell(client, type="resume", cursor=(await _frame(client, "ready"))["cursor"])
        waiting = asyncio.create_task(_polled(reader, cursor, 2))
        [first, _] = await writer.say(chat, ["hello", "world"])
        told = [await _next(client), await _next(client)]
        assert [frame["type"] for frame in told] == ["message", "message"]
        assert await waiting == told

        edit = {"payload": {"type": "text", "text": "Hello!"}}
        changes: dict[str, Callable[[], Awaitable[object]]] = {
            "edited": lambda: writer.patch(f"messages/{first}", edit),
            "conversation": lambda: reader.post(f"conversations/{chat}/read", {"up_to_seq": 2}),
        }
        for kind, change in changes.items():  # a frame tells the message as it is when it is read
            waiting = asyncio.create_task(_polled(reader, told[-1]["cursor"], 1))
            await change()
            told = [await _next(client)]
            assert [frame["type"] for frame in told] == [kind]
            assert await waiting == told


async def _polled(account: Account, cursor: str, count: int) -> list[dict[str, Any]]:
    """Return the next frames after `cursor`, from as many polls as they take."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while len(frames) < count:
            page = await account.get("sync", cursor=cursor, wait=20)
            frames += page["items"]
            cursor = page["next"]
    return frames


async def _tell(client: ClientConnection, **frame: Any) -> None:
    await client.send(json.dumps(frame))


async def _next(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        frame: dict[str, Any] = json.loads(await client.recv())
        while frame["type"] == "presence":  # who comes and goes is told to all who know them
            frame = json.loads(await client.recv())
        return frame


async def _frame(client: ClientConnection, kind: str) -> dict[str, Any]:
    frame = await _next(client)
    while frame["type"] != kind:
        frame = await _next(client)
    return frame


async def _messages(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [await _frame(client, "message") for _ in range(count)]


async def _nothing_more(client: ClientConnection) -> None:
    """Ask for a pong: whatever was still on its way would come before it."""
    await _tell(client, type="ping", request_id="end")
    kinds = []
    while (frame := await _next(client))["type"] != "pong":
        kinds.append(frame["type"])
    assert "message" not in kinds


async def _until_closed(client: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                yield json.loads(await client.recv())
    except ConnectionClosed:
        return


async def _close_code(client: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(PATIENCE):
            await client.recv()
    return closed.value.rcvd.code if closed.value.rcvd else None


def _narrow(account: Account) -> socket.socket:
    """Return a connection that can hold little of what is not read."""
    address = urlsplit(account.socket_url)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    narrow.connect((address.hostname, address.port))
    narrow.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return narrow
