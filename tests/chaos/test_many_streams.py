"""A thousand WebSockets and a thousand streams of gRPC on one process; some do not read."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chat4all.gateway.grpc.generated import conversation_service_pb2 as conversations
from chat4all.gateway.grpc.generated import message_service_pb2 as service
from tests.e2e.grpc_client import Client, details
from tests.e2e.test_grpc_streams import GENEROUS, NARROW, private, say, serving
from tests.servers.process import free_port

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.embedded("one process has them all"),
]

USERS, EACH = 20, 50
"""How many people there are, and how many streams and sockets each of them has."""
EVENTS = 40
UNREAD, PART = 1_000, 50
"""Messages of 16 KB that somebody does not read, and how many are sent at once."""
SLOW_CLIENT = 4429
MOST_KB_EACH, MOST_KB_SLOW = 200, 100 * 1024
"""Bounds of the memory of one subscriber, and of what all who do not read add."""


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, and those it starts, have as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 8_192:
        pytest.skip(f"this takes 8192 files, and this user may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 8_192), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory_of(pid: int) -> int:
    """Return how many KB a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(pid)


def socket_of(http: int, token: str, **options: Any) -> connect:
    protocols = [Subprotocol(one) for one in ("chat4all.v1", f"bearer.{token}")]
    told: dict[str, Any] = {"proxy": None, "max_size": None, "compression": None, **options}
    return connect(f"ws://127.0.0.1:{http}/v1/ws", subprotocols=protocols, **told)


