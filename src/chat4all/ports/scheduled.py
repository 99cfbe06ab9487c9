"""Messages that are to be sent later: as their senders see them, and as the work they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, Waiting


class ScheduledMessages(Protocol):
    """What users have scheduled. Durable."""

    async def add(self, message: ScheduledMessage, *, most: int) -> ScheduledMessage:
        """Keep a new message and return it; one whose id is known changes nothing.

        Then the one that is kept is returned, whoever sends it. Raises `Conflict` when
        `most` of its sender wait already.
        """
        ...

    async def get(self, message: MessageId) -> ScheduledMessage | None:
        """Return one."""
        ...

    async def page(
        self,
        sender: UserId,
        *,
        state: ScheduleState | None = None,
        after: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[ScheduledMessage]:
        """Return those of a sender by their time and id, from behind `after`."""
        ...

    async def change(self, message: ScheduledMessage) -> bool:
        """Keep a message that was changed, unless somebody else changed it since.

        `version` is that of the message from which the change was made, and grows by one.
        Returns False, and changes nothing, when another one is kept, or none. Of two who
        change the same one succeeds.
        """
        ...


class ScheduledWork(Protocol):
    """The same messages for what sends them, of all senders."""

    async def due(
        self, at: datetime, *, limit: int, without: Collection[ConversationId] = ()
    ) -> Sequence[ScheduledMessage]:
        """Return those that wait and whose time has come, by their time.

        Of one time the one that was created first comes first. Left out are conversations of
        `without`. What is returned of a conversation are always the first that wait there.
        """
        ...

    async def waiting(self, at: datetime) -> Waiting:
        """Return how many wait, and since when the first of those due at `at` is due."""
        ...

    async def ended(self, before: datetime, *, limit: int) -> Sequence[ScheduledMessage]:
        """Return those that wait no more and were last changed before a time."""
        ...

    async def forget(self, messages: Collection[MessageId]) -> None:
        """Remove messages that wait no more; others stay. Unknown ids are no error."""
        ...
