"""Follows the events: which messages show which files, and when bytes may go."""

from __future__ import annotations

import asyncio

import structlog

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import (
    ConversationChanged,
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    Position,
)
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, MessageId
from chat4all.domain.messages import Message
from chat4all.ports.event_log import EVENTS, EventLog
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.services.file_objects import Discard
from chat4all.services.records import decode_event

log = structlog.get_logger(__name__)

GROUP = "files"
BATCH = 1_000
PAUSE = 0.2
"""Seconds between batches: one commit for all that happened meanwhile."""
_CONCERNED = (b'{"type":"message_deleted"', b'{"type":"conversation_changed"')
_SHOWS = b'"file_id":"'


class FileKeeper:
    """Consumes the events log; each effect may be repeated without harm.

    A place in the log is committed after its effects, so what a crash interrupts is done
    again.
    """

    def __init__(
        self,
        event_log: EventLog,
        records: FileRecords,
        references: FileReferences,
        discard: Discard,
        *,
        pause: float = PAUSE,
    ) -> None:
        self._log = event_log
        self._records = records
        self._references = references
        self._discard = discard
        self._pause = pause

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._log.consume(EVENTS, GROUP) as consumer:
            while True:
                last: dict[int, Position] = {}
                for record in await consumer.next(limit=BATCH):
                    last[record.position.partition] = record.position
                    if _may_concern(record.value):
                        await self._take(record.value)
                for position in last.values():
                    await consumer.commit(position)
                await asyncio.sleep(self._pause)

    async def _take(self, value: bytes) -> None:
        try:
            event = decode_event(value)
        except UnreadableRecord as error:
            log.warning("an event cannot be read; its files stay as they are", reason=str(error))
            return
        await self.happened(event)

    async def happened(self, event: Event) -> None:
        """Do what follows from one event; a repeat has no second effect."""
        if isinstance(event, MessageAdded | MessageEdited):
            await self._shown(event.message)
        elif isinstance(event, MessageDeleted):
            if event.only_for is None:
                await self.forget(event.message_id)
        elif isinstance(event, ConversationChanged) and event.change == "deleted":
            await self._conversation_deleted(event.conversation_id)

    async def forget(self, message: MessageId) -> None:
        """Let go of what a message shows; files that no other one shows are deleted."""
        for name in await self._references.detach(message):
            await self._unshown(name)

    async def _shown(self, message: Message) -> None:
        if message.payload is not None and message.payload.file_id is not None:
            await self._references.attach(FileId(message.payload.file_id), message.message_id)

    async def _unshown(self, name: FileId) -> None:
        file = (await self._records.get_many([name])).get(name)
        if file is not None:
            await self._delete(file, "every message that showed the file was deleted")

    async def _conversation_deleted(self, conversation: ConversationId) -> None:
        after: FileId | None = None
        while files := await self._records.in_conversation(conversation, after=after, limit=BATCH):
            for file in files:
                await self._delete(file, "its conversation was deleted")
            after = files[-1].id

    async def _delete(self, file: File, reason: str) -> None:
        if file.state is not FileState.DELETED:
            await self._discard(file, FileState.DELETED, error="deleted", reason=reason)


def _may_concern(value: bytes) -> bool:
    """Tell, without reading an event, whether it can be about a file: most are not."""
    return _SHOWS in value or value.startswith(_CONCERNED)
