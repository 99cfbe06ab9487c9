"""One WebSocket connection: signs in, catches up, carries frames both ways.

https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from chat4all.domain.api_keys import Scope
from chat4all.domain.errors import (
    Chat4AllError,
    InvalidInput,
    InvalidToken,
    RateLimited,
    StartRefused,
    Unavailable,
)
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.gateway.rest.bearer import ON_BEHALF_OF, behalf
from chat4all.gateway.ws import frames
from chat4all.gateway.ws.closing import Close, Closed, closing
from chat4all.gateway.ws.deps import WebSocketDeps
from chat4all.gateway.ws.outlet import Outlet
from chat4all.gateway.ws.wire import Ready, direct_of
from chat4all.ports.access_tokens import Principal
from chat4all.ports.tracing import Kind
from chat4all.services.presence import PresenceStatus
from chat4all.services.send_message import Accepted
from chat4all.services.subscription import Subscription

log = structlog.get_logger(__name__)

SUBPROTOCOL = "chat4all.v1"
ACTING = "on-behalf-of."
"""Before the id of the user as whom a service account acts, where one cannot set headers."""
AUTH_SECONDS = 5.0
"""How long a client without a token in its subprotocols has to send one."""
CLOSE_SECONDS = 20.0
"""How long the last frame, which says why, may take."""
KEEP_SECONDS = 20.0
"""How often presence is renewed and the token looked at again."""
MAX_FRAME = 256 * 1024
FRAME_RATE, FRAME_BURST = 500.0, 2_000.0


def _acting_as(scope: Any) -> str | None:
    """Return the user that the handshake names, in a header or else in a subprotocol."""
    header = dict(scope.get("headers", ())).get(ON_BEHALF_OF.encode())
    if header is not None:
        return str(header.decode("latin-1"))
    offered = scope.get("subprotocols", [])
    return next((one[len(ACTING) :] for one in offered if one.startswith(ACTING)), None)


def _forget_handshake(scope: Any) -> None:
    """Free the largest part of what is kept of a connection for as long as it stands."""
    for name in ("headers", "subprotocols", "extensions"):
        scope.pop(name, None)


class WebSocketEndpoint:
    """The ASGI application behind `/v1/ws`."""

    def __init__(self, deps: WebSocketDeps) -> None:
        self._deps = deps
        self._ready = Ready()
        self._live: set[_Connection] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection until it ends."""
        connection = _Connection(self._deps, self._ready, receive, send)
        self._live.add(connection)
        try:
            await connection.serve(scope)
        except Closed as closed:
            if closed.code is not None:
                await connection.close(closed.code, closed.reason)
        finally:
            self._live.discard(connection)

    def look_again(self) -> None:
        """End the connections whose token or key was revoked."""
        for connection in list(self._live):
            connection.look_again()

    async def aclose(self) -> None:
        """Ask every client to come back: this node stops."""
        for connection in list(self._live):
            connection.stop()


