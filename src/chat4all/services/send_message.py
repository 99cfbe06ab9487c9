"""Accepts messages: checks the sender, then hands them to the log."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

import msgspec

from chat4all.domain.commands import SubmitMessage
from chat4all.domain.directory import Conversation
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import (
    Chat4AllError,
    ConversationNotFound,
    FileGone,
    FileNotReady,
    InvalidInput,
    MessageIdConflict,
    RateLimited,
    SessionWindowClosed,
    Unavailable,
)
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId, new_id
from chat4all.domain.payload import Payload
from chat4all.ports.ephemeral import Ephemeral
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import Kept, MessageStore
from chat4all.services.batched import Batched
from chat4all.services.catching_up import CatchingUp
from chat4all.services.notify import FindConversation, PeekConversation
from chat4all.services.records import encode_command
from chat4all.services.shown_files import CheckFile, no_files
from chat4all.services.turns import Turns

_encode = msgspec.json.Encoder().encode

_REFUSALS = (
    ConversationNotFound,
    InvalidInput,
    MessageIdConflict,
    RateLimited,
    FileNotReady,
    FileGone,
)
"""Why one message of several is refused; the others stand."""
CLAIM_SECONDS = 3_600.0
"""How long an id that was lately accepted is remembered beside the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken in.

    Per second with a burst, for one sender and for one conversation; `backlog` is how many
    commands may wait for the router before senders are asked to come back later, `keep_up`
    before they wait for it a moment; None where how many wait is heard too late for that.
    """

    sender_rate: float = 200.0
    sender_burst: float = 1_000.0
    conversation_rate: float = 500.0
    conversation_burst: float = 2_000.0
    backlog: int = 50_000
    keep_up: int | None = None


MESSAGES_A_TURN = 16
"""Messages that are checked in one turn of the event loop: some 6 ms of work."""
LONGEST_LINE = 2_000
"""Calls that may wait for their turn: with a message each less than 1 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The log has the message: it will be delivered, or FAILED with a reason."""

    message_id: MessageId
    conversation_id: ConversationId
    accepted_at: datetime


CheckDraft = Callable[[UserId, Draft, Conversation], Awaitable[Payload]]
"""Looks at a draft that was not sent before; returns what to keep as its payload.

