"""In which trace a message went out, for what its platform says of it later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from chat4all.domain.commands import Command, ReportStatus
from chat4all.domain.errors import Unavailable
from chat4all.domain.ids import MessageId
from chat4all.ports.ephemeral import Leases
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.tracing import MESSAGE_ID, PLATFORM, Kind, Tracing, is_sampled
from chat4all.services.records import encode_command

log = structlog.get_logger(__name__)

KEPT = 3_600.0
"""Seconds for which a message is remembered: a receipt that comes later has a trace of its own."""

WriteCommands = Callable[[Sequence[Command]], Awaitable[list[Record]]]
"""Turns commands that follow from what a platform said into records of the log."""


async def plain_records(commands: Sequence[Command]) -> list[Record]:
    """Return the records of commands. It is a `WriteCommands`."""
    return [Record(COMMANDS, one.conversation_id, encode_command(one)) for one in commands]


class MessageTraces:
    """Remembers sampled messages in the shared state, so it may lose them.

    Then a receipt is found by the id of its message, which its span names too.
    """

    def __init__(self, leases: Leases, tracing: Tracing) -> None:
        self._leases = leases
        self._tracing = tracing

    async def remember(self, message: MessageId, place: str) -> None:
        """Keep where a message is in its trace; never raises."""
        if not is_sampled(place):
            return
        try:
            await self._leases.put(_key(message), place, ttl=KEPT)
        except Unavailable as error:
            log.info("the trace of a message is not remembered", code=error.code)

    async def records(self, commands: Sequence[Command]) -> list[Record]:
        """Return the records, a receipt in the trace of its message. It is a `WriteCommands`."""
        records = await plain_records(commands)
        places = await self._places(commands)
        if not places:
            return records
        return [
            self._joined(record, command, places)
            for record, command in zip(records, commands, strict=True)
        ]

    async def _places(self, commands: Sequence[Command]) -> dict[str, str]:
        keys = {_key(one.entry.message_id) for one in commands if isinstance(one, ReportStatus)}
        if not keys:
            return {}
        try:
            return dict(await self._leases.get_many(keys))
        except Unavailable as error:
            log.info("the traces of messages are not known", code=error.code)
            return {}

    def _joined(self, record: Record, command: Command, places: dict[str, str]) -> Record:
        if not isinstance(command, ReportStatus):
            return record
        entry = command.entry
        place = places.get(_key(entry.message_id))
        if place is None:
            return record
        attributes = {
            MESSAGE_ID: entry.message_id,
            PLATFORM: entry.channel,
            "chat4all.status": entry.status.word,
        }
        links = (self._tracing.current,)
        with self._tracing.follow(
            place, f"receipt {entry.channel}", Kind.CONSUMER, attributes, links=links
        ) as span:
            return Record(record.stream, record.key, record.value, span.context)


def _key(message: MessageId) -> str:
    return f"trace:{message}"
