"""Frames that are written without `send` are as those of uvicorn, and never to who lags or left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from chat4all.bootstrap.websocket_protocol import DirectWebSocketProtocol
from chat4all.gateway.ws.wire import Direct, direct_of, text_frame
from tests.gateway.wire import Wire

HANDSHAKE = (
    b"GET /v1/ws HTTP/1.1\r\nhost: here\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE = bytes.fromhex("888200000000") + b"\x03\xe8"


class Stage:
    """An application that accepts and then only waits, behind the protocol."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.direct: Direct | None = None
        self.free_before = True
        self.send: Any = None
        config = uvicorn.Config(self._serve, log_config=None, interface="asgi3")
        config.load()
        loop = asyncio.get_running_loop()
        self.protocol = DirectWebSocketProtocol(config, ServerState(), {}, loop)

    async def begin(self) -> Direct:
        self.protocol.connection_made(self.wire)
        self.protocol.data_received(HANDSHAKE)
        async with asyncio.timeout(10):
            while self.direct is None:  # noqa: ASYNC110 - an attribute
                await asyncio.sleep(0)
        return self.direct

    async def end(self) -> None:
        self.protocol.connection_lost(None)
        await asyncio.gather(*self.protocol.tasks)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        direct = direct_of(scope)
        self.free_before = direct.is_free()
        await send({"type": "websocket.accept"})
        self.direct, self.send = direct, send
        while (await receive())["type"] != "websocket.disconnect":
            pass


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 300_000])
def test_a_frame_is_the_one_that_the_stack_would_write(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


async def test_what_is_written_at_once_stands_among_what_is_sent_in_order() -> None:
    stage = Stage()
    direct = await stage.begin()
    assert not stage.free_before  # nothing may come before the answer to the handshake
    assert direct.is_free()
    answer = len(stage.wire.written)
    await stage.send({"type": "websocket.send", "text": "one"})
    direct.write(text_frame(b"two"))
    await stage.send({"type": "websocket.send", "text": "three"})
    assert stage.wire.written[answer:] == b"\x81\x03one\x81\x03two\x81\x05three"
    await stage.end()


async def test_who_lags_is_not_free_until_what_was_written_has_gone() -> None:
    stage = Stage()
    direct = await stage.begin()
    stage.protocol.pause_writing()
    assert not direct.is_free()
    stage.protocol.resume_writing()
    assert direct.is_free()
    await stage.end()


async def test_who_left_is_not_free() -> None:
    stage = Stage()
    direct = await stage.begin()
    stage.protocol.data_received(CLOSE)
    assert not direct.is_free()
    await stage.end()
    assert not direct.is_free()


async def test_nothing_is_written_after_the_frame_that_closes() -> None:
    stage = Stage()
    direct = await stage.begin()
    await stage.send({"type": "websocket.close", "code": 1012})
    assert not direct.is_free()
    await stage.end()


async def test_nothing_is_written_while_the_server_shuts_down() -> None:
    stage = Stage()
    direct = await stage.begin()
    stage.protocol.shutdown()
    assert not direct.is_free()
    await stage.end()


async def test_nothing_is_written_to_who_does_not_answer() -> None:
    stage = Stage()
    direct = await stage.begin()
    stage.protocol.keepalive_timeout()
    stage.wire.closed = False  # it says so by itself, not only through the transport
    assert not direct.is_free()
    await stage.end()


async def test_nothing_is_written_to_who_broke_the_protocol() -> None:
    stage = Stage()
    direct = await stage.begin()
    stage.protocol.data_received(b"\x8f\x80\x00\x00\x00\x00")
    stage.wire.closed = False
    assert not direct.is_free()
    await stage.end()


async def test_the_handshake_is_forgotten_once_it_is_answered() -> None:
    stage = Stage()
    await stage.begin()
    assert not hasattr(stage.protocol, "request")
    assert not hasattr(stage.protocol, "response")
    await stage.end()
