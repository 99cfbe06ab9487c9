"""The updates that wait for a bot, and long polling them.

https://core.telegram.org/bots/api#getupdates
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from chat4all.testing.telegram.errors import conflict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chat4all.testing.changes import Changes
    from chat4all.testing.telegram.model import Json

UPDATE_TYPES = frozenset({"message", "edited_message", "my_chat_member", "message_reaction"})
"""The updates this simulator can create."""

DEFAULT_TYPES = UPDATE_TYPES - {"message_reaction"}
"""What a bot gets that never asked: Telegram sends reactions only on request."""

OTHER_POLL = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)


@dataclass(slots=True)
class _Poll:
    """A getUpdates request that is waiting; `conflict` says why it has to give up."""

    conflict: str | None = None


class UpdateQueue:
    """Updates in order, each kept until the bot confirms it."""

    def __init__(self, changes: Changes, *, first_id: int) -> None:
        self._changes = changes
        self._next_id = first_id
        self._pending: deque[Json] = deque()
        self._poll: _Poll | None = None
        self.allowed = DEFAULT_TYPES

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def head(self) -> Json:
        """The oldest update that waits; raises `IndexError` when none does."""
        return self._pending[0]

    @property
    def being_polled(self) -> bool:
        """Tell whether a getUpdates request is waiting."""
        return self._poll is not None

    def allow(self, types: Iterable[str]) -> None:
        """Restrict later updates to `types`; none at all means the default again."""
        self.allowed = frozenset(types) or DEFAULT_TYPES

    def push(self, kind: str, body: Json) -> None:
        """Queue an update, unless the bot did not ask for its kind."""
        if kind not in self.allowed:
            return
        self._pending.append({"update_id": self._next_id, kind: body})
        self._next_id += 1
        self._changes.announce()

    def confirm(self, offset: int) -> None:
        """Forget updates below `offset`; a negative one keeps the last `-offset`."""
        if offset < 0:
            while len(self._pending) > -offset:
                self._pending.popleft()
        while offset > 0 and self._pending and self.head["update_id"] < offset:
            self._pending.popleft()

    def clear(self) -> None:
        """Forget everything that waits."""
        self._pending.clear()

    def interrupt(self, reason: str) -> None:
        """Make a waiting poll fail with 409 Conflict and `reason`."""
        if self._poll is not None:
            self._poll.conflict = reason
            self._poll = None
            self._changes.announce()

    async def poll(self, *, offset: int, limit: int, within: float) -> list[Json]:
        """Confirm `offset`, then return up to `limit` updates, waiting `within` seconds.

        A later poll takes over from a waiting one, which then raises 409.
        """
        self.interrupt(OTHER_POLL)
        self.confirm(offset)
        mine = self._poll = _Poll()
        self._changes.announce()
        try:
            await self._changes.until(
                lambda: bool(self._pending) or mine.conflict is not None, within=within
            )
        finally:
            if self._poll is mine:
                self._poll = None
        if mine.conflict is not None:
            raise conflict(mine.conflict)
        return list(islice(self._pending, limit))
