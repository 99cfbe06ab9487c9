"""Sends what was scheduled when its time has come: in order, once, also after a crash."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import (
    Chat4AllError,
    NotPermitted,
    RateLimited,
    Unavailable,
    UserNotFound,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, Waiting
from chat4all.ports.directory import Directory
from chat4all.ports.message_store import MessageStore
from chat4all.ports.tracing import CONVERSATION_ID, MESSAGE_ID, Kind, Tracing, Untraced
from chat4all.services.backoff import Backoff
from chat4all.services.clock import Clock, utc_now
from chat4all.services.crew import Crew, Job
from chat4all.services.send_message import Accepted, digest_of

log = structlog.get_logger(__name__)


class Send(Protocol):
    """Accepts a message; see `SendMessage`."""

    async def __call__(self, sender: UserId, draft: Draft) -> Accepted:
        """Return once the log holds it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulingLimits:
    """How much at a time and for how long; times in seconds."""

    at_a_time: int = 50
    look_at: int = 200
    backoff: Backoff = field(default_factory=partial(Backoff, first=1.0, factor=2.0, longest=60.0))
    resting: int = 200
    """Conversations that may rest before everything does: then it is the servers that fail."""
    settle: float = 30.0
    """Within so long an accepted message is in the store."""
    give_up: float = 86_400.0
    """After so long one that was never accepted fails."""
    keep: float = 30 * 86_400.0
    """For so long it can be seen what became of one."""
    look: float = 1.0
    tidy: float = 15.0


@dataclass(slots=True)
class _Rest:
    until: datetime
    failures: int


