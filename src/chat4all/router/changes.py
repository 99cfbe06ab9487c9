"""Carries edits, deletions and reactions to where the message was sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import ConversationType
from chat4all.domain.events import (
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.group_chats import ChatKey, GroupChat
from chat4all.domain.ids import AccountId, UserId, derived_id
from chat4all.domain.messages import Message
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import MessageData
from chat4all.router.choosing import People

EXPIRES_AFTER = timedelta(hours=24)
"""How long a message, or a change of one, is worth delivering."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A message as a platform has it in one chat.

    `first` is the oldest entry that tells its id there, `holders` are those whose entries
    do. In a `group` everybody reads the same copy.
    """

    first: StatusEntry
    holders: frozenset[UserId]
    group: GroupChat | None

    @property
    def readers(self) -> frozenset[UserId]:
        return self.holders | self.group.members if self.group else self.holders


class Changes:
    """Plans what is to be done about messages that platforms have."""

    def __init__(self, people: People, store: MessageData) -> None:
        self._people = people
        self._store = store

    async def of(
        self, event: MessageEdited | MessageDeleted | ReactionChanged
    ) -> list[DeliveryTask]:
        """Return the tasks that follow from a change."""
        if isinstance(event, MessageDeleted) and event.only_for is not None:
            return []
        if isinstance(event, MessageEdited):
            message, actor = event.message, event.message.sender
            at = message.edited_at or message.created_at
        else:
            kept = (await self._store.find([event.message_id])).get(event.message_id)
            if kept is None:
                return []
            message, at = kept.message, event.at
            actor = event.actor if isinstance(event, MessageDeleted) else event.user_id
        kind = _KINDS[type(event)]
        return [
            task
            for copy in await self._copies(message)
            if not _is_done_there(copy, kind, message, actor)
            for task in await self._task(event.position, at, kind, message, copy)
        ]

    async def overtaken(self, event: StatusChanged) -> list[DeliveryTask]:
        """Return the tasks for what was changed while the message was on its way there."""
        entry = event.entry
        if entry.status is not Status.SENT or entry.external_id is None or entry.address is None:
            return []
        kept = (await self._store.find([entry.message_id])).get(entry.message_id)
        if kept is None:
            return []
        kinds = []
        if kept.message.deleted_at is not None:
            kinds.append(DeliveryKind.DELETE)
        elif kept.message.edited_at is not None:
            kinds.append(DeliveryKind.EDIT)
        if kept.message.reactions:
            kinds.append(DeliveryKind.REACTIONS)
        # Of a group's copy everybody gets a status; the first one stands for all.
        copies = await self._copies(kept.message) if kinds else ()
        return [
            task
            for copy in copies
            if (_chat(copy.first), copy.first.user_id) == (_chat(entry), entry.user_id)
            for kind in kinds
            for task in await self._task(event.position, entry.at, kind, kept.message, copy)
        ]

    async def _task(
        self, position: Position, at: datetime, kind: DeliveryKind, message: Message, copy: _Copy
    ) -> Sequence[DeliveryTask]:
        entry = copy.first
        conversation = await self._people.conversation(message.conversation_id)
        account = await self._account(copy)
        if conversation is None or entry.address is None or account is None:
            return ()
        group = conversation.type is ConversationType.GROUP
        sender = (await self._people.users([message.sender])).get(message.sender) if group else None
        place = f"{position.partition}.{position.offset}"
        task = DeliveryTask(
            task_id=derived_id("change", place, kind, entry.user_id, entry.channel),
            kind=kind,
            channel=entry.channel,
            account_id=account,
            address=entry.address,
            user_id=entry.user_id,
            conversation_id=message.conversation_id,
            message_id=message.message_id,
            expires_at=at + EXPIRES_AFTER,
            payload=message.payload,
            from_name=sender.display_name if sender else None,
            emojis=_emojis_of_others(message, copy.readers),
        )
        return (task,)

    async def _copies(self, message: Message) -> Sequence[_Copy]:
        entries: dict[tuple[str, AccountId | None, str | None], list[StatusEntry]] = {}
        for entry in await self._store.statuses([message.message_id]):
            if entry.external_id is not None and entry.address is not None:
                entries.setdefault(_chat(entry), []).append(entry)
        if not entries:
            return ()
        groups = {one.key: one for one in await self._people.group_chats(message.conversation_id)}
        return [
            _Copy(
                first=of_chat[0],
                holders=frozenset(one.user_id for one in of_chat),
                group=groups.get(_key(of_chat[0])),
            )
            for of_chat in entries.values()
        ]

    async def _account(self, copy: _Copy) -> AccountId | None:
        """Return the account that can change a copy; None when its chat is not known any more."""
        entry = copy.first
        if copy.group is not None:
            return entry.account_id if copy.group.present else None
        channels = (await self._people.channels([entry.user_id])).get(entry.user_id, ())
        is_known = any(
            (one.platform, one.external_id) == (entry.channel, entry.address) for one in channels
        )
        return entry.account_id if is_known else None


_KINDS: dict[type[object], DeliveryKind] = {
    MessageEdited: DeliveryKind.EDIT,
    MessageDeleted: DeliveryKind.DELETE,
    ReactionChanged: DeliveryKind.REACTIONS,
}


def _is_done_there(copy: _Copy, kind: DeliveryKind, message: Message, actor: UserId) -> bool:
    """Say whether a change was made in that chat, or is not ours to make there."""
    if kind is DeliveryKind.REACTIONS:
        return actor in copy.readers
    return message.sender in copy.holders or (copy.group is None and actor in copy.holders)


def _emojis_of_others(message: Message, readers: Collection[UserId]) -> tuple[str, ...]:
    return tuple(
        emoji
        for emoji, users in message.reactions.items()
        if any(one not in readers for one in users)
    )


def _chat(entry: StatusEntry) -> tuple[str, AccountId | None, str | None]:
    return entry.channel, entry.account_id, entry.address


def _key(entry: StatusEntry) -> ChatKey:
    return ChatKey(entry.channel, entry.account_id or AccountId(""), entry.address or "")
