"""Messages to be sent later, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.errors import Conflict
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, Waiting


class MemoryScheduledMessages:
    """`ScheduledMessages` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._rows = state.scheduled

    async def add(self, message: ScheduledMessage, *, most: int) -> ScheduledMessage:
        """See `ScheduledMessages.add`."""
        if message.message_id in self._rows:
            return self._rows[message.message_id]
        theirs = [one for one in self._rows.values() if one.sender == message.sender]
        if sum(one.state.waits for one in theirs) >= most:
            raise Conflict(f"{most:,} messages of yours wait already; cancel one first")
        self._rows[message.message_id] = message
        return message

    async def get(self, message: MessageId) -> ScheduledMessage | None:
        """See `ScheduledMessages.get`."""
        return self._rows.get(message)

    async def page(
        self,
        sender: UserId,
        *,
        state: ScheduleState | None = None,
        after: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[ScheduledMessage]:
        """See `ScheduledMessages.page`."""
        found = [
            one
            for one in self._rows.values()
            if one.sender == sender
            and (state is None or one.state is state)
            and (after is None or (one.send_at, one.message_id) > after)
        ]
        return sorted(found, key=lambda one: (one.send_at, one.message_id))[:limit]

    async def change(self, message: ScheduledMessage) -> bool:
        """See `ScheduledMessages.change`."""
        kept = self._rows.get(message.message_id)
        if kept is None or kept.version != message.version:
            return False
        self._rows[message.message_id] = replace(message, version=message.version + 1)
        return True


class MemoryScheduledWork:
    """`ScheduledWork` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._rows = state.scheduled

    async def due(
        self, at: datetime, *, limit: int, without: Collection[ConversationId] = ()
    ) -> Sequence[ScheduledMessage]:
        """See `ScheduledWork.due`."""
        found = [
            one
            for one in self._rows.values()
            if one.state.waits and one.send_at <= at and one.draft.conversation_id not in without
        ]
        return sorted(found, key=lambda one: (one.send_at, one.created_at, one.message_id))[:limit]

    async def waiting(self, at: datetime) -> Waiting:
        """See `ScheduledWork.waiting`."""
        times = [one.send_at for one in self._rows.values() if one.state.waits]
        first = min(times, default=None)
        due = first is not None and first <= at
        return Waiting(count=len(times), due_since=first if due else None)

    async def ended(self, before: datetime, *, limit: int) -> Sequence[ScheduledMessage]:
        """See `ScheduledWork.ended`."""
        found = [
            one for one in self._rows.values() if not one.state.waits and one.updated_at < before
        ]
        return sorted(found, key=lambda one: (one.updated_at, one.message_id))[:limit]

    async def forget(self, messages: Collection[MessageId]) -> None:
        """See `ScheduledWork.forget`."""
        for name in messages:
            if name in self._rows and not self._rows[name].state.waits:
                del self._rows[name]
