"""Delivers events to endpoints: in order, again and again for days, and to many at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from chat4all.domain.errors import Chat4AllError
from chat4all.domain.ids import EndpointId
from chat4all.domain.webhook_signature import signed_headers
from chat4all.domain.webhooks import (
    SWITCHED_OFF,
    Attempt,
    Delivery,
    DeliveryState,
    Disabled,
    Endpoint,
)
from chat4all.ports.directory import Directory
from chat4all.ports.tracing import Attributes, Kind, Tracing, Untraced
from chat4all.ports.webhooks import Answer, Post
from chat4all.services.backoff import Backoff
from chat4all.services.clock import Clock, utc_now
from chat4all.services.cloud_events import of_itself
from chat4all.services.crew import Crew, Job

log = structlog.get_logger(__name__)

GONE = 410
TOO_BUSY = (429, 503)
MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
KEPT_TRIES = 5
"""Attempts of one delivery that are shown; of the others only the number is kept."""
LONGEST_REST = 24 * 3_600.0
"""Seconds that a receiver may ask to be left alone for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """How much at a time and for how long; times in seconds."""

    at_a_time: int = 50
    per_endpoint: int = 5
    in_a_row: int = 20
    """Deliveries of one lane, after which others have their turn."""
    backoff: Backoff = field(default_factory=Backoff)
    give_up: float = 4 * 86_400.0
    """After so long one delivery is given up."""
    switch_off: float = 5 * 86_400.0
    """After so long without any success an endpoint is switched off."""
    backlog: int = 100_000
    """Deliveries that may wait for one endpoint."""
    keep: float = 14 * 86_400.0
    """For so long a delivery can be seen and replayed."""
    look: float = 1.0
    tidy: float = 60.0