Raises `SessionWindowClosed`, `InvalidInput`, and `Unavailable` when it cannot tell.
"""


@dataclass(slots=True)
class _Call:
    """What one call has come to: the records to append, the ids that it claimed.

    `kept` is what the store has of its ids, once that was asked for, and `accepted` are messages
    of `records`, which the log does not have yet.
    """

    drafts: Sequence[Draft]
    kept: Mapping[MessageId, Kept] | None = None
    records: list[Record] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    accepted: list[tuple[MessageId, ConversationId]] = field(default_factory=list)
    _catching_up: CatchingUp | None = None

    def catching_up(self, event_log: EventLog) -> CatchingUp:
        """Return how the whole call waits for what was accepted before it."""
        if self._catching_up is None:
            self._catching_up = CatchingUp(event_log)
        return self._catching_up


class SendMessage:
    """The way in for every message of our own clients."""

    def __init__(
        self,
        event_log: EventLog,
        store: MessageStore,
        ephemeral: Ephemeral,
        peek: PeekConversation,
        find: FindConversation,
        *,
        limits: Limits,
        check: CheckDraft | None = None,
        check_file: CheckFile = no_files,
    ) -> None:
        self._check_draft = check
        self._log = event_log
        self._stored = Batched(store.find)
        self._ephemeral = ephemeral
        self._peek = peek
        self._find = find
        self._limits = limits
        self._check_file = check_file
        self._turns = Turns(MESSAGES_A_TURN, line=LONGEST_LINE, is_behind=self._is_behind)

    async def __call__(self, sender: UserId, draft: Draft) -> Accepted:
        """Accept `draft`; return once the log holds it durably.

        A repeat with the same id and content is accepted again and has no second effect.
        Raises `ConversationNotFound` for a stranger, `MessageIdConflict` for a used id,
        `InvalidInput` for a recipient, a `reply_to`, a file or a template that is not here,
        `FileNotReady` and `FileGone`, `SessionWindowClosed` where nobody could get it,
        `RateLimited`, `Unavailable` and `StorageFull`; then nothing was accepted.
        """
        [outcome] = await self.many(sender, [draft])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def many(self, sender: UserId, drafts: Sequence[Draft]) -> list[Accepted | Exception]:
        """Accept several at once; each stands for itself, and what is refused says why.

        The accepted ones keep their order and are made durable together.
        """
        self._check_backlog()
        await self._turns.take(len(drafts))
        call = _Call(drafts)
        try:
            outcomes = [await self._outcome(sender, one, call) for one in drafts]
            if call.records:
                await self._log.append(call.records)
        except Unavailable:  # nothing was accepted: the ids are free again
            for key in call.claimed:
                await self._ephemeral.leases.drop(key)
            raise
        return outcomes

    async def _kept(self, drafts: Sequence[Draft]) -> dict[MessageId, Kept]:
        """Ask the store once for all ids that the client chose."""
        ids = [draft.message_id for draft in drafts if draft.message_id is not None]
        found = await asyncio.gather(*(self._stored(one) for one in ids))
        return {one: kept for one, kept in zip(ids, found, strict=True) if kept is not None}

    async def check_later(self, sender: UserId, draft: Draft) -> None:
        """Refuse a draft that is to be sent later and could not be sent now either.

        Raises what `__call__` raises, but for limits and what changes with time: which
        templates there are, and whose window is closed.
        """
        conversation = await self._conversation(sender, draft)
        check_recipients(draft, conversation)
        await self._check_reply(sender, draft, _Call([draft]))
        await self._check_payload(draft, digest_of(sender, draft))
        if draft.message_id is not None and await self._stored(draft.message_id) is not None:
            raise _id_conflict(draft.message_id)

    async def _conversation(self, sender: UserId, draft: Draft) -> Conversation:
        name = draft.conversation_id
        conversation = self._peek(name) or await self._find(name)
        if conversation is None or conversation.member(sender) is None:
            raise ConversationNotFound("there is no such conversation among yours")
        return conversation

    def _is_behind(self) -> bool:
        """Say whether the router has enough to do."""
        most = self._limits.keep_up
        return most is not None and self._log.backlog(COMMANDS, "router") > most

    def _check_backlog(self) -> None:
        if self._log.backlog(COMMANDS, "router") > self._limits.backlog:
            raise Unavailable("too many messages wait to be stored; try again", retry_after=1)

    async def _outcome(self, sender: UserId, draft: Draft, call: _Call) -> Accepted | Exception:
        """Check one draft; add its record, or return why it is refused."""
        try:
            command = await self._check(sender, draft, call)
        except _Refused as refused:
            return refused.error
        except _REFUSALS as error:
            return error
        call.accepted.append((command.message_id, command.conversation_id))
        call.records.append(Record(COMMANDS, command.conversation_id, encode_command(command)))
        return Accepted(
            message_id=command.message_id,
            conversation_id=command.conversation_id,
            accepted_at=command.accepted_at,
        )

    async def _check(self, sender: UserId, draft: Draft, call: _Call) -> SubmitMessage:
        name = draft.conversation_id
        conversation = await self._conversation(sender, draft)
        await self._limit(sender, name)
        check_recipients(draft, conversation)
        try:
            await self._check_reply(sender, draft, call)
        except Unavailable as error:  # the others of the call can be told apart
            raise _Refused(error) from error
        digest = digest_of(sender, draft)
        file_name = await self._check_payload(draft, digest)
        if draft.message_id is not None:
            await self._claim(draft.message_id, digest, call)
        payload = await self._checked(sender, draft, conversation, digest, call.claimed)
        return SubmitMessage(
            message_id=draft.message_id or MessageId(new_id()),
            conversation_id=name,
            sender=sender,
            payload=payload if file_name is None else replace(payload, name=file_name),
            accepted_at=datetime.now(UTC),
            digest=digest,
            to=draft.to,
            channels=draft.channels,
            reply_to=draft.reply_to,
            metadata=draft.metadata,
            failover=draft.failover,
        )

    async def _checked(
        self,
        sender: UserId,
        draft: Draft,
        conversation: Conversation,
        digest: str,
        claimed: list[str],
    ) -> Payload:
        """Return what to keep. Raises `_Refused`, but not for a repeat of what was accepted."""
        if self._check_draft is None:
            return draft.payload
        try:
            return await self._check_draft(sender, draft, conversation)
        except (SessionWindowClosed, InvalidInput, Unavailable) as error:
            if draft.message_id is not None:
                kept = await self._stored(draft.message_id)
                if kept is not None and kept.digest == digest:
                    return draft.payload
                key = _claim_key(draft.message_id)
                if key in claimed:
                    claimed.remove(key)
                    await self._ephemeral.leases.drop(key)
            raise _Refused(error) from error

    async def _limit(self, sender: UserId, conversation: ConversationId) -> None:
        rates, limits = self._ephemeral.rates, self._limits
        wait = await rates.take(
            f"send:{sender}", rate=limits.sender_rate, burst=limits.sender_burst
        )
        if wait:
            raise RateLimited("you send faster than allowed; slow down", retry_after=wait)
        wait = await rates.take(
            f"conversation:{conversation}",
            rate=limits.conversation_rate,
            burst=limits.conversation_burst,
        )
        if wait:
            raise RateLimited("this conversation is too busy; slow down", retry_after=wait)

    async def _check_reply(self, sender: UserId, draft: Draft, call: _Call) -> None:
        """Refuse an answer to what is not here. Raises `Unavailable` when that cannot be told."""
        if draft.reply_to is None or (draft.reply_to, draft.conversation_id) in call.accepted:
            return
        kept = await call.catching_up(self._log).find(partial(self._stored, draft.reply_to))
        known = kept is not None and kept.message.is_for(sender)
        if kept is None or not known or kept.message.conversation_id != draft.conversation_id:
            raise InvalidInput(
                "`reply_to` names no message of this conversation",
                [("/reply_to", "no such message here")],
            )

    async def _check_payload(self, draft: Draft, digest: str) -> str | None:
        """Return the name of the file that is shown, by which a search will find the message.

        Refuses one that cannot be shown; a repeat of what is stored needs it no more.
        """
        file = draft.payload.file_id
        if file is None:
            return None
        try:
            return await self._check_file(FileId(file), draft.conversation_id)
        except _REFUSALS:
            kept = None if draft.message_id is None else await self._stored(draft.message_id)
            if kept is None or kept.digest != digest:
                raise
            return None

    async def _claim(self, message_id: MessageId, digest: str, call: _Call) -> None:
        """Refuse an id that was used for something else, lately or long ago."""
        key = _claim_key(message_id)
        earlier = await self._ephemeral.leases.claim(key, digest, ttl=CLAIM_SECONDS)
        if earlier is None:
            call.claimed.append(key)
            if call.kept is None:  # who is a stranger or too fast does not come to this
                call.kept = await self._kept(call.drafts)
            kept = call.kept.get(message_id)
            if kept is None or kept.digest == digest:
                return
            await self._ephemeral.leases.drop(key)
        elif earlier == digest:
            return
        raise _id_conflict(message_id)


class _Refused(Exception):
    """The draft of one message is refused; in a batch the others are not."""

    def __init__(self, error: Chat4AllError) -> None:
        super().__init__(str(error))
        self.error = error


def _id_conflict(message_id: MessageId) -> MessageIdConflict:
    return MessageIdConflict(
        f"message id {message_id} was used for another message; choose a new one"
    )


def _claim_key(message_id: MessageId) -> str:
    return f"message:{message_id}"


def check_recipients(draft: Draft, conversation: Conversation) -> None:
    """Refuse a recipient who is not a member. Raises `InvalidInput`."""
    if draft.to is None:
        return
    members = {member.user_id for member in conversation.members}
    errors = [
        (f"/to/{index}", "not a member of the conversation")
        for index, user in enumerate(draft.to)
        if user not in members
    ]
    if errors:
        raise InvalidInput("`to` names somebody who is not in the conversation", errors)


def digest_of(sender: UserId, draft: Draft) -> str:
    """Return what identifies the content of a message: two sends are one when it is equal."""
    content: tuple[object, ...] = (
        sender,
        draft.conversation_id,
        draft.payload.as_dict(),
        draft.to,
        draft.channels,
        draft.reply_to,
        draft.metadata,
    )
    if draft.failover is not None:  # without it the digest is that of earlier versions
        content += (draft.failover.deliver_within, draft.failover.read_within)
    return hashlib.blake2b(_encode(content), digest_size=16).hexdigest()
