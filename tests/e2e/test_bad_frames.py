"""Whatever a client sends over its WebSocket, it gets an error frame or a close code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.e2e import raw_http
from tests.e2e.account import Account
from tests.e2e.sockets import ended
from tests.e2e.watched_server import Watched, watched_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIB = 1024


@dataclass(frozen=True)
class Scene:
    server: Watched
    ana: Account
    conversation: str

    def send(self, **changes: Any) -> str:
        """Return a `send` frame whose message has these changes."""
        payload = {"type": "text", "text": "good"}
        message = {"conversation_id": self.conversation, "payload": payload, **changes}
        return json.dumps({"type": "send", "request_id": "r1", "message": message})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("frames")
    async with (
        watched_server(folder, log_level="debug") as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        yield Scene(server, ana, await ana.chat_with(bia))


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_fault_in_the_log(scene: Scene) -> AsyncIterator[None]:
    yield
    assert scene.server.complaints() == []


async def answer(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Return the next frame of one of these types."""
    async with asyncio.timeout(30):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] in kinds:
                return frame


async def refused(scene: Scene, raw: str | bytes) -> dict[str, Any]:
    """Send one frame; return the error that answers it, once the connection proved alive."""
    async with scene.ana.socket() as socket:
        await answer(socket, "ready")
        await socket.send(raw)
        error = await answer(socket, "error", "accepted", "pong")
        assert error["type"] == "error", error
        await socket.send(scene.send())
        assert (await answer(socket, "accepted"))["request_id"] == "r1"
        return error


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"conversation_id": 7}, "/conversation_id"),
        ({"payload": {"type": "text", "text": 1}}, "/payload/text"),
        ({"payload": {"type": "text", "text": "x", "bold": True}}, "/payload/bold"),
        ({"colour": "red"}, "/colour"),
        ({"to": [str(uuid.uuid4())]}, "/to/0"),
        ({"metadata": {"note": ["a\0z"]}}, "/metadata/note/0"),
        ({"metadata": {"note": ["a\ud800z"]}}, "/metadata/note/0"),
    ],
)
async def test_a_bad_message_is_refused_with_its_place(
    scene: Scene, changes: dict[str, Any], pointer: str
) -> None:
    error = await refused(scene, scene.send(**changes))
    assert error["code"] == "validation_failed"
    assert error["request_id"] == "r1"
    assert [one["pointer"] for one in error["errors"]] == ["/message" + pointer]


@pytest.mark.parametrize(
    ("frame", "pointer"),
    [
        ({}, "/type"),
        ({"type": "fax"}, "/type"),
        ({"type": "ping", "colour": "red"}, "/colour"),
        ({"type": "ping", "request_id": 7}, "/request_id"),
        ({"type": "send", "message": {}}, "/request_id"),
        ({"type": "edit", "request_id": "r1", "message_id": "x", "payload": {}}, "/message_id"),
        ({"type": "delete", "message_id": str(uuid.uuid4())}, "/request_id"),
        ({"type": "read", "conversation_id": "x", "up_to_seq": 1}, "/conversation_id"),
        ({"type": "read", "conversation_id": str(uuid.uuid4()), "up_to_seq": -1}, "/up_to_seq"),
        ({"type": "presence", "status": "asleep"}, "/status"),
    ],
)
async def test_a_bad_frame_is_refused_with_its_place(
    scene: Scene, frame: dict[str, Any], pointer: str
) -> None:
    error = await refused(scene, json.dumps(frame))
    assert error["code"] == "validation_failed"
    assert [one["pointer"] for one in error["errors"]] == [pointer]


@pytest.mark.parametrize(
    "raw",
    ["", "hello", "7", "[]", "null", b"\xff\xfe\x00\x01", bytes(range(256)), b'{"type": "\xff"}'],
)
async def test_garbage_is_refused(scene: Scene, raw: str | bytes) -> None:
    assert (await refused(scene, raw))["code"] == "validation_failed"


@pytest.mark.parametrize("levels", [33, 20_000])
async def test_deep_frames_are_refused(scene: Scene, levels: int) -> None:
    deep = "[" * levels + "]" * levels
    error = await refused(scene, scene.send(metadata={"a": "DEEP"}).replace('"DEEP"', deep))
    assert error["code"] == "validation_failed"


async def test_a_cursor_that_is_none_of_ours_is_refused(scene: Scene) -> None:
    frame = json.dumps({"type": "resume", "cursor": "9" * 500})
    assert (await refused(scene, frame))["code"] == "validation_failed"


@pytest.mark.parametrize("kind", ["read", "delivered", "typing", "send"])
async def test_a_conversation_of_others_is_not_found(scene: Scene, kind: str) -> None:
    other = str(uuid.uuid4())
    frame: dict[str, Any] = {"type": kind, "conversation_id": other, "request_id": "r1"}
    frame |= {"up_to_seq": 1} if kind in {"read", "delivered"} else {}
    raw = scene.send(conversation_id=other) if kind == "send" else json.dumps(frame)
    error = await refused(scene, raw)
    assert (error["code"], error["request_id"]) == ("conversation_not_found", "r1")


@pytest.mark.parametrize("size", [257 * KIB, 2_000 * KIB])
async def test_a_giant_frame_ends_the_connection(scene: Scene, size: int) -> None:
    async with scene.ana.socket() as socket:
        await answer(socket, "ready")
        with contextlib.suppress(ConnectionClosed):  # it may end before all of it was sent
            await socket.send("x" * size)
        # What is still on its way when the server ends may take the code along (RFC 9293, 3.10.7).
        lost = {1006} if size > 1_000 * KIB else set()
        assert (await ended(socket)).code in {1009} | lost


async def test_text_that_is_not_utf8_ends_the_connection(scene: Scene) -> None:
    async with scene.ana.socket() as socket:
        await answer(socket, "ready")
        socket.transport.write(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))
        assert (await ended(socket)).code == 1007


async def test_bytes_that_are_no_frame_end_the_connection(scene: Scene) -> None:
    async with scene.ana.socket() as socket:
        await answer(socket, "ready")
        socket.transport.write(b"\xff" * 64)
        await ended(socket)


@pytest.mark.parametrize("first", ['{"type": "ping"}', "garbage", b"\xff", "[" * 20_000])
async def test_a_first_frame_that_is_not_auth_is_sent_away(
    scene: Scene, first: str | bytes
) -> None:
    async with scene.ana.bare_socket() as socket:
        await socket.send(first)
        assert (await ended(socket)).code == 4401


async def test_a_client_that_says_nothing_is_sent_away(scene: Scene) -> None:
    async with scene.ana.bare_socket() as socket:
        assert (await ended(socket)).code == 4408


async def test_a_client_that_vanishes_is_no_fault(scene: Scene) -> None:
    for _ in range(5):
        socket = await scene.ana.socket()
        await socket.send(scene.send())
        socket.transport.abort()
    await scene.ana.say(scene.conversation, ["anybody there?"] * 20)
    assert await scene.ana.get("users/me")


async def test_a_handshake_that_breaks_off_is_no_fault(scene: Scene) -> None:
    head = "GET /v1/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    for rest in ("\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", "X: "):
        async with raw_http.wire(scene.server.address) as (reader, writer):
            writer.write((head + rest).encode())
            await writer.drain()
            if rest != "X: ":
                assert (await asyncio.wait_for(reader.read(64), 10)).startswith(b"HTTP/1.1 4")
