"""StreamMessages: what happens for one caller, from a cursor on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from chat4all.domain.errors import InvalidToken, Unavailable
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import UserId
from chat4all.gateway.grpc.calls import Call, slow_client
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import message_service_pb2 as pb
from chat4all.gateway.grpc.objects import filled, shown
from chat4all.gateway.grpc.questions import Resume
from chat4all.ports.access_tokens import Principal
from chat4all.services.presence import PresenceStatus
from chat4all.services.subscription import Overflowed, Subscription, Waiting

log = structlog.get_logger(__name__)

KEEP_SECONDS = 20.0
"""How often presence is renewed and the token looked at again."""

Streaming = Call[pb.StreamMessagesResponse]


class MessageStreams:
    """The open streams of this process."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._deps = deps
        self._stopping = asyncio.Event()
        self._open: dict[asyncio.Event, Principal] = {}

    def stop(self) -> None:
        """Ask every client to come back: this node stops."""
        self._stopping.set()

    def look_again(self) -> None:
        """End the streams whose token or key was revoked."""
        for revoked, principal in self._open.items():
            if self._deps.rest.access.is_revoked(principal):
                revoked.set()

    async def serve(self, resume: Resume, call: Streaming) -> None:
        """Tell `call` what happens until it ends. Raises what ends it, when that is we."""
        since = None if isinstance(resume.cursor, msgspec.UnsetType) else resume.cursor
        start = None if since is None else SyncCursor.parse(since)
        subscription = self._deps.subscribe(call.user_id)
        await subscription.begin()
        try:
            ready = pb.StreamMessagesResponse(cursor=str(subscription.cursor))
            ready.ready.user_id = call.user_id
            await call.tell(ready)
            await self._is_now(call.user_id, PresenceStatus.ONLINE)
            await self._carry(subscription, start, call)
        finally:
            if await subscription.end():
                await self._is_now(call.user_id, PresenceStatus.OFFLINE)

    async def _carry(
        self, subscription: Subscription, start: SyncCursor | None, call: Streaming
    ) -> None:
        """Tell and keep alive until one of them ends the stream."""
        revoked = asyncio.Event()
        self._open[revoked] = await self._still(call)
        tasks = [
            asyncio.create_task(_tell(subscription, start, call)),
            asyncio.create_task(self._keep(call)),
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(revoked.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set():
                raise Unavailable("this node stops; call again and resume", retry_after=1)
            if revoked.is_set():
                raise InvalidToken("it was revoked; sign in again")
            for task in done:
                task.result()
        finally:
            del self._open[revoked]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, call: Streaming) -> None:
        """Renew presence, and end the stream when its token does."""
        while True:
            principal = await self._still(call)
            left = principal.expires_at.timestamp() - time.time()
            await asyncio.sleep(max(0.0, min(KEEP_SECONDS, left)))
            await self._still(call)  # before others are told that one is there
            try:
                await self._deps.rest.presence.renew(call.user_id, PresenceStatus.ONLINE)
            except Unavailable as error:
                log.info("presence is not told", detail=str(error))

    async def _still(self, call: Streaming) -> Principal:
        """Return who calls. Raises when they may not any more."""
        access, caller = self._deps.rest.access, call.caller
        acting = caller is not None and caller.actor is not None
        principal = await access.identify(call.token, call.user_id if acting else None)
        await access.confirm(principal)
        return principal

    async def _is_now(self, user: UserId, status: PresenceStatus) -> None:
        """Tell others; while that cannot be done the stream is as good without."""
        try:
            await self._deps.rest.presence.announce(user, status)
        except Unavailable as error:
            log.info("presence is not told", detail=str(error))


async def _tell(subscription: Subscription, start: SyncCursor | None, call: Streaming) -> None:
    cursors = _Cursors(subscription.cursor if start is None else start)
    try:
        async for several in _responses(subscription, start):
            async for response in cursors.safe(several):
                await call.tell(response)
    except Overflowed as error:
        raise slow_client() from error


async def _responses(
    subscription: Subscription, start: SyncCursor | None
) -> AsyncIterator[AsyncIterator[pb.StreamMessagesResponse]]:
    """Yield what is told, some at a time; those of one event are together."""
    if start is not None:
        yield _from_store(subscription.missed(start))
    while True:
        waiting = await subscription.take()
        yield _from_store(subscription.behind())
        yield _live(subscription, waiting)


class _Cursors:
    """The cursors with which a client resumes, after whichever response it is cut off.

    When somebody reads ten messages at once, ten statuses have the same cursor. All but the
    last of them get that of what came before: the next stream then tells them again, and
    those that were lost.
    """

    def __init__(self, begin: SyncCursor) -> None:
        self._done = str(begin)

    async def safe(
        self, responses: AsyncIterator[pb.StreamMessagesResponse]
    ) -> AsyncIterator[pb.StreamMessagesResponse]:
        """Yield the responses, each with the cursor up to which all was told."""
        held: pb.StreamMessagesResponse | None = None
        async for response in responses:
            if held is not None:
                yield self._with(held, more=held.cursor == response.cursor)
            held = response
        if held is not None:
            yield self._with(held, more=False)

    def _with(
        self, response: pb.StreamMessagesResponse, *, more: bool
    ) -> pb.StreamMessagesResponse:
        if response.cursor and more:
            response.cursor = self._done
        elif response.cursor:
            self._done = response.cursor
        return response


async def _from_store(
    frames: AsyncIterator[Mapping[str, Any]],
) -> AsyncIterator[pb.StreamMessagesResponse]:
    async for frame in frames:
        yield shown(pb.StreamMessagesResponse(), frame)


async def _live(
    subscription: Subscription, waiting: Waiting
) -> AsyncIterator[pb.StreamMessagesResponse]:
    for cursor, text in subscription.live(waiting):
        response = pb.StreamMessagesResponse()
        response.CopyFrom(_event(text))
        if cursor is not None:
            response.cursor = str(cursor)
        yield response


@lru_cache(128)
def _event(text: str) -> pb.StreamMessagesResponse:
    """Return the event of a frame, without its cursor: all who are told of it are told this."""
    return filled(pb.StreamMessagesResponse(), msgspec.json.decode(text))
