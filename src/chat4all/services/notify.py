"""Tells connected clients what happened, as soon as the log holds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

import msgspec
import structlog

from chat4all.domain.directory import Conversation
from chat4all.domain.errors import Unavailable
from chat4all.domain.events import (
    NOWHERE,
    ConversationChanged,
    CursorMoved,
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
    SyncCursor,
    message_concerned,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Message
from chat4all.domain.status import Status
from chat4all.ports.message_store import MessageHistory
from chat4all.ports.tracing import (
    CONVERSATION_ID,
    MESSAGE_ID,
    NO_TRACES,
    Attributes,
    Kind,
    Traces,
    Tracing,
    Untraced,
)
from chat4all.services.covering import Covering
from chat4all.services.mailbox import Mailbox
from chat4all.services.told import Steps
from chat4all.services.views import Covered, covered_frame, event_frame, read_frame

log = structlog.get_logger(__name__)

STORED_SECONDS = 5.0
"""How long who connects waits for the store to have what others were told already."""

FindConversation = Callable[[ConversationId], Awaitable[Conversation | None]]
PeekConversation = Callable[[ConversationId], Conversation | None]

_to_json = msgspec.json.Encoder().encode


def _encode(frame: Mapping[str, object]) -> str:
    return _to_json(frame).decode()


class Statuses(Protocol):
    """How far messages have come."""

    async def at_first(self, message: Message) -> Status:
        """Return the status of a message that was just given its place; reads no store."""
        ...

    async def now(self, messages: Sequence[Message]) -> Mapping[MessageId, Status]:
        """Return the statuses as the store has them, of conversations that there are."""
        ...


class Link(Protocol):
    """What brings events here that happen in other processes."""

    async def joined(self, user: UserId) -> None:
        """Hear that a client of `user` connected; from the return on events are brought.

        Never raises: what cannot be brought, clients are told from the store.
        """
        ...

    async def gone(self, user: UserId) -> bool:
        """Hear that the last client of `user` here is gone; return whether there is no other.

        Never raises.
        """
        ...

    def stored(self) -> SyncCursor:
        """Return up to where everything is stored, or a little less; never waits."""
        ...


class Notifier:
    """The clients connected to this node, and the events on their way to them.

    Without `statuses` every message is shown as sent. Without a `link` all events happen in
    this process.
    """

    def __init__(
        self,
        history: MessageHistory,
        peek: PeekConversation,
        find: FindConversation,
        statuses: Statuses | None = None,
        link: Link | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Untraced()
        self._peek = peek
        self._find = find
        self._statuses = statuses
        self.covering = Covering(history)
        self._mailboxes: dict[UserId, list[Mailbox]] = {}
        self._queue: deque[tuple[Event, str]] = deque()
        self._wake = asyncio.Event()
        self._link = link
        self.cursor = NOWHERE
        """Up to where events were told here."""
        self.steps = Steps()
        self._done = NOWHERE
        """Up to where the store has everything; what was told may be ahead of it."""
        self._moved = asyncio.Event()

    def start_from(self, ends: Iterable[Position]) -> None:
        """Say where the log stands before anything was told."""
        for end in ends:
            self.cursor = self.cursor.at(end)
            self._done = self._done.at(end)

    async def connect(self, mailbox: Mailbox) -> SyncCursor:
        """Tell `mailbox` what happens from now on; return from where that is.

        Whatever it is not told lies at or before that place, and is in the store. Raises
        `Unavailable` when the store does not take what others were told.
        """
        self._mailboxes.setdefault(mailbox.user_id, []).append(mailbox)
        start = self.cursor
        try:
            if self._link is None:
                await self.until_stored()
                return start
            await self._link.joined(mailbox.user_id)
        except BaseException:
            await self.disconnect(mailbox)
            raise
        return self.cursor.joined(self._link.stored())

    async def until_stored(self) -> None:
        """Wait until the store has what was told so far.

        Clients are told what the log of this process has while the store is still at it; with a
        `link` they are told what is stored. Raises `Unavailable` when that takes too long.
        """
        told = self.cursor
        if self._link is not None or self._done.reaches(told):
            return
        try:
            async with asyncio.timeout(STORED_SECONDS):
                while not self._done.reaches(told):
                    await self._moved.wait()
        except TimeoutError as error:
            raise Unavailable("the newest messages are not stored yet; try again") from error

    def done(self, positions: Iterable[Position]) -> None:
        """Hear up to where everything is stored, or will never be."""
        for position in positions:
            self._done = self._done.at(position)
        self._moved.set()
        self._moved = asyncio.Event()

    async def disconnect(self, mailbox: Mailbox) -> bool:
        """Stop telling `mailbox`; return whether its user has no connection left, at any node."""
        if not self._remove(mailbox):
            return False
        return self._link is None or await self._link.gone(mailbox.user_id)

    def _remove(self, mailbox: Mailbox) -> bool:
        mailboxes = self._mailboxes.get(mailbox.user_id, [])
        if mailbox in mailboxes:
            mailboxes.remove(mailbox)
        if not mailboxes:
            self._mailboxes.pop(mailbox.user_id, None)
        return not mailboxes

    @property
    def users(self) -> Collection[UserId]:
        """Return who is connected here."""
        return self._mailboxes.keys()

    @property
    def connections(self) -> int:
        """Return how many clients are connected here."""
        return sum(len(mailboxes) for mailboxes in self._mailboxes.values())

    def is_connected(self, user: UserId) -> bool:
        """Say whether `user` is connected here."""
        return user in self._mailboxes

    def happened(self, events: Sequence[Event], traces: Traces = NO_TRACES) -> None:
        """Take events to tell; returns at once. Those told before are left out."""
        self._queue.extend((event, traces.get(event.position, "")) for event in events)
        self._wake.set()

    async def run(self) -> None:
        """Tell events, in order, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                event, trace = self._queue.popleft()
                if self.cursor.seen(event.position):
                    continue
                try:
                    await self._tell(event, trace)
                except Exception:  # one event that cannot be told must not silence the rest
                    log.exception("event could not be told", position=event.position)
                    self._send_away()
                self.cursor = self.cursor.at(event.position)

    def _send_away(self) -> None:
        """Let every client resume: who missed the event is not known, and the store has it."""
        for mailboxes in self._mailboxes.values():
            for mailbox in mailboxes:
                mailbox.overflow()

    def fall_behind(self, users: Iterable[UserId] | None = None) -> None:
        """Have the clients of `users`, or all, told from the store what may have been missed."""
        for user in list(self._mailboxes) if users is None else users:
            for mailbox in self._mailboxes.get(user, ()):
                mailbox.fall_behind()

    async def signal(
        self, conversations: Iterable[ConversationId], frame: Mapping[str, object]
    ) -> None:
        """Tell the other members of `conversations` something that is not kept.

        Such as typing, or presence; `user_id` of the frame names whose it is.
        """
        others: set[UserId] = set()
        for name in conversations:
            found = self._peek(name) or await self._find(name)
            if found is not None:
                others.update(one.user_id for one in found.members)
        connected = [
            user for user in others & self._mailboxes.keys() if user != frame.get("user_id")
        ]
        if connected:
            self._offer(connected, None, _encode(frame))

    async def _tell(self, event: Event, trace: str) -> None:
        name = event.conversation_id
        conversation = self._peek(name) or await self._find(name)
        members = told_of(event, conversation)
        if isinstance(event, MessageAdded):
            self.covering.remember(event.message)
        if not any(user in self._mailboxes for user in members):
            return
        with self._tracing.follow(trace, "push", Kind.PRODUCER, partial(attributes_of, event)):
            await self._tell_members(event, members)

    async def _tell_members(self, event: Event, members: Sequence[UserId]) -> None:
        if isinstance(event, CursorMoved):
            await self._tell_covered(event, members)
            return
        frame = event_frame(event, await self._status(event))
        if frame is not None:  # also for those who connected meanwhile
            self._offer(audience(event, members), event.position, _encode(frame))

    async def _status(self, event: Event) -> Status:
        if self._statuses is not None and isinstance(event, MessageAdded):
            return await self._statuses.at_first(event.message)
        return (await self.current_statuses([event])).get(event.position, Status.SENT)

    async def current_statuses(self, events: Sequence[Event]) -> Mapping[Position, Status]:
        """Return how far the messages that events show have come; others are left out."""
        shown = [one for one in events if isinstance(one, MessageAdded | MessageEdited)]
        if self._statuses is None or not shown:
            return {}
        latest = {one.message.message_id: one.message for one in shown}
        known = await self._statuses.now(list(latest.values()))
        return {one.position: known.get(one.message.message_id, Status.SENT) for one in shown}

    async def _tell_covered(self, event: CursorMoved, members: Sequence[UserId]) -> None:
        mover = event.after.user_id
        others = {user for user in members if user != mover}
        if not others.isdisjoint(self._mailboxes):
            for covered in await self.covering.by(event.before, event.after):
                if covered.sender in others:
                    at = event.after.updated_at
                    frame = covered_frame(event.conversation_id, mover, covered, at)
                    self._offer([covered.sender], event.position, _encode(frame))
        if mover in self._mailboxes and event.after.last_read_seq > event.before.last_read_seq:
            frame = read_frame(event.conversation_id, event.after.last_read_seq)
            self._offer([mover], event.position, _encode(frame))

    def _offer(self, users: Iterable[UserId], position: Position | None, frame: str) -> None:
        for user in users:
            for mailbox in self._mailboxes.get(user, ()):
                mailbox.offer(position, frame)


