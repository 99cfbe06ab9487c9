"""Pushes what waits to the devices of those who are not there."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import UserId
from chat4all.domain.push import PushNotice, PushSubscription
from chat4all.ports.directory import Directory
from chat4all.ports.push import Push, PushOutcome, PushResult, PushSender
from chat4all.ports.tracing import Attributes, Kind, Tracing, Untraced
from chat4all.services.backoff import Backoff
from chat4all.services.clock import Clock, utc_now
from chat4all.services.crew import Crew, Job
from chat4all.services.push_gone import forget_if_gone
from chat4all.services.push_news import LINGER, PushNews

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushLimits:
    """How much at a time and for how long; times in seconds."""

    at_a_time: int = 50
    per_user: int = 5
    backoff: Backoff = field(default_factory=partial(Backoff, longest=3_600.0))
    give_up: float = 86_400.0
    """After so long a message is no news any more."""
    unstored: float = 30.0
    """Within so long an accepted message is in the store."""
    look: float = 1.0


class PushCourier:
    """Looks at each notice when its time has come, and pushes it if it is still news.

    Whoever is connected gets no push: the notice is looked at again once a connection that
    has died is sure to be known as such, and forgotten if somebody is there still. One
    process does it at a time; one that dies between a push and its record repeats it, and
    the device shows the same notification. `told` hears how each ended, `jitter` returns a
    number from 0 to 1.
    """

    def __init__(
        self,
        directory: Directory,
        news: PushNews,
        sender: PushSender,
        *,
        limits: PushLimits | None = None,
        now: Clock = utc_now,
        jitter: Callable[[], float] = random.random,
        told: Callable[[str], None] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._subscriptions = directory.push_subscriptions
        self._notices = directory.push_notices
        self._news = news
        self._sender = sender
        self._limits = limits or PushLimits()
        self._now = now
        self._jitter = jitter
        self._told = told
        self._tracing = tracing or Untraced()
        self._crew = Crew(
            self._due,
            what="pushes",
            every=self._limits.look,
            at_a_time=self._limits.at_a_time,
            per_owner=self._limits.per_user,
        )

    async def run(self) -> None:
        """Work until cancelled."""
        await self._crew.run()

    def wake(self) -> None:
        """Look at once for what is due, rather than soon."""
        self._crew.wake()

    async def _due(self, full: Collection[str]) -> Sequence[Job]:
        busy = [UserId(one) for one in full]
        limit = 2 * self._limits.at_a_time
        due = await self._notices.due(self._now(), limit=limit, without=busy)
        return [
            Job(
                one.user_id,
                f"{one.subscription_id} {one.conversation_id}",
                partial(self._look_at, one),
            )
            for one in due
        ]

    async def _look_at(self, notice: PushNotice) -> None:
        device = await self._subscriptions.get(notice.subscription_id)
        now = self._now()
        age = (now - notice.created_at).total_seconds()
        if (
            device is None
            or not _is_wanted(device, notice)
            or age >= self._limits.give_up
            or await self._news.has_it(notice)
        ):
            await self._notices.done(notice)
        elif await self._news.is_connected(notice.user_id):
            await self._linger(notice, age)
        elif (until := _quiet_until(device, now)) is not None:
            await self._notices.again(replace(notice, next_at=until))
        else:
            await self._push(notice, device, age)

    async def _linger(self, notice: PushNotice, age: float) -> None:
        if age >= LINGER:
            await self._notices.done(notice)
        else:
            later = notice.created_at + timedelta(seconds=LINGER)
            await self._notices.again(replace(notice, next_at=later))

    async def _push(self, notice: PushNotice, device: PushSubscription, age: float) -> None:
        message = await self._news.message(notice)
        if message is None and age < self._limits.unstored:
            soon = self._now() + timedelta(seconds=self._limits.look)
            await self._notices.again(replace(notice, next_at=soon))
            return
        push = None if message is None else await self._news.push_of(message, device)
        if push is None:
            await self._notices.done(notice)
        else:
            outcome = await self._send(notice, device, push)
            await self._note(notice, await forget_if_gone(self._subscriptions, device, outcome))

    async def _send(self, notice: PushNotice, device: PushSubscription, push: Push) -> PushOutcome:
        about: Attributes = {
            "chat4all.push.subscription": device.id,
            "chat4all.attempt": notice.attempts + 1,
        }
        with self._tracing.follow(notice.trace, "push to device", Kind.CLIENT, about) as span:
            outcome = await self._sender.send(device, push)
            if outcome.result is not PushResult.TAKEN:
                span.failed(outcome.result.value)
        self._told(outcome.result.value)
        return outcome

    async def _note(self, notice: PushNotice, outcome: PushOutcome) -> None:
        name = notice.subscription_id
        if outcome.result is PushResult.LATER:
            failures = notice.attempts + 1
            wait = self._limits.backoff.wait(failures, self._jitter())
            wait = max(wait, min(outcome.retry_after or 0.0, self._limits.give_up))
            until = self._now() + timedelta(seconds=wait)
            await self._notices.again(replace(notice, attempts=failures, next_at=until))
            log.info("a push is put off", subscription=name, detail=outcome.detail)
            return
        if outcome.result is PushResult.GONE:
            log.info("a device is gone", subscription=name)
        elif outcome.result is PushResult.REFUSED:
            log.warning("a push was refused", subscription=name, detail=outcome.detail)
        await self._notices.done(notice)


def _is_wanted(device: PushSubscription, notice: PushNotice) -> bool:
    """Say whether the device is that user's still, and wants this conversation."""
    return device.user_id == notice.user_id and device.preferences.wants(notice.conversation_id)


def _quiet_until(device: PushSubscription, at: datetime) -> datetime | None:
    quiet = device.preferences.quiet
    try:
        return None if quiet is None else quiet.end_after(at)
    except InvalidInput:  # it was known when it was set, perhaps on another machine
        log.warning("a time zone is not known here", subscription=device.id)
        return None
