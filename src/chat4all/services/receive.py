"""Take in what a platform says: events become commands in the log."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from chat4all.domain.commands import (
    AnnounceChange,
    Command,
    SubmitMessage,
)
from chat4all.domain.directory import Account, Conversation
from chat4all.domain.errors import Chat4AllError, Unavailable
from chat4all.domain.files import File
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.inbound import (
    Attachment,
    GroupEvent,
    Inbound,
    IncomingDeletion,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    IncomingTyping,
    Receipt,
)
from chat4all.domain.payload import Payload
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import EventLog, Record
from chat4all.ports.message_store import MessageData
from chat4all.services.clock import Clock, utc_now
from chat4all.services.identities import Identities
from chat4all.services.inbound_changes import Change, InboundChanges, fitted
from chat4all.services.message_traces import WriteCommands, plain_records
from chat4all.services.platform_groups import PlatformGroups
from chat4all.services.platform_messages import (
    Place,
    PlatformMessages,
    inbound_message_id,
)
from chat4all.services.receipts import EARLY, ReceiptReports, early_record

log = structlog.get_logger(__name__)

Tell = Callable[[Account, str, str], Awaitable[None]]
"""Sends a short text to an address of an account, as an answer of the system's own."""
Typing = Callable[[ConversationId, UserId], Awaitable[None]]
"""Tells the members of a conversation that a user is writing; nothing is kept."""
Ignored = Callable[[str], None]
"""Counts an event that had no effect, by the reason."""


class AnnounceFile(Protocol):
    """Keeps durably that a file will come; a repeat returns the same one."""

    async def __call__(
        self,
        attachment: Attachment,
        /,
        *,
        account: AccountId,
        address: str,
        external_id: str,
        conversation: ConversationId,
        owner: UserId,
    ) -> File:
        """Return the file. Raises `Unavailable`."""
        ...


NOWHERE = "Where does this belong? Answer the message you mean with a reply to it."


