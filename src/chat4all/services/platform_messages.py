"""Find our messages by the ids that platforms gave them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chat4all.domain.directory import Account
from chat4all.domain.ids import AccountId, ConversationId, MessageId, derived_id
from chat4all.domain.messages import Message
from chat4all.domain.status import StatusEntry
from chat4all.ports.message_store import MessageData

_REMEMBERED = 10_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
"""Seconds between looks for an entry that is on its way into the store: growing, for a burst
of what is never found should not be many looks."""

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """What this process did lately and the store may not show yet; the oldest is forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value, or None."""
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > _REMEMBERED:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A message and where it stands; `message` is None while the store does not show it."""

    message_id: MessageId
    conversation_id: ConversationId
    message: Message | None


def inbound_message_id(account: Account, address: str, external_id: str) -> MessageId:
    """Return our id of a message somebody wrote on a platform: always the same one."""
    return MessageId(derived_id("inbound", account.platform, account.id, address, external_id))


class PlatformMessages:
    """Messages by the platform's id, whether they came from there or went there.

    `until` is a time of the running loop's clock: up to then a message is waited for that
    the platform has, and whose entry is still on its way into the store.
    """

    def __init__(self, store: MessageData) -> None:
        self._store = store
        self._placed: Recent[MessageId, ConversationId] = Recent()

    def placed(self, message: MessageId, conversation: ConversationId) -> None:
        """Remember a message that the log holds now."""
        self._placed.put(message, conversation)

    async def find(
        self, account: Account, address: str, external_id: str, *, until: float
    ) -> Place | None:
        """Return a message of theirs or of ours."""
        theirs = inbound_message_id(account, address, external_id)
        kept = (await self._store.find([theirs])).get(theirs)
        if kept is not None:
            return Place(theirs, kept.message.conversation_id, kept.message)
        conversation = self._placed.get(theirs)
        if conversation is not None:
            return Place(theirs, conversation, None)
        entry = await self.entry(account.id, address, external_id, until=until)
        if entry is None:
            return None
        kept = (await self._store.find([entry.message_id])).get(entry.message_id)
        return Place(entry.message_id, entry.conversation_id, kept.message if kept else None)

    async def entry(
        self, account: AccountId, address: str, external_id: str, *, until: float
    ) -> StatusEntry | None:
        """Return how a message of ours got to `address`."""
        clock = asyncio.get_running_loop().time
        pause = _FIRST_PAUSE
        while True:
            entry = await self._store.status_of(account, address, external_id)
            if entry is not None or clock() >= until:
                return entry
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def holders(self, entry: StatusEntry) -> Sequence[StatusEntry]:
        """Return the entry of each who has the message of `entry` in the same chat."""
        found = {entry.user_id: entry}
        for one in await self._store.statuses([entry.message_id]):
            chat = (one.account_id, one.address, one.external_id)
            if chat == (entry.account_id, entry.address, entry.external_id):
                found.setdefault(one.user_id, one)
        return list(found.values())
