"""The role `notifier`: brings each event to the nodes that hold a member's connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import structlog

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import ConversationChanged, Event, Position
from chat4all.domain.ids import UserId
from chat4all.ports.ephemeral import Bus, Routing
from chat4all.ports.event_log import EVENTS, EventLog, LogRecord
from chat4all.ports.tracing import Tracing, Untraced
from chat4all.services.followed import Followed, follow_batch
from chat4all.services.notify import attributes_of, told_of
from chat4all.services.patience import patiently
from chat4all.services.people import People
from chat4all.services.records import decode_event
from chat4all.services.relay import pack, topic_of

log = structlog.get_logger(__name__)

GROUP = "notifier"
BATCH = 500
WAITS = "events wait to be told"


class EventRelay:
    """Consumes the events in a group; a place is committed once the batch was published.

    Per partition events are published in the order of the log, and a repeat comes only
    after all that was published before; gateways drop what they have told.
    """

    def __init__(
        self,
        event_log: EventLog,
        people: People,
        routing: Routing,
        bus: Bus,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Untraced()
        self._log = event_log
        self._people = people
        self._routing = routing
        self._bus = bus

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._log.consume(EVENTS, GROUP) as consumer:
            while True:
                records = await consumer.next(limit=BATCH)
                await self._relay(records)
                last: dict[int, Position] = {
                    at.partition: at for at in (r.position for r in records)
                }
                for position in last.values():
                    await patiently(partial(consumer.commit, position), WAITS)

    async def _relay(self, records: Sequence[LogRecord]) -> None:
        events = [(record, event) for record in records if (event := _event(record)) is not None]
        followed = [
            Followed(event.position, record.trace, "relay", partial(attributes_of, event))
            for record, event in events
        ]
        with follow_batch(self._tracing, EVENTS, followed) as spans:
            traces = spans.traces
            await self._publish(
                [(record.value, traces.get(event.position, ""), event) for record, event in events]
            )

    async def _publish(self, events: Sequence[tuple[bytes, str, Event]]) -> None:
        concerned = [
            ((value, trace), await patiently(partial(self._concerned, event), WAITS))
            for value, trace, event in events
        ]
        everybody = {user for _, users in concerned for user in users}
        places = await patiently(partial(self._routing.nodes_of, everybody), WAITS)
        batches: defaultdict[str, list[tuple[bytes, str]]] = defaultdict(list)
        for value, users in concerned:
            for node in {node for user in users for node in places.get(user, ())}:
                batches[node].append(value)
        for node, values in batches.items():
            await patiently(partial(self._bus.publish, topic_of(node), pack(values)), WAITS)

    async def _concerned(self, event: Event) -> Sequence[UserId]:
        if isinstance(event, ConversationChanged):
            self._people.forget(event.conversation_id)
        conversation = await self._people.conversation(event.conversation_id)
        return told_of(event, conversation)


def _event(record: LogRecord) -> Event | None:
    try:
        return decode_event(record.value)
    except UnreadableRecord as error:
        log.warning("an event that cannot be read is told to nobody", reason=str(error))
        return None