@dataclass(slots=True)
class _Batch:
    """What the events of one call ask for, until it is durable."""

    account: Account
    deadline: float
    stored: frozenset[MessageId] = frozenset()
    commands: list[Command] = field(default_factory=list)
    early: list[Record] = field(default_factory=list)
    routes: dict[str, ConversationId] = field(default_factory=dict)
    words: list[tuple[str, str]] = field(default_factory=list)
    heard: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What receiving needs besides storage.

    `windowed` are the platforms that allow an answer only for some time after a message:
    there it is kept when each chat last wrote. `waiting` are those on which an account may
    not write to a person first. Without `announce_file` no files are taken in: a text names
    them. `records` writes what is appended.
    """

    tell: Tell
    typing: Typing
    ignored: Ignored
    windowed: Collection[str] = ()
    waiting: Collection[str] = ()
    announce_file: AnnounceFile | None = None
    records: WriteCommands = plain_records


class ReceiveInbound:
    """Takes events of one account, in order; returns once what follows from them is durable.

    Repeats have no second effect: a message's id follows from the platform's, and commands
    that change nothing are dropped by the router. An event about a message that is not
    known is counted by `ignored`; one that comes while the message is on its way into the
    store is waited for, up to `patience` seconds a call; a receipt is kept in the log after
    that, for whoever counts in what came early.
    """

    def __init__(
        self,
        directory: Directory,
        event_log: EventLog,
        store: MessageData,
        hooks: Hooks,
        *,
        now: Clock = utc_now,
        patience: float = 0.5,
    ) -> None:
        self._identities = Identities(directory, waiting=hooks.waiting)
        self._groups = PlatformGroups(directory, self._identities)
        self._changes = InboundChanges(self._identities, hooks.ignored)
        self._log = event_log
        self._store = store
        self._routes = directory.routes
        self._tell = hooks.tell
        self._typing = hooks.typing
        self._ignored = hooks.ignored
        self._announce_file = hooks.announce_file
        self._records = hooks.records
        self._now = now
        self._patience = patience
        self._windowed = frozenset(hooks.windowed)
        self._messages = PlatformMessages(store)
        self.reports = ReceiptReports(self._messages, self._identities)

    async def __call__(self, account: Account, events: Sequence[Inbound]) -> None:
        """Take in `events`. Raises `Unavailable`: then nothing was appended, so repeat."""
        ids = [
            inbound_message_id(account, event.address, event.external_id)
            for event in events
            if isinstance(event, IncomingMessage)
        ]
        stored = frozenset(await self._store.find(ids)) if ids else frozenset[MessageId]()
        deadline = asyncio.get_running_loop().time() + self._patience
        batch = _Batch(account, deadline, stored)
        for event in events:
            try:
                await self._take(event, batch)
            except Unavailable:
                raise
            except Chat4AllError as error:  # one event must not hold up the rest for ever
                log.warning("inbound event refused", account=account.id, code=error.code)
                self._ignored(error.code)
        await self._keep(batch)

    async def _take(self, event: Inbound, batch: _Batch) -> None:
        match event:
            case IncomingMessage():
                await self._message(event, batch)
            case IncomingEdit() | IncomingDeletion() | IncomingReaction():
                await self._change(event, batch)
            case Receipt():
                await self._receipt(event, batch)
            case IncomingTyping():
                await self._is_typing(event, batch)
            case _:
                await self._group(event, batch)

    async def _keep(self, batch: _Batch) -> None:
        account = batch.account
        # Before the log: what the log holds is not taken again when this is repeated.
        for address, at in batch.heard.items():
            await self._routes.heard(account.platform, account.id, address, at)
        records = await self._records(batch.commands)
        if records or batch.early:
            await self._log.append([*records, *batch.early])
        for _ in batch.early:
            self._ignored(EARLY)
        for command in batch.commands:
            if isinstance(command, SubmitMessage):
                self._messages.placed(command.message_id, command.conversation_id)
        for address, conversation in batch.routes.items():
            await self._routes.set(account.platform, account.id, address, conversation)
        for address, words in batch.words:
            try:
                await self._tell(account, address, words)
            except Chat4AllError as error:
                log.warning("an answer could not be sent", account=account.id, code=error.code)

    # -- messages

    async def _message(self, event: IncomingMessage, batch: _Batch) -> None:
        account, now = batch.account, self._now()
        message_id = inbound_message_id(account, event.address, event.external_id)
        if message_id in batch.stored:
            self._ignored("repeated")
            return
        if account.platform in self._windowed:
            at = min(event.sent_at, now)
            batch.heard[event.address] = max(at, batch.heard.get(event.address, at))
        if event.link_code is not None:
            answer = await self._identities.link(account, event, at=now)
            batch.words.append((event.address, answer))
            return
        answered = await self._answered(event, batch)
        found = await self._belongs(event, answered, batch)
        if found is None:
            batch.words.append((event.address, NOWHERE))
            self._ignored("nowhere")
            return
        conversation, sender = found
        batch.commands.append(
            SubmitMessage(
                message_id=message_id,
                conversation_id=conversation,
                sender=sender,
                payload=await self._payload(event, conversation, sender, account),
                accepted_at=min(event.sent_at, now),
                digest=_digest(event),
                channel=account.platform,
                reply_to=_reply_to(answered, conversation),
                account_id=account.id,
                address=event.address,
                external_id=event.external_id,
            )
        )

    async def _payload(
        self, event: IncomingMessage, conversation: ConversationId, sender: UserId, account: Account
    ) -> Payload:
        """Return what is kept; a file is announced first, so that no message names none."""
        if event.attachment is None or self._announce_file is None:
            return fitted(event.payload, attachment=event.attachment)
        file = await self._announce_file(
            event.attachment,
            account=account.id,
            address=event.address,
            external_id=event.external_id,
            conversation=conversation,
            owner=sender,
        )
        return fitted(replace(event.payload, file_id=file.id))

    async def _belongs(
        self, event: IncomingMessage, answered: Place | None, batch: _Batch
    ) -> tuple[ConversationId, UserId] | None:
        """Return the conversation of a message and who wrote it; None when it has none."""
        account, now = batch.account, self._now()
        if event.title is not None:
            written = await self._groups.written(account, event, now=now)
            batch.commands += written.news
            return written.conversation_id, written.author
        sender = await self._identities.author(account, event, at=now)
        return await self._conversation(event, sender, answered, batch)

    async def _answered(self, event: IncomingMessage, batch: _Batch) -> Place | None:
        if event.reply_to is None:
            return None
        return await self._place(event.address, event.reply_to, batch, until=0.0)

    async def _conversation(
        self, event: IncomingMessage, sender: UserId, answered: Place | None, batch: _Batch
    ) -> tuple[ConversationId, UserId] | None:
        """Return where the message belongs: where it answers, where the talk was, in private.

        And as whom its sender is there.
        """
        account, address = batch.account, event.address
        talk = batch.routes.get(address) or await self._routes.get(
            account.platform, account.id, address
        )
        for candidate in (answered.conversation_id if answered else None, talk):
            if candidate is None:
                continue
            speaker = await self._identities.speaker(candidate, sender)
            if speaker is not None:
                if candidate != talk:
                    batch.routes[address] = candidate
                return candidate, speaker
        now = self._now()
        found = await self._identities.private(account, sender, at=now)
        if found is None:
            return None
        private, speaker = found
        batch.routes[address] = private.id
        await self._announce(private, speaker, batch, at=now)
        return private.id, speaker

    async def _announce(
        self, conversation: Conversation, sender: UserId, batch: _Batch, *, at: datetime
    ) -> None:
        # An empty one may be new, or be left from a call that ended before its append.
        head = (await self._store.heads([conversation.id])).get(conversation.id)
        if head is None or head.max_seq == 0:
            batch.commands.append(
                AnnounceChange(
                    conversation_id=conversation.id, change="created", actor=sender, at=at
                )
            )

    # -- what happens besides

    async def _change(self, event: Change, batch: _Batch) -> None:
        async def find() -> Place | None:
            until = batch.deadline
            return await self._place(event.address, event.external_id, batch, until=until)

        batch.commands += await self._changes(batch.account, event, find)

    async def _group(self, event: GroupEvent, batch: _Batch) -> None:
        news = await self._groups.happened(batch.account, event, now=self._now())
        batch.commands += news

    async def _receipt(self, event: Receipt, batch: _Batch) -> None:
        entry = await self._messages.entry(
            batch.account.id, event.address, event.external_id, until=batch.deadline
        )
        if entry is None:
            batch.early.append(early_record(batch.account, event))
            return
        batch.commands += await self.reports(event, entry, batch.account)

    async def _is_typing(self, event: IncomingTyping, batch: _Batch) -> None:
        account = batch.account
        known = self._identities.known
        user = await known(account, event.author) or await known(account, event.address)
        talk = await self._groups.conversation(account, event.address) or await self._routes.get(
            account.platform, account.id, event.address
        )
        if user is None or talk is None:
            return
        speaker = await self._identities.speaker(talk, user)
        if speaker is not None:
            await self._typing(talk, speaker)

    # -- finding messages

    async def _place(
        self, address: str, external_id: str, batch: _Batch, *, until: float
    ) -> Place | None:
        theirs = inbound_message_id(batch.account, address, external_id)
        for command in batch.commands:
            if isinstance(command, SubmitMessage) and command.message_id == theirs:
                return Place(theirs, command.conversation_id, None)
        return await self._messages.find(batch.account, address, external_id, until=until)


def _reply_to(answered: Place | None, conversation: ConversationId) -> MessageId | None:
    if answered is None or answered.conversation_id != conversation:
        return None
    return answered.message_id


def _digest(event: IncomingMessage) -> str:
    # Without the conversation: a repeat is the same message wherever the talk is by then.
    content = [event.author, event.payload.as_dict(), event.reply_to]
    raw = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(raw.encode()).hexdigest()
