"""Turns what happens into deliveries to the endpoints of those who may know of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from chat4all.domain.errors import Unavailable, UnreadableRecord
from chat4all.domain.events import (
    CursorMoved,
    Event,
    MessageAdded,
    MessageEdited,
)
from chat4all.domain.ids import DeliveryId, UserId, derived_id, new_id
from chat4all.domain.status import Status
from chat4all.domain.webhooks import TYPE_PREFIX, Delivery, Endpoint, place_of
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import EVENTS, EventLog, LogRecord, Record
from chat4all.services.clock import Clock, utc_now
from chat4all.services.cloud_events import cloud_event
from chat4all.services.covering import Covering
from chat4all.services.dead_letters import dead_letter
from chat4all.services.event_batches import concerned_by, each_batch
from chat4all.services.notify import Statuses, frames_of
from chat4all.services.people import People
from chat4all.services.records import decode_event
from chat4all.services.views import Covered

log = structlog.get_logger(__name__)

GROUP = "webhooks"
WAITS = "events wait to become deliveries"
SKEW = timedelta(seconds=5)
"""By how much the clocks of two machines may differ: an endpoint that was just made may be
told of what happened just before."""


class WebhookFeed:
    """Consumes the events in a group; a place is committed once the deliveries are kept.

    An event that comes again makes no second delivery: its id follows from its place. One
    of which no delivery can be made is parked among the dead letters. `kept` is called when
    there is something new to send.
    """

    def __init__(
        self,
        event_log: EventLog,
        directory: Directory,
        people: People,
        covering: Covering,
        statuses: Statuses,
        *,
        source: str,
        now: Clock = utc_now,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._log = event_log
        self._endpoints = directory.endpoints
        self._deliveries = directory.deliveries
        self._people = people
        self._covering = covering
        self._statuses = statuses
        self._source = source
        self._now = now
        self._kept = kept

    async def run(self) -> None:
        """Work until cancelled."""
        wanted = self._endpoints.any_enabled
        await each_batch(self._log, GROUP, self._keep, wanted=wanted, waits=WAITS)

    async def _keep(self, records: Sequence[LogRecord]) -> None:
        events, letters = _read(records)
        concerned = [
            (record, event, await concerned_by(event, self._people)) for record, event in events
        ]
        owners = {user for _, _, users in concerned for user in users}
        listening: defaultdict[UserId, list[Endpoint]] = defaultdict(list)
        for endpoint in await self._endpoints.enabled_of(owners):
            listening[endpoint.owner_id].append(endpoint)
        kept: list[Delivery] = []
        for record, event, users in concerned:
            theirs = {user: listening[user] for user in users if user in listening}
            if not theirs:
                continue
            try:
                kept += await self._deliveries_of(event, record, theirs)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - one event must not silence the rest
                letters.append(_parked(record, error))
        if await self._deliveries.add(kept, at=self._now()):
            self._kept()
        if letters:
            await self._log.append(letters)

    async def _deliveries_of(
        self, event: Event, record: LogRecord, listening: Mapping[UserId, Sequence[Endpoint]]
    ) -> list[Delivery]:
        covered: Sequence[Covered] = ()
        if isinstance(event, CursorMoved):
            covered = await self._covering.by(event.before, event.after)
        status = await self._status(event)
        made = []
        for viewer, endpoints in listening.items():
            frames = frames_of(event, covered, viewer=viewer, status=status)
            for endpoint in endpoints:
                if endpoint.created_at <= record.appended_at + SKEW:
                    made += [
                        self._delivery(endpoint, event, index, frame, record)
                        for index, frame in enumerate(frames)
                        if endpoint.wants(str(frame["type"]))
                    ]
        return made

    async def _status(self, event: Event) -> Status:
        if isinstance(event, MessageAdded):
            return await self._statuses.at_first(event.message)
        if isinstance(event, MessageEdited):
            known = await self._statuses.now([event.message])
            return known.get(event.message.message_id, Status.SENT)
        return Status.SENT

    def _delivery(
        self,
        endpoint: Endpoint,
        event: Event,
        index: int,
        frame: Mapping[str, Any],
        record: LogRecord,
    ) -> Delivery:
        kind, place = str(frame["type"]), event.position
        # By what it tells and not by `index`: how much one viewer is told may change.
        told = str(frame.get("message_id", ""))
        event_id = derived_id("event", str(place.partition), str(place.offset), kind, told)
        body = cloud_event(
            event_id,
            kind,
            frame,
            source=self._source,
            subject=event.conversation_id,
            at=record.appended_at,
        )
        return Delivery(
            id=DeliveryId(new_id()),
            endpoint_id=endpoint.id,
            event_id=event_id,
            type=TYPE_PREFIX + kind,
            lane=event.conversation_id if endpoint.ordered else event_id,
            place=place_of(place, index),
            body=body,
            trace=record.trace,
            created_at=self._now(),
        )


def _read(records: Sequence[LogRecord]) -> tuple[list[tuple[LogRecord, Event]], list[Record]]:
    """Return the events, and the letters of those that cannot be read."""
    events: list[tuple[LogRecord, Event]] = []
    letters: list[Record] = []
    for record in records:
        try:
            events.append((record, decode_event(record.value)))
        except UnreadableRecord as error:
            letters.append(_parked(record, error))
    return events, letters


def _parked(record: LogRecord, error: Exception) -> Record:
    """Return the letter of an event of which no delivery could be made."""
    log.error("event parked", position=record.position, exc_info=error)
    return dead_letter(EVENTS, record.key, record.value, error)
