"""Turns what another program exported into history of one user.

Every id follows from the owner and the keys of the export, so importing again, or importing
a longer export of the same chat, adds what is new and doubles nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chat4all.domain.commands import (
    AdvanceCursor,
    AnnounceChange,
    Command,
    EditMessage,
    React,
    SubmitMessage,
)
from chat4all.domain.directory import User
from chat4all.domain.errors import InvalidInput, Unavailable, UserNotFound
from chat4all.domain.ids import ConversationId, MessageId, UserId, derived_id
from chat4all.domain.messages import IMPORTED
from chat4all.domain.payload import Payload
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import Kept, MessageStore
from chat4all.services.addresses import AS_WRITTEN, Addresses
from chat4all.services.chat_export import ExportedChat, ExportedMessage, MessageKind
from chat4all.services.clock import Clock, utc_now
from chat4all.services.import_chats import ImportedChats, Talk
from chat4all.services.import_content import content_of, digest_of, notes_on
from chat4all.services.records import encode_command

MAX_BATCH = 500
HIGH_WATER = 5_000
"""Commands that may wait for the router before an import waits for it."""
PATIENCE = 20.0
"""Seconds an import waits for the router before the caller is asked to come back."""
_THE_END = 2**53 - 1
_PAUSE = 0.05
_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBatch:
    """Up to `MAX_BATCH` messages of one chat, in the order of the export.

    `owner` is a username; `me` is how the export calls the owner, by name or by key.
    """

    owner: str
    me: str
    chat: ExportedChat
    messages: Sequence[ExportedMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A record that became no message, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """What became of a batch. `added` and `existing` count records of the export."""

    conversation_id: ConversationId
    added: int
    existing: int
    skipped: Sequence[Skipped]


@dataclass(slots=True)
class _Work:
    """One batch on its way into the log."""

    owner: User
    talk: Talk
    stored: Mapping[MessageId, Kept]
    commands: list[Command] = field(default_factory=list)
    added: int = 0
    existing: int = 0
    skipped: list[Skipped] = field(default_factory=list)


class ImportHistory:
    """Takes exported chats in, batch by batch; nothing of it is sent to anybody."""

    def __init__(
        self,
        event_log: EventLog,
        store: MessageStore,
        directory: Directory,
        addresses: Addresses = AS_WRITTEN,
        *,
        now: Clock = utc_now,
        patience: float = PATIENCE,
    ) -> None:
        self._log = event_log
        self._store = store
        self._users = directory.users
        self._chats = ImportedChats(directory, addresses, now=now)
        self._now = now
        self._patience = patience

    async def __call__(self, batch: ImportBatch) -> ImportOutcome:
        """Import `batch`; return once the log holds it durably.

        Raises `UserNotFound` for an unknown owner, `InvalidInput` when the owner cannot be
        told from the others in the chat, `Unavailable` when the router is far behind; then
        the same batch may be sent again.
        """
        if len(batch.messages) > MAX_BATCH:
            raise InvalidInput(
                f"at most {MAX_BATCH} messages in one call", [("/messages", "too many")]
            )
        owner = await self._owner(batch.owner)
        await self._wait_for_router()
        talk = await self._chats.open(owner, batch.me, batch.chat, strangers=_has_strangers(batch))
        names = [import_message_id(owner.id, one.key) for one in batch.messages]
        work = _Work(owner, talk, await self._store.find(names))
        seen: set[str] = set()
        for message in batch.messages:
            if message.key in seen:
                work.skipped.append(Skipped(key=message.key, reason="twice in this batch"))
                continue
            seen.add(message.key)
            self._take(message, work)
        await self._keep(work)
        return ImportOutcome(
            conversation_id=talk.conversation.id,
            added=work.added,
            existing=work.existing,
            skipped=work.skipped,
        )

    async def _owner(self, username: str) -> User:
        found = await self._users.by_username(username)
        if found is None:
            raise UserNotFound(f"there is no user {username}")
        return found[0]

    async def _wait_for_router(self) -> None:
        """Let the router catch up, so that an import never fills the log without end."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if self._log.backlog(COMMANDS, "router") <= HIGH_WATER:
                        return
                    await asyncio.sleep(_PAUSE)
        except TimeoutError as error:
            raise Unavailable(
                "too many messages wait to be stored; send this batch again", retry_after=2
            ) from error

    def _take(self, message: ExportedMessage, work: _Work) -> None:
        kept = work.stored.get(import_message_id(work.owner.id, message.key))
        if kept is not None:
            work.existing += 1
            work.commands.extend(self._edits(message, kept))
            return
        payloads = content_of(message)
        if not payloads:
            work.skipped.append(Skipped(key=message.key, reason="it says nothing"))
            return
        work.added += 1
        notice = message.kind is MessageKind.NOTICE
        sender = work.talk.author(message.author_key, notice=notice)
        for part, payload in enumerate(payloads):
            work.commands.append(self._submit(message, sender, payload, part, work))
        work.commands.extend(self._reactions(message, work))

    def _submit(
        self, message: ExportedMessage, sender: UserId, payload: Payload, part: int, work: _Work
    ) -> SubmitMessage:
        owner = work.owner.id
        replied = message.reply_to_key
        reply_to = import_message_id(owner, replied) if replied else None
        return SubmitMessage(
            message_id=import_message_id(owner, message.key, part),
            conversation_id=work.talk.conversation.id,
            sender=sender,
            payload=payload,
            # Parts of one long text keep their order where times decide it.
            accepted_at=min(message.sent_at, self._now()) + part * _STEP,
            digest=digest_of(payload, sender, reply_to),
            channel=IMPORTED,
            reply_to=reply_to,
            metadata={IMPORTED: notes_on(message, work.talk.actors)},
            history=True,
        )

    def _edits(self, message: ExportedMessage, kept: Kept) -> list[Command]:
        """Return the edit that was made since the message was imported, if one was."""
        stored = kept.message
        edited_at = message.edited_at
        payloads = content_of(message)
        before = stored.edited_at or stored.created_at
        if len(payloads) != 1 or stored.payload is None or stored.payload == payloads[0]:
            return []
        if edited_at is None or edited_at <= before:
            return []
        return [
            EditMessage(
                conversation_id=stored.conversation_id,
                message_id=stored.message_id,
                actor=stored.sender,
                payload=payloads[0],
                at=edited_at,
                channel=IMPORTED,
            )
        ]

    def _reactions(self, message: ExportedMessage, work: _Work) -> list[Command]:
        return [
            React(
                conversation_id=work.talk.conversation.id,
                message_id=import_message_id(work.owner.id, message.key),
                actor=work.talk.actors[key],
                emoji=reaction.emoji,
                removed=False,
                at=message.sent_at,
                channel=IMPORTED,
            )
            for reaction in message.reactions
            for key in reaction.author_keys
            if key in work.talk.actors
        ]

    async def _keep(self, work: _Work) -> None:
        conversation = work.talk.conversation
        before: list[Command] = []
        after: list[Command] = []
        head = (await self._store.heads([conversation.id])).get(conversation.id)
        if work.talk.ours and head is None:
            before.append(
                AnnounceChange(
                    conversation_id=conversation.id,
                    change="created",
                    actor=work.owner.id,
                    at=self._now(),
                )
            )
        if work.added:
            # The router cuts it down to the last message there is at this place of the log.
            after.append(
                AdvanceCursor(
                    conversation_id=conversation.id,
                    user_id=work.owner.id,
                    delivered_seq=_THE_END,
                    read_seq=_THE_END,
                    at=self._now(),
                )
            )
        commands = [*before, *work.commands, *after]
        if commands:
            await self._log.append(
                [Record(COMMANDS, conversation.id, encode_command(one)) for one in commands]
            )


def import_message_id(owner: UserId, key: str, part: int = 0) -> MessageId:
    """Return the id of an imported message; a text over the limit has several parts."""
    return MessageId(derived_id(IMPORTED, owner, key, *([str(part)] if part else [])))


def _has_strangers(batch: ImportBatch) -> bool:
    """Say whether somebody wrote whom the list of participants does not name."""
    known = {one.key for one in batch.chat.participants}
    return any(
        one.kind is not MessageKind.NOTICE and one.author_key not in known for one in batch.messages
    )
