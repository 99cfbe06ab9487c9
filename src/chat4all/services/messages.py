"""Reading and changing what conversations hold, each call checked against membership."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from chat4all.domain.commands import (
    AdvanceCursor,
    Command,
    DeleteMessage,
    EditMessage,
    React,
)
from chat4all.domain.directory import Channel, Conversation, User
from chat4all.domain.errors import (
    Conflict,
    ConversationNotFound,
    MessageNotFound,
    NotPermitted,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import APP, Cursor, Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.status import Status, StatusEntry, overall
from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.message_store import Kept, MessageData, SupportsSearch
from chat4all.services.catching_up import CatchingUp
from chat4all.services.progress import (
    Progress,
    in_app_history,
    recipients_of,
    status_at_first,
)
from chat4all.services.records import encode_command
from chat4all.services.statuses_now import cursors_of, statuses_now

MOST_REACTIONS = 50
"""Different emoji on one message."""


class Directory(Protocol):
    """What these use cases ask about people; answered from a cache."""

    async def conversation(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        ...

    async def users(self, users: Sequence[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        ...

    async def channels(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the external identities of each."""
        ...

    async def conversations_of(self, user: UserId) -> Sequence[ConversationId]:
        """Return the conversations `user` is in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message and how far it has come."""

    message: Message
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """How far a message has come with each recipient, and how it got there."""

    message_id: MessageId
    status: Status
    recipients: Sequence[StatusEntry]
    history: Sequence[StatusEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """A member's cursor and the end of the conversation."""

    last_delivered_seq: int
    last_read_seq: int
    max_seq: int


class Messages:
    """What members read and change."""

    def __init__(
        self, event_log: EventLog, store: MessageData, search: SupportsSearch, people: Directory
    ) -> None:
        self._log = event_log
        self._store = store
        self._search = search
        self._people = people

    async def get(self, viewer: UserId, message_id: MessageId) -> MessageView:
        """Return one message. Raises `MessageNotFound` also for somebody else's.

        This and what changes a message raise `Unavailable` while it cannot be told whether
        there is one: the store is behind the log by more than a call waits.
        """
        message, conversation = await self._find(viewer, message_id)
        [view] = await self._views([message], conversation)
        return view

    async def page(
        self,
        viewer: UserId,
        conversation_id: ConversationId,
        *,
        after_seq: int | None,
        before_seq: int | None,
        limit: int,
    ) -> Sequence[MessageView]:
        """Return messages in ascending `seq`; see `MessageHistory.page`."""
        conversation = await self._conversation(viewer, conversation_id)
        shown: list[Message] = []
        while len(shown) < limit:
            messages = await self._store.page(
                conversation_id,
                viewer=viewer,
                after_seq=after_seq,
                before_seq=before_seq,
                limit=limit,
            )
            theirs = [one for one in messages if one.is_for(viewer)]
            shown = [*shown, *theirs] if after_seq is not None else [*theirs, *shown]
            if len(messages) < limit:
                break
            if after_seq is not None:
                after_seq = messages[-1].seq
            else:
                before_seq = messages[0].seq
        shown = shown[:limit] if after_seq is not None else shown[-limit:]
        return await self._views(shown, conversation)

    async def search(
        self,
        viewer: UserId,
        words: str,
        *,
        conversation_id: ConversationId | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[MessageView]:
        """Return messages of the viewer's conversations that hold `words`, newest first."""
        if conversation_id is not None:
            await self._conversation(viewer, conversation_id)
            within: Collection[ConversationId] = [conversation_id]
        else:
            within = await self._people.conversations_of(viewer)
        views: list[MessageView] = []
        while len(views) < limit:
            found = await self._search.search(
                words,
                conversations=within,
                viewer=viewer,
                since=since,
                until=until,
                before=before,
                limit=limit,
            )
            theirs = [one for one in found if one.is_for(viewer)]
            statuses = await self.now(theirs)
            views += [
                MessageView(message=one, status=statuses[one.message_id])
                for one in theirs
                if one.message_id in statuses
            ]
            if len(found) < limit:
                break
            before = (found[-1].created_at, found[-1].message_id)
        return views[:limit]

    async def status(self, viewer: UserId, message_id: MessageId) -> StatusView:
        """Return how far a message has come with each recipient, and its history."""
        message, conversation = await self._find(viewer, message_id)
        entries = await self._store.statuses([message_id])
        moments = await self._store.cursor_history(
            message.conversation_id, covering_seq=message.seq
        )
        board = await self._board(conversation, entries)
        recipients = [board.recipient(message, user) for user in board.recipients(message)]
        recipients = await self._planned(recipients)
        history = [entry for entry in entries if entry.user_id != message.sender]
        history += in_app_history(message, moments, {entry.user_id for entry in recipients})
        return StatusView(
            message_id=message_id,
            status=overall(entry.status for entry in recipients),
            recipients=recipients,
            history=sorted(history, key=lambda entry: (entry.at, entry.status)),
        )

    async def at_first(self, message: Message) -> Status:
        """Return how far a message is that was just given its place; reads no store.

        Our own clients are reached at once, a contact when its platform says so.
        """
        conversation = await self._people.conversation(message.conversation_id)
        if conversation is None:
            return Status.SENT
        recipients = recipients_of(message, conversation)
        return status_at_first(message, recipients, await self._people.users(recipients))

    async def now(
        self,
        messages: Sequence[Message],
        cursors: Mapping[ConversationId, Sequence[Cursor]] | None = None,
    ) -> Mapping[MessageId, Status]:
        """Return how far messages have come; see `statuses_now`."""
        return await statuses_now(self._store, self._people, messages, cursors)

    async def cursors(
        self, conversations: Sequence[Conversation]
    ) -> Mapping[ConversationId, Sequence[Cursor]]:
        """Return how far the members of conversations have come; those who never moved not."""
        return await cursors_of(self._store, conversations)

    async def edit(self, actor: UserId, message_id: MessageId, payload: Payload) -> MessageView:
        """Replace the payload of one's own message; returns it as it will be.

        Raises `NotPermitted` for another's, `Conflict` for a deleted one or another kind.
        """
        message, conversation = await self._find(actor, message_id)
        if message.sender != actor:
            raise NotPermitted("only the sender edits a message")
        if message.deleted_at is not None:
            raise Conflict("the message was deleted; send a new one")
        if message.payload is not None and message.payload.type is not payload.type:
            raise Conflict(f"an edit keeps the kind of payload, which is {message.payload.type}")
        if payload.type is PayloadType.TEMPLATE:
            raise Conflict("a template is sent as it was approved; send another one instead")
        if message.payload is not None and message.payload.file_id != payload.file_id:
            raise Conflict("an edit changes the caption and keeps the file")
        if message.payload is not None and payload.file_id is not None:
            payload = replace(payload, name=message.payload.name)
        now = datetime.now(UTC)
        await self._append(
            EditMessage(
                conversation_id=message.conversation_id,
                message_id=message_id,
                actor=actor,
                payload=payload,
                at=now,
            )
        )
        edited = replace(message, payload=payload, edited_at=now)
        [view] = await self._views([edited], conversation)
        return view

    async def delete(self, actor: UserId, message_id: MessageId, *, for_everyone: bool) -> None:
        """Remove the content for everyone (sender, or admin of the group), or hide it."""
        message, conversation = await self._find(actor, message_id)
        if for_everyone and message.sender != actor:
            member = conversation.member(actor)
            if member is None or not member.role.rank:
                raise NotPermitted("only the sender or an admin deletes a message for everyone")
        await self._append(
            DeleteMessage(
                conversation_id=message.conversation_id,
                message_id=message_id,
                actor=actor,
                for_everyone=for_everyone,
                at=datetime.now(UTC),
            )
        )

    async def react(
        self, actor: UserId, message_id: MessageId, emoji: str, *, removed: bool
    ) -> None:
        """Give or take back one emoji; a repeat has no effect."""
        message, _ = await self._find(actor, message_id)
        if message.deleted_at is not None:
            raise Conflict("the message was deleted")
        if not removed and len({*message.reactions, emoji}) > MOST_REACTIONS:
            raise Conflict(f"a message carries at most {MOST_REACTIONS} different reactions")
        await self._append(
            React(
                conversation_id=message.conversation_id,
                message_id=message_id,
                actor=actor,
                emoji=emoji,
                removed=removed,
                at=datetime.now(UTC),
            )
        )

    async def mark(
        self, member: UserId, conversation_id: ConversationId, *, delivered: int, read: int
    ) -> Marks:
        """Move the member's cursor forward; return it as it will be.

        Raises `Conflict` for a place after the end of the conversation.
        """
        await self._conversation(member, conversation_id)
        max_seq = await self._end(conversation_id, at_least=max(delivered, read))
        place = (conversation_id, member)
        stored = (await self._store.cursors([place])).get(place)
        before = stored or Cursor(conversation_id=conversation_id, user_id=member)
        now = datetime.now(UTC)
        after = before.moved(delivered=delivered, read=read, max_seq=max_seq, at=now)
        if after is not before:
            await self._append(
                AdvanceCursor(
                    conversation_id=conversation_id,
                    user_id=member,
                    delivered_seq=after.last_delivered_seq,
                    read_seq=after.last_read_seq,
                    at=now,
                )
            )
        return Marks(
            last_delivered_seq=after.last_delivered_seq,
            last_read_seq=after.last_read_seq,
            max_seq=max_seq,
        )

    async def _end(self, conversation_id: ConversationId, *, at_least: int) -> int:
        """Return where a conversation ends; a place that was told a moment ago is waited for."""
        max_seq = 0

        async def ask() -> int | None:
            nonlocal max_seq
            head = (await self._store.heads([conversation_id])).get(conversation_id)
            max_seq = head.max_seq if head else 0
            return max_seq if max_seq >= at_least else None

        if await CatchingUp(self._log).find(ask) is None:
            raise Conflict(f"the conversation ends at {max_seq}; mark no further than that")
        return max_seq

    async def _planned(self, recipients: Sequence[StatusEntry]) -> list[StatusEntry]:
        """Name the channel that will reach those whom nothing has reached yet."""
        waiting = [one.user_id for one in recipients if one.status is Status.ACCEPTED]
        channels = await self._people.channels(waiting) if waiting else {}
        return [
            replace(one, channel=channels[one.user_id][0].platform)
            if one.channel == APP and channels.get(one.user_id)
            else one
            for one in recipients
        ]

    async def _append(self, command: Command) -> None:
        await self._log.append([Record(COMMANDS, command.conversation_id, encode_command(command))])

    async def _conversation(self, viewer: UserId, conversation_id: ConversationId) -> Conversation:
        conversation = await self._people.conversation(conversation_id)
        if conversation is None or conversation.member(viewer) is None:
            raise ConversationNotFound("there is no such conversation among yours")
        return conversation

    async def _find(self, viewer: UserId, message_id: MessageId) -> tuple[Message, Conversation]:
        """Return a message; one that was accepted a moment ago is waited for."""

        async def ask() -> Kept | None:
            return (await self._store.find([message_id])).get(message_id)

        kept = await CatchingUp(self._log).find(ask)
        if kept is not None and kept.message.is_for(viewer):
            conversation = await self._people.conversation(kept.message.conversation_id)
            if conversation is not None and conversation.member(viewer) is not None:
                return kept.message, conversation
        raise MessageNotFound("there is no such message in your conversations")

    async def _views(
        self, messages: Sequence[Message], conversation: Conversation
    ) -> list[MessageView]:
        if not messages:
            return []
        entries = await self._store.statuses([one.message_id for one in messages])
        board = await self._board(conversation, entries)
        return [MessageView(message=one, status=board.overall(one)) for one in messages]

    async def _board(self, conversation: Conversation, entries: Iterable[StatusEntry]) -> Progress:
        cursors = await self._store.conversation_cursors(conversation.id)
        users = await self._people.users([one.user_id for one in conversation.members])
        return Progress(conversation, users, cursors, entries)