class _Connection:
    """One client, from its handshake on.

    The task that reads is the one of the server; it is interrupted for whatever else is to
    end the connection. What keeps it alive is a timer, and a task only while that is at work.
    """

    __slots__ = (
        "_behalf",
        "_deps",
        "_ending",
        "_keeper",
        "_keeping",
        "_outlet",
        "_presence",
        "_principal",
        "_reader",
        "_ready",
        "_receive",
        "_send",
        "_token",
    )

    def __init__(self, deps: WebSocketDeps, ready: Ready, receive: Any, send: Any) -> None:
        self._deps = deps
        self._ready = ready
        self._receive = receive
        self._send = send
        self._token = ""
        self._behalf: UserId | None = None
        self._principal: Principal | None = None
        self._presence = PresenceStatus.ONLINE
        self._ending: Exception | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._keeping: asyncio.TimerHandle | None = None
        self._keeper: asyncio.Task[None] | None = None

    def stop(self) -> None:
        self._end(Closed(Close.RESTART, "this node stops; connect again and resume"))

    def look_again(self) -> None:
        if self._principal is not None and self._deps.access.is_revoked(self._principal):
            self._end(Closed(Close.UNAUTHENTICATED, "it was revoked; sign in again"))

    def _end(self, why: Exception) -> None:
        """End the connection, from wherever, as soon as it carries frames."""
        if self._ending is None:
            self._ending = why
            # Not here: who asks may be what the reader itself has called.
            asyncio.get_running_loop().call_soon(self._interrupt)

    def _interrupt(self) -> None:
        if self._reader is not None:
            self._reader.cancel()

    async def serve(self, scope: Any) -> None:
        await self._receive()  # websocket.connect
        offered = scope.get("subprotocols", [])
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await self._send({"type": "websocket.accept", "subprotocol": chosen})
        token = next((one[7:] for one in offered if one.startswith("bearer.")), None)
        del offered
        self._token = token if token is not None else await self._first_token()
        del token
        principal = self._principal = await self._sign_in(_acting_as(scope))
        self.look_again()  # who was revoked meanwhile
        told = Subscription(principal.user_id, self._deps.notifier, self._deps.sync)
        outlet = self._outlet = Outlet(
            self._send, direct_of(scope), told, self._ready, fail=self._end
        )
        _forget_handshake(scope)
        with closing(Unavailable):
            await outlet.begin()
        try:
            start = str(told.cursor)
            await outlet.tell({"type": "ready", "user_id": principal.user_id, "cursor": start})
            await self._is_now(principal.user_id, PresenceStatus.ONLINE)
            await self._carry(principal)
        finally:
            if await outlet.end():
                await self._is_now(principal.user_id, PresenceStatus.OFFLINE)

    async def close(self, code: Close, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send(
                    {"type": "websocket.close", "code": int(code), "reason": reason[:120]}
                )
        except (OSError, RuntimeError, TimeoutError) as error:
            log.debug("websocket was gone before it was closed", error=str(error))

    async def _sign_in(self, user: str | None) -> Principal:
        with closing():
            self._behalf = behalf(user)
            principal = await self._identify()
            await self._deps.access.admit(principal, Scope.READ, "websocket")
            return principal

    async def _identify(self) -> Principal:
        return await self._deps.access.identify(self._token, self._behalf)

    async def _first_token(self) -> str:
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                raw = await self._next()
            return frames.decode_auth(raw).token
        except TimeoutError as error:
            raise Closed(Close.AUTH_TIMEOUT, "no auth frame came in 5 seconds") from error
        except InvalidInput as error:
            raise Closed(Close.UNAUTHENTICATED, "the first frame must be auth") from error

    async def _carry(self, principal: Principal) -> None:
        """Read, write and keep alive until one of them ends the connection."""
        ending = self._ending
        if ending is not None:
            raise ending
        reader = self._reader = _current_task()
        cancelling = reader.cancelling()
        self._outlet.release_soon()
        self._keep_soon(principal)
        try:
            await self._read(principal)
        except asyncio.CancelledError:
            ending = self._ending
            if ending is None or reader.uncancel() > cancelling:
                raise
            raise ending from None
        finally:
            self._reader = None
            await self._keep_no_more()

    async def _next(self) -> str | bytes:
        event = await self._receive()
        if event["type"] != "websocket.receive":
            raise Closed
        raw: str | bytes = event.get("text") or event.get("bytes") or b""
        if len(raw) > MAX_FRAME:
            raise Closed(Close.TOO_LARGE, f"a frame holds at most {MAX_FRAME} bytes")
        return raw

    async def _read(self, principal: Principal) -> None:
        while True:
            raw = await self._next()
            try:
                wait = await self._deps.rates.take(
                    f"frames:{principal.user_id}", rate=FRAME_RATE, burst=FRAME_BURST
                )
                if wait:
                    raise RateLimited("you send frames faster than allowed", retry_after=wait)
                frame = frames.decode_frame(raw)
                name = f"websocket {type(frame).__name__.lower()}"
                with self._deps.tracing.begin(name, Kind.SERVER):
                    await self._permit(name, frame)
                    await self._act(principal.user_id, frame)
            except (Closed, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - the boundary between one frame and the next
                await self._refuse(frames.request_id_of(raw), error)
            finally:
                self._outlet.release()

    async def _permit(self, name: str, frame: frames.ClientFrame) -> None:
        with closing(InvalidToken):
            principal = await self._identify()
        if not isinstance(frame, frames.Resume | frames.Ping):
            await self._deps.access.admit(principal, Scope.SEND, name)

    async def _refuse(self, request_id: str | None, error: Exception) -> None:
        if isinstance(error, Chat4AllError) and not isinstance(error, StartRefused):
            code, detail = error.code, str(error)
        else:
            log.error("unhandled error in a frame", exc_info=error)
            code, detail = "internal_error", "something went wrong on our side"
        frame: dict[str, Any] = {"type": "error", "code": code, "detail": detail}
        if request_id is not None:
            frame["request_id"] = request_id
        if isinstance(error, InvalidInput) and error.errors:
            frame["errors"] = [{"pointer": one, "detail": words} for one, words in error.errors]
        if isinstance(error, RateLimited | Unavailable):
            frame["retry_after"] = error.retry_after
        await self._outlet.tell(frame)

    async def _act(self, user: UserId, frame: frames.ClientFrame) -> None:
        if isinstance(frame, frames.Send):
            accepted = await self._send_message(user, bytes(frame.message))
            await self._outlet.tell(
                {
                    "type": "accepted",
                    "request_id": frame.request_id,
                    "message_id": accepted.message_id,
                    "conversation_id": accepted.conversation_id,
                    "accepted_at": accepted.accepted_at,
                }
            )
        elif isinstance(frame, frames.Delivered | frames.Read):
            read = frame.up_to_seq if isinstance(frame, frames.Read) else 0
            conversation = ConversationId(frame.conversation_id.lower())
            await self._deps.messages.mark(user, conversation, delivered=frame.up_to_seq, read=read)
        elif isinstance(frame, frames.Edit | frames.Delete):
            await self._change(user, frame)
        elif isinstance(frame, frames.Resume):
            await self._outlet.resume(SyncCursor.parse(frame.cursor))
        elif isinstance(frame, frames.Typing):
            await self._deps.signals.typing(user, ConversationId(frame.conversation_id.lower()))
        elif isinstance(frame, frames.SetPresence):
            await self._set_presence(user, frame.status)
        else:
            await self._outlet.tell({"type": "pong", "request_id": frame.request_id})

    async def _send_message(self, user: UserId, message: bytes) -> Accepted:
        try:
            return await self._deps.send_message(user, self._deps.read_draft(message))
        except InvalidInput as error:
            found = [(f"/message{pointer}", words) for pointer, words in error.errors]
            raise InvalidInput(str(error), found) from error

    async def _change(self, user: UserId, frame: frames.Edit | frames.Delete) -> None:
        message, messages = MessageId(frame.message_id.lower()), self._deps.messages
        if isinstance(frame, frames.Edit):
            await messages.edit(user, message, frame.payload.to_domain())
        else:
            await messages.delete(user, message, for_everyone=frame.whom == "everyone")
        done = {"type": "done", "request_id": frame.request_id, "message_id": message}
        await self._outlet.tell(done)

    async def _set_presence(self, user: UserId, status: str) -> None:
        try:
            chosen = PresenceStatus(status)
        except ValueError as error:
            allowed = ", ".join(PresenceStatus)
            raise InvalidInput(
                f"status is one of {allowed}", [("/status", "unknown status")]
            ) from error
        await self._deps.presence.announce(user, chosen)
        self._presence = chosen

    async def _is_now(self, user: UserId, status: PresenceStatus) -> None:
        """Tell others; while that cannot be done the connection is as good without."""
        try:
            await self._deps.presence.announce(user, status)
        except Unavailable as error:
            log.info("presence is not told", detail=str(error))

    def _keep_soon(self, principal: Principal) -> None:
        left = principal.expires_at.timestamp() - time.time()
        wait = max(0.0, min(KEEP_SECONDS, left))
        self._keeping = asyncio.get_running_loop().call_later(wait, self._begin_to_keep, principal)

    def _begin_to_keep(self, principal: Principal) -> None:
        self._keeper = asyncio.create_task(self._keep(principal))

    async def _keep(self, principal: Principal) -> None:
        """Renew presence, and end the connection when its token does."""
        try:
            with closing():
                await self._still(principal)
            try:
                await self._deps.presence.renew(principal.user_id, self._presence)
            except Unavailable as error:
                log.info("presence is not told", detail=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection ends of it
            self._end(error)
        else:
            self._keeper = None
            self._keep_soon(principal)

    async def _still(self, principal: Principal) -> None:
        """Raise when the client may listen no more. The signature of a token was checked once."""
        ended = principal.expires_at.timestamp() <= time.time()
        if principal.key is not None or ended or self._deps.access.is_revoked(principal):
            await self._deps.access.confirm(await self._identify())

    async def _keep_no_more(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a connection is served in a task")
    return task
