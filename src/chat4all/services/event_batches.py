"""Reading the events in a group, batch by batch, by those who keep what follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from chat4all.domain.events import ConversationChanged, Event, Position
from chat4all.domain.ids import UserId
from chat4all.ports.event_log import EVENTS, EventLog, LogRecord
from chat4all.services.notify import told_of
from chat4all.services.patience import patiently
from chat4all.services.people import People

BATCH = 500
PACE = 0.05
"""Seconds between two batches: what comes meanwhile is read together."""
IDLE = 0.5
"""The same where nobody wants any of it."""


async def each_batch(
    event_log: EventLog,
    group: str,
    keep: Callable[[Sequence[LogRecord]], Awaitable[None]],
    *,
    wanted: Callable[[], Awaitable[bool]],
    waits: str,
) -> None:
    """Have `keep` keep every batch while somebody `wanted` it; commit the place afterwards.

    Works until cancelled. What was kept before a crash and not committed comes again.
    """
    async with event_log.consume(EVENTS, group) as consumer:
        while True:
            records = await consumer.next(limit=BATCH)
            anybody = await patiently(wanted, waits)
            if anybody:
                await patiently(partial(keep, records), waits)
            last: dict[int, Position] = {at.partition: at for at in (r.position for r in records)}
            for position in last.values():
                await patiently(partial(consumer.commit, position), waits)
            await asyncio.sleep(PACE if anybody else IDLE)


async def concerned_by(event: Event, people: People) -> Sequence[UserId]:
    """Return whom an event may concern, as of now."""
    if isinstance(event, ConversationChanged):
        people.forget(event.conversation_id)
    return told_of(event, await people.conversation(event.conversation_id))