def attributes_of(event: Event) -> Attributes:
    """Return what a trace tells of an event."""
    message = message_concerned(event)
    about = {} if message is None else {MESSAGE_ID: message}
    return {"chat4all.event": type(event).__name__, CONVERSATION_ID: event.conversation_id, **about}


def told_of(event: Event, conversation: Conversation | None) -> list[UserId]:
    """Return whom an event may concern: the members; of a change also those that were."""
    members = [one.user_id for one in conversation.members] if conversation else []
    if not isinstance(event, ConversationChanged):
        return members
    named = () if event.user_id is None else (event.user_id,)
    return list(dict.fromkeys((*members, *event.audience, *named)))


def audience(event: Event, members: Sequence[UserId]) -> Sequence[UserId]:
    """Return which of `members` may be told of `event`."""
    if isinstance(event, MessageDeleted) and event.only_for is not None:
        return [user for user in members if user == event.only_for]
    if isinstance(event, MessageDeleted | ReactionChanged) and event.readers is not None:
        return [user for user in members if user in event.readers]
    if isinstance(event, StatusChanged):
        return [user for user in members if user == event.sender]
    if isinstance(event, MessageAdded | MessageEdited) and event.message.to is not None:
        return [user for user in members if event.message.is_for(user)]
    return members


def frames_of(
    event: Event, covered: Sequence[Covered], *, viewer: UserId, status: Status
) -> list[Mapping[str, object]]:
    """Return the frames that tell `viewer` of `event`, for a client that was away."""
    if isinstance(event, CursorMoved):
        at: datetime | None = event.after.updated_at
        mover = event.after.user_id
        if viewer == mover:
            if event.after.last_read_seq <= event.before.last_read_seq:
                return []
            return [read_frame(event.conversation_id, event.after.last_read_seq)]
        return [
            covered_frame(event.conversation_id, mover, one, at)
            for one in covered
            if one.sender == viewer
        ]
    if viewer not in audience(event, [viewer]):
        return []
    frame = event_frame(event, status)
    return [frame] if frame is not None else []
