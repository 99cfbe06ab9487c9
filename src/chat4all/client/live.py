"""The frames of `/v1/ws`: each once and in order, over as many connections as it takes.

docs/reference/websocket.md
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Protocol

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from chat4all.client.connection import LATER, is_local
from chat4all.client.errors import NotReached, Refused, refused
from chat4all.client.pauses import Backoff, Deadline, retry_after
from chat4all.client.place import Frame, Place, covers, read_frame
from chat4all.domain.events import SyncCursor

SUBPROTOCOL = "chat4all.v1"
ON_BEHALF_OF = "on-behalf-of."
"""Before the id of the user as whom a program acts, among the subprotocols."""
UNAUTHENTICATED, NOT_PERMITTED = 4401, 4403
MAX_FRAME = 16 * 1024**2
"""Bytes; a message has less, but a frame may list the thousand who gave an emoji."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
CAUGHT_UP = "caught-up"
"""The `request_id` of a `ping` whose answer tells that all that was missed has come."""

_BROKEN = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, httpx.TransportError, Refused)
"""What ends a connection, or keeps it or the sign-in from being made."""


class SignedIn(Protocol):
    """Where the server is, and who asks."""

    @property
    def address(self) -> str:
        """Return the server's address, without a slash at the end."""
        ...

    @property
    def on_behalf_of(self) -> str | None:
        """Return the user as whom a program acts."""
        ...

    async def token(self, *, instead_of: str | None = None) -> str:
        """Return an access token or API key, another than `instead_of`."""
        ...


class _Problem(msgspec.Struct, frozen=True):
    """What an `error` frame says."""

    code: str
    detail: str


class Live:
    """What is told after `cursor`, or from now on.

    `connected` is told of each connection, `lost` of each that was lost and the seconds until
    the next try. It goes on for `patience` seconds without a connection, or for ever.
    """

    def __init__(
        self,
        who: SignedIn,
        cursor: str | None = None,
        *,
        patience: float | None = None,
        connected: Callable[[], None] = lambda: None,
        lost: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._who = who
        self._place = Place(cursor)
        self._patience = patience
        self._connected = connected
        self._lost = lost
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._deadline: Deadline | None = None
        self._token = ""
        self._ended: str | None = None

    @property
    def cursor(self) -> str | None:
        """Return what to go on with later; None before the first connection."""
        return self._place.cursor

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield frames until it is left. Raises `Refused`, `NotReached`."""
        while True:
            try:
                self._token = await self._who.token(instead_of=self._ended)
                async with self._connect() as socket, aclosing(self._on(socket)) as frames:
                    async for frame in frames:
                        yield frame
                wait = self._backoff.next()
            except _BROKEN as error:
                wait = self._after(error)
            if wait:
                self._lost(wait)
            await asyncio.sleep(wait)

    def _connect(self) -> connect:
        address = "ws" + self._who.address.removeprefix("http") + "/v1/ws"
        user = self._who.on_behalf_of
        offered = [SUBPROTOCOL, f"bearer.{self._token}", *([ON_BEHALF_OF + user] if user else [])]
        return connect(
            address,
            subprotocols=list(map(Subprotocol, offered)),
            proxy=None if is_local(self._who.address) else True,
            max_size=MAX_FRAME,
        )

    async def _on(self, socket: ClientConnection) -> AsyncGenerator[Frame, None]:
        """Yield what one connection tells; `_CatchingUp` says why not all of it at once."""
        resumed = self._place.cursor
        if resumed is not None:
            await socket.send(json.dumps({"type": "resume", "cursor": resumed}))
        await socket.send(json.dumps({"type": "ping", "request_id": CAUGHT_UP}))
        catching_up = None if resumed is None else _CatchingUp(resumed)
        async for text in socket:
            frame = read_frame(text)
            if frame.type == "ready":
                start = SyncCursor.parse(frame.cursor or "")
                self._place.begin(start)
                if catching_up is not None:
                    catching_up.start = start
                self._connected()
            elif frame.type == "error":
                raise _refused(frame)
            elif frame.type == "pong":
                self._caught_up()
                held, catching_up = catching_up.held if catching_up else [], None
                for one in filter(self._place.takes, held):
                    yield one
            elif catching_up is not None and catching_up.holds(frame):
                continue
            elif self._place.takes(frame):
                yield frame

    def _caught_up(self) -> None:
        self._backoff.reset()
        self._deadline = None
        self._ended = None

    def _after(self, error: Exception) -> float:
        """Return how long to wait; raises what no further try would mend."""
        told: float | None = None
        if isinstance(error, ConnectionClosed) and error.rcvd:
            if error.rcvd.code == UNAUTHENTICATED and self._ended is not None:
                raise refused(HTTPStatus.UNAUTHORIZED, error.rcvd.reason) from error
            if error.rcvd.code == UNAUTHENTICATED:
                self._ended = self._token
                return 0.0
            if error.rcvd.code == NOT_PERMITTED:
                raise refused(HTTPStatus.FORBIDDEN, error.rcvd.reason, "not_permitted") from error
        elif isinstance(error, InvalidStatus):
            status = error.response.status_code
            if status not in LATER:
                detail = f"{self._who.address} answered {status}; is it a Chat4All server?"
                raise refused(status, detail) from error
            told = retry_after(error.response.headers)
        elif isinstance(error, Refused):
            if error.status not in LATER:
                raise error
            told = error.retry_after
        return self._pause(error, told)

    def _pause(self, error: Exception, told: float | None) -> float:
        wait = max(told or 0.0, self._backoff.next())
        if self._patience is not None:
            self._deadline = self._deadline or Deadline(self._patience)
            if wait > self._deadline.left:
                raise NotReached(f"no connection to {self._who.address}: {error}") from error
        return wait


class _CatchingUp:
    """Holds back what came after the connection began, until all before that has come.

    A server that waited a second for `resume` tells what happens now, and what was missed
    after that. Such a connection is given up, since telling that first would break the order.
    """

    def __init__(self, resumed: str) -> None:
        self.start = SyncCursor({})
        self.held: list[Frame] = []
        self._last = SyncCursor.parse(resumed)

    def holds(self, frame: Frame) -> bool:
        """Say whether a frame is kept for later. Raises `ConnectionError` for a wrong order."""
        if frame.cursor is None:
            return False
        cursor = SyncCursor.parse(frame.cursor)
        if not covers(cursor, self._last):
            raise ConnectionError("the server told what happens now before what was missed")
        self._last = cursor
        if covers(self.start, cursor):
            return False
        self.held.append(frame)
        return True


def _refused(frame: Frame) -> Refused:
    """Return why it cannot be caught up; all but a cursor that is none may work later."""
    told = msgspec.json.decode(frame.text, type=_Problem)
    final = told.code == "validation_failed"
    status = HTTPStatus.BAD_REQUEST if final else HTTPStatus.SERVICE_UNAVAILABLE
    return refused(status, told.detail, told.code)
