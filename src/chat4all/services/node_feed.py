"""This node in the routing table: hears of the events of those who are connected here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection

import structlog

from chat4all.domain.errors import Unavailable
from chat4all.domain.events import ConversationChanged, Event, SyncCursor
from chat4all.domain.ids import UserId
from chat4all.ports.ephemeral import Ephemeral
from chat4all.ports.tracing import Traces
from chat4all.services.notify import Notifier
from chat4all.services.people import People
from chat4all.services.relay import topic_of, unpack
from chat4all.services.stored import StoredMessages

log = structlog.get_logger(__name__)

LEASE = 60.0
"""Seconds after which a node that does not renew gets nothing any more."""
RENEW = 20.0
LOOK = 3.0
"""Seconds between looks into the store while nothing can be heard."""


class NodeFeed:
    """See `Link`. Nothing depends on being heard: what may have been missed is read again.

    That is after the listening broke, while the shared state does not answer, and when it
    has forgotten who is here.
    """

    def __init__(
        self, ephemeral: Ephemeral, people: People, done: Callable[[], SyncCursor]
    ) -> None:
        self.node = secrets.token_hex(8)
        self._ephemeral = ephemeral
        self._people = people
        self._done = done

    async def joined(self, user: UserId) -> None:
        """See `Link.joined`."""
        await self._arrive([user])

    async def gone(self, user: UserId) -> bool:
        """See `Link.gone`."""
        try:
            await self._ephemeral.routing.leave(self.node, [user])
            return not await self._ephemeral.routing.nodes_of([user])
        except Unavailable as error:
            log.info("the routing table is not told", detail=str(error))
            return True

    def stored(self) -> SyncCursor:
        """See `Link.stored`."""
        return self._done()

    async def run(self, notifier: Notifier, stored: StoredMessages) -> None:
        """Hand over what is heard, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew(notifier))
            while True:
                try:
                    await self._listen(notifier, stored)
                    log.warning("listening for events broke off; it begins anew")
                except Unavailable as error:
                    log.warning("events cannot be heard; the store is asked", detail=str(error))
                    await asyncio.sleep(LOOK)
                notifier.fall_behind()

    async def _listen(self, notifier: Notifier, stored: StoredMessages) -> None:
        async with self._ephemeral.bus.listen(topic_of(self.node)) as payloads:
            await self._ephemeral.routing.arrive(self.node, list(notifier.users), ttl=LEASE)
            # Before anything that is heard from now on: between it and what was, there is a gap.
            notifier.fall_behind()
            async for payload in payloads:
                self._hear(*unpack(payload), notifier, stored)

    def _hear(
        self, events: list[Event], traces: Traces, notifier: Notifier, stored: StoredMessages
    ) -> None:
        for event in events:
            if isinstance(event, ConversationChanged):
                self._people.forget(event.conversation_id)
        notifier.happened(events, traces)
        stored.stored(events)

    async def _renew(self, notifier: Notifier) -> None:
        while True:
            await asyncio.sleep(RENEW)
            notifier.fall_behind(await self._arrive(list(notifier.users)))

    async def _arrive(self, users: Collection[UserId]) -> Collection[UserId]:
        """Tell the table; return who was not there, or everybody when it cannot be told."""
        try:
            new = await self._ephemeral.routing.arrive(self.node, users, ttl=LEASE)
        except Unavailable as error:
            log.info("the routing table is not told", detail=str(error))
            return users
        return [UserId(user) for user in new]
