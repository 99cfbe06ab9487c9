"""Turns new messages into notices for the devices of those who may read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Event, MessageAdded
from chat4all.domain.ids import UserId
from chat4all.domain.messages import IMPORTED
from chat4all.domain.push import PushNotice, PushSubscription
from chat4all.ports.directory import Directory
from chat4all.ports.event_log import EventLog, LogRecord
from chat4all.services.clock import Clock, utc_now
from chat4all.services.event_batches import concerned_by, each_batch
from chat4all.services.notify import audience
from chat4all.services.people import People
from chat4all.services.push_news import LINGER, AreConnected
from chat4all.services.records import decode_event

log = structlog.get_logger(__name__)

GROUP = "push"
WAITS = "messages wait to be pushed"


class PushFeed:
    """Consumes the events in a group; a place is committed once the notices are kept.

    A message that comes again takes its own place, or is older than what stands there.
    `kept` is called when there may be something new to push.
    """

    def __init__(
        self,
        event_log: EventLog,
        directory: Directory,
        people: People,
        connected: AreConnected,
        *,
        now: Clock = utc_now,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._log = event_log
        self._subscriptions = directory.push_subscriptions
        self._notices = directory.push_notices
        self._people = people
        self._connected = connected
        self._now = now
        self._kept = kept

    async def run(self) -> None:
        """Work until cancelled."""
        wanted = self._subscriptions.any_kept
        await each_batch(self._log, GROUP, self._keep, wanted=wanted, waits=WAITS)

    async def _keep(self, records: Sequence[LogRecord]) -> None:
        told = []
        for record in records:
            event = _event(record)
            if event is None:
                continue
            concerned = await concerned_by(event, self._people)
            if isinstance(event, MessageAdded) and event.message.channel != IMPORTED:
                others = [one for one in concerned if one != event.message.sender]
                told.append((record, event, audience(event, others)))
        devices: defaultdict[UserId, list[PushSubscription]] = defaultdict(list)
        everybody = {user for *_, users in told for user in users}
        for one in await self._subscriptions.of_users(everybody):
            devices[one.user_id].append(one)
        notices = [
            self._notice(device, event, record)
            for record, event, users in told
            for user in users
            for device in devices.get(user, ())
            if device.preferences.wants(event.conversation_id)
        ]
        if notices:
            await self._add(notices)
            self._kept()

    async def _add(self, notices: Sequence[PushNotice]) -> None:
        """Have notices looked at now, or for whoever is connected when that is sure to be so."""
        here = set(await self._connected({one.user_id for one in notices}))
        now = self._now()
        away = [one for one in notices if one.user_id not in here]
        await self._notices.add(away, at=now)
        rest = [one for one in notices if one.user_id in here]
        await self._notices.add(rest, at=now + timedelta(seconds=LINGER))

    def _notice(
        self, device: PushSubscription, event: MessageAdded, record: LogRecord
    ) -> PushNotice:
        return PushNotice(
            subscription_id=device.id,
            user_id=device.user_id,
            conversation_id=event.conversation_id,
            message_id=event.message.message_id,
            seq=event.message.seq,
            trace=record.trace,
            created_at=self._now(),
        )


def _event(record: LogRecord) -> Event | None:
    try:
        return decode_event(record.value)
    except UnreadableRecord as error:
        log.warning("an event that cannot be read is pushed to nobody", reason=str(error))
        return None
