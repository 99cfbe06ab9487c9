"""What goes out over one WebSocket: at once while the client keeps up, else in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from chat4all.domain.events import Position, SyncCursor
from chat4all.gateway.within import Within
from chat4all.gateway.ws import frames
from chat4all.gateway.ws.closing import Close, Closed
from chat4all.gateway.ws.wire import Direct, Ready, text_frame
from chat4all.services.subscription import Overflowed, Subscription, Waiting

HOLD_SECONDS = 1.0
"""How long live frames wait for the client's first frame, which may be `resume`."""
SEND_SECONDS = 20.0
_encode = msgspec.json.Encoder().encode

Fail = Callable[[Exception], None]
"""Told why nothing more can be written; the connection is to end."""


class Outlet:
    """Writes what one client is told, in order.

    An event is written as it happens, without a task, a timer or a lock, when nothing waits
    before it and the client keeps up. Else it waits in the mailbox, and a task that lives for
    as long as something is there writes it, within limits of time and of what may wait.
    """

    __slots__ = (
        "_at_once",
        "_direct",
        "_fail",
        "_hold",
        "_open",
        "_over",
        "_ready",
        "_send",
        "_told",
        "_writer",
        "_writing",
    )

    def __init__(
        self, send: Any, direct: Direct, told: Subscription, ready: Ready, fail: Fail
    ) -> None:
        self._send = send
        self._direct = direct
        self._told = told
        self._ready = ready
        self._fail = fail
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._hold: asyncio.TimerHandle | None = None
        self._open = False
        self._over = False
        self._at_once = False
        """Whether it is open and nobody else writes; asked for every frame, so it is kept."""

    async def begin(self) -> None:
        """Be told what happens from now on; live frames wait for `release`."""
        await self._told.begin(self)

    def release_soon(self) -> None:
        """Call `release` in a while, unless it is called before."""
        self._hold = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.release)

    def release(self) -> None:
        """Write live frames from now on."""
        if not self._open and not self._over:
            self._forget_hold()
            self._open = True
            self._at_once = not self._writing.locked()
            self.roused()

    def _forget_hold(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None

    async def end(self) -> bool:
        """Write nothing more; return whether the user has no connection left, at any node."""
        self._forget_hold()
        self._open = self._at_once = False
        self._over = True
        writer = self._writer
        if writer is not None:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return await self._told.end()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Let nobody else write live frames meanwhile, nor what was missed."""
        async with self._writing:
            self._at_once = False
            try:
                yield
            finally:
                self._at_once = self._open

    async def tell(self, frame: Any) -> None:
        """Write a frame that is for this client alone."""
        text = _encode(frame)
        if self._direct.is_free():
            self._direct.write(text_frame(text))
        else:
            await self._send_all((text.decode(),))

    async def resume(self, cursor: SyncCursor) -> None:
        """Write what was missed, each event once; live frames wait meanwhile."""
        async with self._alone():
            async for frame in self._told.missed(cursor):
                await self.tell(frame)

    def takes(self, position: Position | None, frame: str) -> bool:
        """Write a live frame at once, if that can be; see `Hand`."""
        if not self._at_once or not self._direct.is_free():
            return False
        try:
            cursor = None if position is None else self._told.step(position)
            if position is None or cursor is not None:
                self._direct.write(self._ready.of(frame, cursor))
        except Exception as error:  # noqa: BLE001 - it ends this connection and concerns no other
            self._give_up(error)
        return True

    def roused(self) -> None:
        """Have what waits written; see `Hand`."""
        if self._open and self._writer is None and self._told.waits:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._told.waits:
                async with self._alone():
                    waiting = self._told.take_waiting()
                    async for frame in self._told.behind():
                        await self.tell(frame)
                    await self._write_out(waiting)
        except Overflowed as error:
            self._give_up(Closed(Close.SLOW_CLIENT, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection ends of it
            self._give_up(error)
        finally:
            self._writer = None

    def _give_up(self, why: Exception) -> None:
        self._open = self._at_once = False  # nothing may follow what could not be written
        self._over = True
        self._fail(why)

    async def _write_out(self, waiting: Waiting) -> None:
        await self._send_all(
            frame if cursor is None else frames.with_cursor(frame, cursor)
            for cursor, frame in self._told.live(waiting)
        )

    async def _send_all(self, texts: Any) -> None:
        try:
            with Within(SEND_SECONDS):
                for text in texts:
                    await self._send({"type": "websocket.send", "text": text})
        except TimeoutError as error:
            raise Closed(Close.SLOW_CLIENT, "you read too slowly; connect and resume") from error
