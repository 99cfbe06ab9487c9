"""What the router must know of the stored state to decide a batch of commands."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from chat4all.domain.commands import (
    AdvanceCursor,
    AnnounceChange,
    Command,
    PlanAgain,
    ReportStatus,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import Status
from chat4all.ports.message_store import Kept, MessageData

Place = tuple[ConversationId, UserId]
Attempt = tuple[MessageId, UserId, str]
K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A map that forgets what was used longest ago; a forgotten value is read again."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._items

    def __getitem__(self, key: K) -> V:
        self._items.move_to_end(key)
        return self._items[key]

    def __setitem__(self, key: K, value: V) -> None:
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._size:
            self._items.popitem(last=False)

    def clear(self) -> None:
        """Drop all."""
        self._items.clear()

    def forget(self, keys: Iterable[K]) -> None:
        """Drop `keys`, known or not."""
        for key in keys:
            self._items.pop(key, None)


class Known:
    """The heads and cursors of conversations this router has lately decided about.

    Right while this router alone decides about them. When the store refuses a batch
    (`StaleSequence`), another one did: `forget` makes the next batch read them anew.
    """

    def __init__(self, store: MessageData, *, size: int = 100_000) -> None:
        self._store = store
        self._heads: Recent[ConversationId, int] = Recent(size)
        self._cursors: Recent[Place, Cursor] = Recent(size)

    async def snapshot(self, batch: Collection[Command]) -> Snapshot:
        """Return all that deciding `batch` needs, reading what is not known yet."""
        conversations = {command.conversation_id for command in batch}
        places = {place for command in batch for place in _places(command)}
        messages = {name for command in batch for name in messages_of(command)}
        reported = {c.entry.message_id for c in batch if isinstance(c, ReportStatus)}
        return Snapshot(
            heads=await self._heads_of(conversations),
            cursors=await self._cursors_of(places),
            kept=dict(await self._store.find(messages)) if messages else {},
            attempts=await self._attempts(reported) if reported else {},
        )

    async def _attempts(self, messages: Collection[MessageId]) -> dict[Attempt, Status]:
        """Return how far each attempt to deliver these messages has come."""
        return {
            (entry.message_id, entry.user_id, entry.channel): entry.status
            for entry in await self._store.statuses(messages)
        }

    async def _heads_of(
        self, conversations: Collection[ConversationId]
    ) -> dict[ConversationId, int]:
        heads = {name: self._heads[name] for name in conversations if name in self._heads}
        missing = [name for name in conversations if name not in heads]
        if missing:
            found = await self._store.heads(missing)
            for name in missing:
                heads[name] = self._heads[name] = found[name].max_seq if name in found else 0
        return heads

    async def _cursors_of(self, places: Collection[Place]) -> dict[Place, Cursor]:
        cursors = {place: self._cursors[place] for place in places if place in self._cursors}
        missing = [place for place in places if place not in cursors]
        if missing:
            stored = await self._store.cursors(missing)
            for place in missing:
                cursors[place] = self._cursors[place] = stored.get(place) or Cursor(
                    conversation_id=place[0], user_id=place[1]
                )
        return cursors

    def remember(self, snapshot: Snapshot) -> None:
        """Keep what the batch has changed; call it once the store has it."""
        for name, seq in snapshot.heads.items():
            self._heads[name] = seq
        for place, cursor in snapshot.cursors.items():
            self._cursors[place] = cursor

    def forget_all(self) -> None:
        """Read everything anew: others may have decided meanwhile."""
        self._heads.clear()
        self._cursors.clear()

    def forget(self, batch: Collection[Command]) -> None:
        """Read the state of these conversations anew next time."""
        self._heads.forget(command.conversation_id for command in batch)
        self._cursors.forget(place for command in batch for place in _places(command))


class Snapshot:
    """State before a batch; the processor moves it along as it decides."""

    def __init__(
        self,
        *,
        heads: dict[ConversationId, int],
        cursors: dict[Place, Cursor],
        kept: dict[MessageId, Kept],
        attempts: dict[Attempt, Status],
    ) -> None:
        self.heads = heads
        self.cursors = cursors
        self.kept = kept
        self.attempts = attempts


def _places(command: Command) -> Collection[Place]:
    if isinstance(command, AdvanceCursor):
        return ((command.conversation_id, command.user_id),)
    if isinstance(command, ReportStatus):
        return ((command.conversation_id, command.entry.user_id),)
    return ()


def messages_of(command: Command) -> Collection[MessageId]:
    """Return the message that a command is about, if it is about one."""
    if isinstance(command, AdvanceCursor | AnnounceChange | PlanAgain):
        return ()
    if isinstance(command, ReportStatus):
        return (command.entry.message_id,)
    return (command.message_id,)