class WebhookSender:
    """Sends what is due. One process does it at a time: order in a lane depends on it.

    A process that dies between a call and its record repeats the call with the same event
    id. `jitter` returns a number from 0 to 1; `told` hears how each attempt ended: `delivered`,
    `failed` for good, or `again` for one that is repeated.
    """

    def __init__(
        self,
        directory: Directory,
        post: Post,
        *,
        source: str,
        limits: SendingLimits | None = None,
        now: Clock = utc_now,
        jitter: Callable[[], float] = random.random,
        told: Callable[[str], None] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._endpoints = directory.endpoints
        self._deliveries = directory.deliveries
        self._post = post
        self._source = source
        self._limits = limits or SendingLimits()
        self._now = now
        self._jitter = jitter
        self._told = told
        self._tracing = tracing or Untraced()
        self._crew = Crew(
            self._due,
            what="deliveries",
            every=self._limits.look,
            at_a_time=self._limits.at_a_time,
            per_owner=self._limits.per_endpoint,
        )

    async def run(self) -> None:
        """Work until cancelled; what is under way then is cancelled too."""
        tidying = asyncio.create_task(self._keep_tidy())
        try:
            await self._crew.run()
        finally:
            tidying.cancel()
            await asyncio.wait([tidying])

    def wake(self) -> None:
        """Look at once for what is due, rather than soon."""
        self._crew.wake()

    async def _due(self, full: Collection[str]) -> Sequence[Job]:
        busy = [EndpointId(one) for one in full]
        limit = 2 * self._limits.at_a_time
        due = await self._deliveries.due(self._now(), limit=limit, without=busy)
        return [Job(one.endpoint_id, one.lane, partial(self._work, one)) for one in due]

    async def _work(self, delivery: Delivery) -> None:
        following: Delivery | None = delivery
        for _ in range(self._limits.in_a_row):
            if following is None:
                break
            following = await self._attempt(following)

    async def _attempt(self, delivery: Delivery) -> Delivery | None:
        """Post once; return what is due in the same lane afterwards."""
        endpoint = await self._endpoints.get(delivery.endpoint_id)
        began = self._now()
        if endpoint is None or not endpoint.enabled or _rests(endpoint, began):
            return None
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await self._call(endpoint, delivery, began)
        attempt = Attempt(
            at=began,
            seconds=round(loop.time() - started, 3),
            status=answer.status,
            error=answer.error,
            answer=answer.text,
        )
        now = self._now()
        tried = replace(
            delivery,
            attempts=delivery.attempts + 1,
            tries=(*delivery.tries, attempt)[-KEPT_TRIES:],
            first_at=delivery.first_at or began,
        )
        outcome = self._outcome(tried, answer, now)
        following = await self._deliveries.attempted(outcome, at=now)
        self._told(outcome.state.value if outcome.next_at is None else "again")
        await self._note(endpoint, answer, now)
        return following

    async def _call(self, endpoint: Endpoint, delivery: Delivery, at: datetime) -> Answer:
        body = delivery.body.encode()
        headers = {
            "content-type": MEDIA_TYPE,
            "user-agent": "Chat4All-Webhooks/1",
            **signed_headers(endpoint.signing(at), delivery.event_id, body, at),
        }
        about: Attributes = {
            "chat4all.webhook.endpoint": endpoint.id,
            "chat4all.attempt": delivery.attempts + 1,
        }
        with self._tracing.follow(delivery.trace, "post webhook", Kind.CLIENT, about) as span:
            answer = await self._post(endpoint.url, headers, body)
            if answer.status is not None:
                span.note({"http.response.status_code": answer.status})
            if not _succeeded(answer):
                span.failed("no_answer" if answer.status is None else "not_taken")
        return answer

    def _outcome(self, tried: Delivery, answer: Answer, now: datetime) -> Delivery:
        if _succeeded(answer):
            return replace(tried, state=DeliveryState.DELIVERED, next_at=None)
        first = tried.first_at or now
        spent = (now - first).total_seconds()
        if answer.status == GONE or spent >= self._limits.give_up:
            return replace(tried, state=DeliveryState.FAILED, next_at=None)
        wait = max(self._limits.backoff.wait(tried.attempts, self._jitter()), _rest(answer))
        return replace(tried, next_at=now + timedelta(seconds=wait))

    async def _note(self, endpoint: Endpoint, answer: Answer, now: datetime) -> None:
        """Keep how the endpoint fares, and switch it off when that is for good."""
        if _succeeded(answer):
            if endpoint.failing_since or endpoint.resting_until:
                await self._endpoints.fares(endpoint.id, failing_since=None, resting_until=None)
            return
        since = endpoint.failing_since or now
        rest = _rest(answer) if answer.status in TOO_BUSY else 0.0
        until = now + timedelta(seconds=rest) if rest else None
        await self._endpoints.fares(endpoint.id, failing_since=since, resting_until=until)
        if answer.status == GONE:
            await self._switch_off(endpoint.id, Disabled.GONE)
        elif (now - since).total_seconds() >= self._limits.switch_off:
            await self._switch_off(endpoint.id, Disabled.FAILING)

    async def _switch_off(self, name: EndpointId, why: Disabled) -> None:
        endpoint = await self._endpoints.get(name)
        if endpoint is not None and endpoint.enabled:
            log.warning("webhook endpoint switched off", endpoint=name, why=why.value)
            await self._endpoints.put(replace(endpoint, disabled=why, updated_at=self._now()))
            await self._give_notice(endpoint, why)

    async def _give_notice(self, endpoint: Endpoint, why: Disabled) -> None:
        """Tell the other endpoints of the same owner, whatever events they ask for."""
        now = self._now()
        data = {"endpoint_id": endpoint.id, "url": endpoint.url, "reason": why.value}
        others = await self._endpoints.enabled_of([endpoint.owner_id])
        notices = [
            of_itself(one, SWITCHED_OFF, data, source=self._source, at=now)
            for one in others
            if one.id != endpoint.id
        ]
        await self._deliveries.add(notices, at=now)

    async def _keep_tidy(self) -> None:
        while True:
            try:
                old = self._now() - timedelta(seconds=self._limits.keep)
                await self._deliveries.forget(old)
                for name in await self._deliveries.crowded(self._limits.backlog):
                    await self._switch_off(name, Disabled.BACKLOG)
            except Chat4AllError as error:
                log.warning("deliveries are not tidied", detail=str(error))
            await asyncio.sleep(self._limits.tidy)


def _succeeded(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300  # noqa: PLR2004 - RFC 9110


def _rests(endpoint: Endpoint, at: datetime) -> bool:
    return endpoint.resting_until is not None and endpoint.resting_until > at


def _rest(answer: Answer) -> float:
    return min(answer.retry_after or 0.0, LONGEST_REST)