class Subscriber:
    """Notes the places of the messages that it is told of, and when the last one came."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.last = 0.0

    def note(self, seq: int) -> None:
        self.places.append(seq)
        self.last = time.monotonic()

    async def by_socket(self, socket: ClientConnection, count: int) -> None:
        while len(self.places) < count:
            frame = json.loads(await socket.recv())
            if frame["type"] == "message":
                self.note(frame["message"]["seq"])

    async def by_stream(self, stream: Any, count: int) -> None:
        while len(self.places) < count:
            told = await stream.read()
            assert told is not grpc.aio.EOF, await stream.code()
            if told.HasField("message"):
                self.note(told.message.message.seq)


@asynccontextmanager
async def sockets(http: int, people: list[Client]) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(EACH):
            waiting = [stack.enter_async_context(socket_of(http, one.token)) for one in people]
            opened += await asyncio.gather(*waiting)
        for one in opened:
            assert json.loads(await one.recv())["type"] == "ready"
        yield opened


async def streams(people: list[Client]) -> list[Any]:
    opened = [one.call(service.StreamMessagesRequest()) for one in people for _ in range(EACH)]
    for one in opened:
        assert (await one.read()).HasField("ready")
    return opened


async def test_a_thousand_of_each_are_told_and_who_does_not_read_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    http, port = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        stack.enter_context(many_files())
        pid = stack.enter_context(serving(tmp_path, http, port, **GENEROUS)).pid
        clients = [await stack.enter_async_context(Client.at(address)) for _ in range(USERS + 1)]
        ana, *people = [await one.sign_up(f"person{number}") for number, one in enumerate(clients)]
        group = conversations.CreateConversationRequest(
            type=conversations.CONVERSATION_TYPE_GROUP,
            name="Everybody",
            member_ids=[one.user_id for one in people],
        )
        talk = str((await ana.ask(group)).conversation.id)
        before = memory_of(pid)
        connected = await stack.enter_async_context(sockets(http, people))
        with_sockets = memory_of(pid)
        opened = await streams(people)
        with_streams = memory_of(pid)
        assert with_sockets - before < MOST_KB_EACH * len(connected)
        assert with_streams - with_sockets < MOST_KB_EACH * len(opened)

        told = [Subscriber() for _ in [*connected, *opened]]
        following = asyncio.gather(
            *[one.by_socket(each, EVENTS + 1) for one, each in zip(told, connected, strict=False)],
            *[
                one.by_stream(each, EVENTS + 1)
                for one, each in zip(told[len(connected) :], opened, strict=True)
            ],
        )
        began = time.monotonic()
        await say(ana, talk, *(f"{number}" for number in range(EVENTS)))
        while any(len(one.places) < EVENTS for one in told):
            assert time.monotonic() - began < 240, "not everybody was told"
            await asyncio.sleep(0.05)
        took = max(one.last for one in told) - began
        unread = await who_does_not_read_is_cut(address, http, pid, ana)
        assert unread < MOST_KB_SLOW
        await say(ana, talk, "the last")
        await asyncio.wait_for(following, 120)
        whole = list(range(1, EVENTS + 2))
        assert [one.places for one in told if one.places != whole] == []
        for one in opened:
            one.cancel()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(connected)} WebSockets: {(with_sockets - before) / len(connected):.0f} KB "
            f"each; {len(opened)} streams: {(with_streams - with_sockets) / len(opened):.0f} KB "
            f"each; {EVENTS} events to all of them in {took:.1f} s; "
            f"two that do not read: {unread / 1024:.0f} MB\n"
        )


async def poured(ana: Client, talk: str) -> None:
    """Send what is much, no faster than one who reads all of it."""
    quick = ana.call(service.StreamMessagesRequest())
    assert (await quick.read()).HasField("ready")
    seen = Subscriber()
    for first in range(0, UNREAD, PART):
        await say(ana, talk, *(f"{n} " + "x" * 16_000 for n in range(first, first + PART)))
        await seen.by_stream(quick, first + PART)
    quick.cancel()


async def who_does_not_read_is_cut(address: str, http: int, pid: int, ana: Client) -> int:
    """Have somebody read nothing over a socket and a stream; both end, and are resumed.

    Return how many KB more they took than somebody who is not there.
    """
    async with Client.at(address, options=NARROW) as one, Client.at(address) as other:
        sid, tim = await one.sign_up("sid"), await other.sign_up("tim")
        await poured(ana, await private(ana, tim))
        alone = memory_of(pid)
        talk = await private(ana, sid)
        stream = sid.call(service.StreamMessagesRequest())
        start = (await stream.read()).cursor
        async with socket_of(http, sid.token, max_queue=1, ping_interval=None) as socket:
            assert json.loads(await socket.recv())["type"] == "ready"
            await socket.send(json.dumps({"type": "ping"}))  # live frames wait a second for one
            await poured(ana, talk)
            took = memory_of(pid) - alone
            by_stream, at = await _of_stream(stream)
            by_socket, place = await _of_socket(socket)
        assert 0 < len(by_stream) < UNREAD
        assert 0 < len(by_socket) < UNREAD
        rest = Subscriber()
        again = sid.call(service.StreamMessagesRequest(cursor=at or start))
        await rest.by_stream(again, UNREAD - len(by_stream))
        again.cancel()
        assert by_stream + rest.places == list(range(1, UNREAD + 1))
        rest = Subscriber()
        async with socket_of(http, sid.token) as socket:
            await socket.send(json.dumps({"type": "resume", "cursor": place or start}))
            await rest.by_socket(socket, UNREAD - len(by_socket))
        assert by_socket + rest.places == list(range(1, UNREAD + 1))
    return took


async def _of_stream(stream: Any) -> tuple[list[int], str]:
    """Return the places that a stream told of until it was cut, and its last cursor."""
    places, cursor = [], ""
    try:
        while (told := await stream.read()) is not grpc.aio.EOF:
            cursor = told.cursor or cursor
            if told.HasField("message"):
                places.append(told.message.message.seq)
    except grpc.aio.AioRpcError as cut:
        why = details(cut)["reason"]
    else:
        why = "it ended"
    assert why == "slow_client"
    return places, cursor


async def _of_socket(socket: ClientConnection) -> tuple[list[int], str]:
    """Return the places that a socket told of until it was cut, and its last cursor."""
    places, cursor = [], ""
    with suppress(ConnectionClosed):
        while True:
            frame = json.loads(await socket.recv())
            cursor = frame.get("cursor", cursor)
            if frame["type"] == "message":
                places.append(frame["message"]["seq"])
    assert socket.close_code == SLOW_CLIENT
    return places, cursor
