"""What the client makes of connections that end as a server may end them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from chat4all.client import Unauthenticated
from chat4all.client.errors import NotReached
from chat4all.client.live import CAUGHT_UP, SUBPROTOCOL, Live

Script = Callable[[ServerConnection], Awaitable[None]]
READY = {"type": "ready", "user_id": "ana", "cursor": "0.20"}
PONG = {"type": "pong", "request_id": CAUGHT_UP}


class Ana:
    """Somebody signed in at a server that follows a script, connection by connection."""

    def __init__(self, scripts: list[Script]) -> None:
        self.address = ""
        self.instead_of: list[str | None] = []
        self.resumed: list[str | None] = []
        self._scripts = scripts

    @property
    def on_behalf_of(self) -> None:
        """Ana acts as herself."""

    async def token(self, *, instead_of: str | None = None) -> str:
        self.instead_of.append(instead_of)
        return f"token-{len(self.instead_of)}"

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Ana]:
        async with serve(
            self._on, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]
        ) as server:
            port = server.sockets[0].getsockname()[1]
            self.address = f"http://127.0.0.1:{port}"
            yield self

    async def _on(self, socket: ServerConnection) -> None:
        first = json.loads(await socket.recv())
        self.resumed.append(first.get("cursor"))
        if first["type"] == "resume":
            await socket.recv()  # ping
        await self._scripts.pop(0)(socket)

    async def told(self, count: int, cursor: str | None = "0.10") -> list[str | None]:
        """Return the cursors of the first frames that are told."""
        told: list[str | None] = []
        async with asyncio.timeout(20), aclosing(Live(self, cursor).frames()) as frames:
            async for frame in frames:
                told.append(frame.cursor)
                if len(told) == count:
                    break
        return told


def says(*frames: Mapping[str, object], code: int = 1012) -> Script:
    async def script(socket: ServerConnection) -> None:
        for frame in frames:
            await socket.send(json.dumps(frame))
        await socket.close(code, "as the script says")

    return script


def message(offset: int) -> dict[str, object]:
    return {"type": "message", "cursor": f"0.{offset}", "message": {}}


def read(message_id: str, offset: int) -> dict[str, object]:
    about = {"message_id": message_id, "user_id": "bia", "channel": "app", "status": "read"}
    return {"type": "status", "cursor": f"0.{offset}", "at": None, **about}


async def test_what_was_missed_is_told_before_what_happens_now() -> None:
    # A server that waited a second for `resume` tells what happens now in the meantime.
    early = says(READY, message(21), message(11))
    whole = says({**READY, "cursor": "0.21"}, message(11), message(20), message(21), PONG)
    async with Ana([early, whole]).served() as ana:
        assert await ana.told(3) == ["0.11", "0.20", "0.21"]
        assert ana.resumed == ["0.10", "0.10"]


async def test_what_waited_when_the_connection_broke_is_told_by_the_next_one() -> None:
    broken = says(READY, message(20), message(21))
    whole = says({**READY, "cursor": "0.21"}, message(21), PONG, message(22))
    async with Ana([broken, whole]).served() as ana:
        assert await ana.told(3) == ["0.20", "0.21", "0.22"]
        assert ana.resumed == ["0.10", "0.20"]


async def test_what_the_connection_lost_of_one_reading_is_told_by_the_next_one() -> None:
    broken = says(READY, message(11), PONG, read("a", 21))
    whole = says({**READY, "cursor": "0.21"}, read("a", 21), read("b", 21), PONG, message(22))
    async with Ana([broken, whole]).served() as ana:
        assert await ana.told(4) == ["0.11", "0.21", "0.21", "0.22"]
        assert ana.resumed == ["0.10", "0.11"]


async def test_without_a_cursor_it_begins_now_and_resumes_from_there() -> None:
    async with Ana([says(READY, PONG), says(READY, message(21), PONG)]).served() as ana:
        assert await ana.told(1, None) == ["0.21"]
        assert ana.resumed == [None, "0.20"]


async def test_a_token_that_ended_is_replaced_once() -> None:
    async with Ana([says(READY, PONG, code=4401), says(READY, message(21), PONG)]).served() as ana:
        assert await ana.told(1) == ["0.21"]
        assert ana.instead_of == [None, "token-1"]
    async with Ana([says(code=4401), says(code=4401)]).served() as ana:
        with pytest.raises(Unauthenticated, match="as the script says"):
            await ana.told(1)


async def test_a_server_that_cannot_tell_what_was_missed_is_asked_again() -> None:
    away = {"type": "error", "code": "unavailable", "detail": "the store is away"}
    first = says(READY, away, message(21))
    async with Ana([first, says(READY, message(11), message(21), PONG)]).served() as ana:
        assert await ana.told(2) == ["0.11", "0.21"]


async def test_patience_bounds_the_time_without_a_connection() -> None:
    async with Ana([]).served() as ana:
        address = ana.address
    gone = Ana([])
    gone.address = address
    pauses: list[float] = []
    with pytest.raises(NotReached, match="no connection to"):
        await anext(Live(gone, "0.1", patience=1.0, lost=pauses.append).frames())
    assert pauses
    assert sum(pauses) <= 1.0