class ScheduledSender:
    """Sends what is due, each conversation in order. One process does it at a time.

    A message is `sending` before it is handed to the log, and `sent` afterwards. One that a
    crash leaves in between is handed over again under the same id, which makes it no second
    message. What fails for now is tried again and holds back what follows in its conversation;
    what is refused fails for good. `told` hears how each ended, `let_go` of the files of those
    that were forgotten.
    """

    def __init__(
        self,
        directory: Directory,
        store: MessageStore,
        send: Send,
        *,
        let_go: Callable[[MessageId], Awaitable[None]],
        limits: SchedulingLimits | None = None,
        now: Clock = utc_now,
        told: Callable[[str], None] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._kept = directory.scheduled
        self._work = directory.scheduled_work
        self._users = directory.users
        self._delegations = directory.delegations
        self._store = store
        self._send = send
        self._let_go = let_go
        self._limits = limits or SchedulingLimits()
        self._now = now
        self._told = told
        self._tracing = tracing or Untraced()
        self._resting: dict[ConversationId, _Rest] = {}
        self._waiting = Waiting()
        self._crew = Crew(
            self._due,
            what="scheduled messages",
            every=self._limits.look,
            at_a_time=self._limits.at_a_time,
            per_owner=1,
        )

    @property
    def waiting(self) -> int:
        """Return how many waited lately; 0 in a process that does not send."""
        return self._waiting.count

    @property
    def late(self) -> float:
        """Return by how many seconds the longest due one is late; 0 when none is."""
        since = self._waiting.due_since
        return 0.0 if since is None else max(0.0, (self._now() - since).total_seconds())

    async def run(self) -> None:
        """Work until cancelled."""
        tidying = asyncio.create_task(self._keep_tidy())
        try:
            await self._crew.run()
        finally:
            tidying.cancel()
            await asyncio.wait([tidying])
            self._waiting = Waiting()

    async def _due(self, busy: Collection[str]) -> Sequence[Job]:
        now = self._now()
        resting = {name for name, rest in self._resting.items() if rest.until > now}
        if len(resting) >= self._limits.resting:
            return []
        without = resting | {ConversationId(one) for one in busy}
        due = await self._work.due(now, limit=self._limits.look_at, without=without)
        return [
            Job(name, "", partial(self._send_in_order, theirs))
            for name, theirs in _by_conversation(due)
        ]

    async def _send_in_order(self, messages: Sequence[ScheduledMessage]) -> None:
        for one in messages:
            if not await self._send_one(one):
                return

    async def _send_one(self, message: ScheduledMessage) -> bool:
        """Return whether what follows in its conversation may be sent."""
        tried_before = message.first_at is not None
        began = await self._begin(message)
        if began is None:
            return False
        try:
            await self._check_sender(began)
            accepted = await self._hand_over(began)
        except (Unavailable, RateLimited) as error:
            return await self._later(began, error)
        except Chat4AllError as error:
            return await self._refused(began, error, tried_before=tried_before)
        except Exception:
            log.exception("a scheduled message could not be sent", message=began.message_id)
            return await self._later(began, Unavailable("it could not be sent: see the log"))
        await self._end(began.sent(accepted.accepted_at))
        return True

    async def _begin(self, message: ScheduledMessage) -> ScheduledMessage | None:
        """Return it as being sent, or None when it was changed meanwhile."""
        if message.state is ScheduleState.SENDING:
            return message
        now = self._now()
        began = replace(message.began(now), updated_at=now)
        if not await self._kept.change(began):
            return None
        return replace(began, version=began.version + 1)

    async def _check_sender(self, message: ScheduledMessage) -> None:
        """Refuse who is there no more, and who may act for the sender no more."""
        sender, actor = message.sender, message.actor
        wanted = {sender} if actor is None else {sender, actor}
        if (await self._users.get_many(wanted)).keys() != wanted:
            raise UserNotFound("the account that scheduled this message is gone")
        if actor is not None:
            allowed = await self._delegations.of_user(sender)
            if actor not in {one.account_id for one in allowed}:
                raise NotPermitted("the service account may act for you no more")

    async def _hand_over(self, message: ScheduledMessage) -> Accepted:
        about = {MESSAGE_ID: message.message_id, CONVERSATION_ID: message.draft.conversation_id}
        with self._tracing.begin("send scheduled message", Kind.INTERNAL, about):
            return await self._send(message.sender, message.draft)

    async def _later(self, message: ScheduledMessage, error: Unavailable | RateLimited) -> bool:
        """Let the conversation rest, or give the message up when that goes on for too long."""
        if self._age(message) >= self._limits.give_up:
            return await self._refused(message, error, tried_before=True)
        self._rest(message, error)
        return False

    async def _refused(
        self, message: ScheduledMessage, error: Chat4AllError, *, tried_before: bool
    ) -> bool:
        """Fail it, unless an earlier try had sent it: its end was not kept then."""
        if tried_before:
            found = (await self._store.find([message.message_id])).get(message.message_id)
            if found is not None and found.digest == digest_of(message.sender, message.draft):
                await self._end(message.sent(found.message.created_at))
                return True
            if found is None and self._age(message) < self._limits.settle:
                self._rest(message, error)
                return False
        log.info("a scheduled message failed", message=message.message_id, code=error.code)
        await self._end(message.failed(error.code, str(error)))
        return True

    async def _end(self, message: ScheduledMessage) -> None:
        """Keep what became of it; another process may have done so already."""
        if await self._kept.change(replace(message, updated_at=self._now())):
            self._told(message.state.value)
        self._resting.pop(message.draft.conversation_id, None)

    def _age(self, message: ScheduledMessage) -> float:
        first = message.first_at or self._now()
        return (self._now() - first).total_seconds()

    def _rest(self, message: ScheduledMessage, error: Chat4AllError) -> None:
        name = message.draft.conversation_id
        failures = self._resting[name].failures + 1 if name in self._resting else 1
        wait = self._limits.backoff.wait(failures, random.random())  # noqa: S311 - jitter
        if isinstance(error, Unavailable | RateLimited):
            wait = max(wait, min(error.retry_after, self._limits.backoff.longest))
        self._resting[name] = _Rest(self._now() + timedelta(seconds=wait), failures)
        self._told("again")
        log.info("a scheduled message waits", message=message.message_id, code=error.code)

    async def _keep_tidy(self) -> None:
        while True:
            try:
                await self._tidy()
            except Chat4AllError as error:
                log.warning("scheduled messages are not tidied", detail=str(error))
            await asyncio.sleep(self._limits.tidy)

    async def _tidy(self) -> None:
        now = self._now()
        self._waiting = await self._work.waiting(now)
        before = now - timedelta(seconds=self._limits.keep)
        ended = await self._work.ended(before, limit=self._limits.look_at)
        shows = [one.message_id for one in ended if one.draft.payload.file_id is not None]
        stored = await self._store.find(shows) if shows else {}
        for name in shows:
            if name not in stored:
                await self._let_go(name)
        if ended:
            await self._work.forget([one.message_id for one in ended])


def _by_conversation(
    messages: Iterable[ScheduledMessage],
) -> Iterable[tuple[ConversationId, Sequence[ScheduledMessage]]]:
    """Return what is due of each conversation, in order; first the one that is due the longest."""
    found: dict[ConversationId, list[ScheduledMessage]] = {}
    for one in messages:
        found.setdefault(one.draft.conversation_id, []).append(one)
    return found.items()
