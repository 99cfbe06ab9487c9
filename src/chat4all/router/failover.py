"""When the next channel of a list is tried, and how that is told in the status history.

What was tried stands in the statuses: an attempt on a further channel begins with ACCEPTED
for it, whose note says why. That command is what the task follows from, so a replay begins
nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.commands import ReportStatus
from chat4all.domain.events import StatusChanged
from chat4all.domain.failover import (
    NOT_SENT_IN_TIME,
    SUPERSEDED,
    Deadlines,
    FailoverPlan,
    Instead,
)
from chat4all.domain.ids import UserId
from chat4all.domain.messages import APP, Message
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.failovers import Failovers
from chat4all.ports.message_store import MessageData
from chat4all.services.clock import Clock, utc_now

DELIVER_WITHIN = 900.0
"""Seconds that a channel with delivery receipts has when the sender did not say."""
KEPT = timedelta(days=1)
"""How long a plan is kept for each channel of it."""
STAYS = frozenset({"deleted", SUPERSEDED})
"""Codes of failures after which no other channel is tried."""
_APP = Capabilities(payloads=frozenset(), max_text=0, delivery_receipts=True, read_receipts=True)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about a plan now, and when to look again if that has been done."""

    report: ReportStatus | None
    due_at: datetime | None


class Failover:
    """Decides about channels that are left to try."""

    def __init__(
        self,
        plans: Failovers,
        store: MessageData,
        capabilities: Mapping[str, Capabilities],
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._clock = clock
        self._plans = plans
        self._store = store
        self._capabilities = capabilities

    async def begin(
        self, message: Message, user: UserId, order: Sequence[str], deadlines: Deadlines | None
    ) -> None:
        """Keep what can be tried for one recipient; one channel leaves nothing to try.

        The first attempt begins now, by the clock of those who watch the deadlines: that of
        the gateway, whose time the message bears, may be minutes off.
        """
        if len(order) < 2:  # noqa: PLR2004 - a first and another one
            return
        plan = FailoverPlan(
            message_id=message.message_id,
            user_id=user,
            conversation_id=message.conversation_id,
            channels=tuple(order),
            deadlines=deadlines or Deadlines(),
            expires_at=self._clock() + KEPT * len(order),
        )
        limits = self._limits(plan, order[0], Status.ACCEPTED)
        due_at = min((_began(plan) + one for one, _ in limits), default=None)
        await self._plans.put(replace(plan, due_at=due_at))

    async def after_failure(self, event: StatusChanged) -> ReportStatus | None:
        """Return the start on the next channel after one has failed for good."""
        entry = event.entry
        error = entry.error
        if entry.status is not Status.FAILED or error is None or error.code in STAYS:
            return None
        plan = await self._plans.get(entry.message_id, entry.user_id)
        if plan is None or entry.channel not in plan.channels:
            return None
        latest = await self._latest(plan)
        if any(one.status >= _goal(plan) for one in latest.values()):
            return None
        place = plan.channels.index(entry.channel)
        if place != _place(plan, latest):
            return None
        step = self._start(plan, place + 1, at=entry.at, instead=Instead(entry.channel, error.code))
        await self._plans.put(replace(plan, due_at=step.due_at))
        return step.report

    async def started(self, entry: StatusEntry) -> Status | None:
        """Say whether `entry` is the start on a further channel.

        Then return the status by another channel with which it is not needed any more.
        """
        if entry.status is not Status.ACCEPTED or entry.note is None:
            return None
        plan = await self._plans.get(entry.message_id, entry.user_id)
        if plan is None or entry.channel not in plan.channels[1:]:
            return None
        return _goal(plan)

    async def judge(self, plan: FailoverPlan, now: datetime) -> Step:
        """Return what `plan` asks for at `now`."""
        kept = (await self._store.find([plan.message_id])).get(plan.message_id)
        if kept is None or kept.message.deleted_at is not None:
            return Step(None, None)
        latest = await self._latest(plan)
        place = _place(plan, latest)
        channel = plan.channels[place]
        current = latest.get(channel)
        status = current.status if current else Status.ACCEPTED
        if channel == APP:
            status = await self._in_app(kept.message, plan.user_id)
        if status is Status.FAILED or place + 1 == len(plan.channels):
            return Step(None, None)
        best = max([status, *(one.status for one in latest.values())])
        started = await self._started(plan, place)
        limits = [(started + one, why) for one, why in self._limits(plan, channel, best)]
        if not limits:
            return Step(None, None)
        due_at, why = min(limits)
        if now < due_at:
            return Step(None, due_at)
        if status < Status.SENT:
            return Step(_given_up(plan, current, channel, why, now), None)
        return self._start(plan, place + 1, at=now, instead=Instead(channel, why))

    def _start(self, plan: FailoverPlan, place: int, *, at: datetime, instead: Instead) -> Step:
        if place >= len(plan.channels):
            return Step(None, None)
        channel = plan.channels[place]
        limits = self._limits(plan, channel, Status.ACCEPTED)
        has_next = place + 1 < len(plan.channels)
        due_at = min((at + one for one, _ in limits), default=None) if has_next else None
        report = ReportStatus(
            conversation_id=plan.conversation_id,
            entry=StatusEntry(
                message_id=plan.message_id,
                conversation_id=plan.conversation_id,
                user_id=plan.user_id,
                channel=channel,
                status=Status.ACCEPTED,
                at=at,
                note=instead.note,
            ),
        )
        return Step(report, due_at)

    def _limits(
        self, plan: FailoverPlan, channel: str, reached: Status
    ) -> list[tuple[timedelta, str]]:
        """Return the deadlines that an attempt on `channel` has still to meet.

        Only what the channel can tell is waited for: without receipts, to be sent is all.
        """
        can = _APP if channel == APP else self._capabilities.get(channel)
        if can is None:
            return []
        wanted = plan.deadlines
        deliver = wanted.deliver_within
        if deliver is None and can.delivery_receipts and channel != APP:
            deliver = DELIVER_WITHIN
        goal = Status.DELIVERED if can.delivery_receipts else Status.SENT
        limits = []
        if deliver is not None and reached < goal:
            limits.append((timedelta(seconds=deliver), f"not delivered within {deliver:g} s"))
        if wanted.read_within is not None and can.read_receipts and reached < Status.READ:
            read = wanted.read_within
            limits.append((timedelta(seconds=read), f"not read within {read:g} s"))
        return limits

    async def _latest(self, plan: FailoverPlan) -> dict[str, StatusEntry]:
        """Return the last entry of each channel that was tried."""
        entries = await self._store.statuses([plan.message_id])
        return {one.channel: one for one in entries if one.user_id == plan.user_id}

    async def _started(self, plan: FailoverPlan, place: int) -> datetime:
        if place == 0:
            return _began(plan)
        channel = plan.channels[place]
        return next(
            one.at
            for one in await self._store.statuses([plan.message_id])
            if (one.user_id, one.channel) == (plan.user_id, channel)
        )

    async def _in_app(self, message: Message, user: UserId) -> Status:
        place = (message.conversation_id, user)
        cursor = (await self._store.cursors([place])).get(place)
        if cursor is None or cursor.last_delivered_seq < message.seq:
            return Status.SENT
        return Status.READ if cursor.last_read_seq >= message.seq else Status.DELIVERED


def _began(plan: FailoverPlan) -> datetime:
    return plan.expires_at - KEPT * len(plan.channels)


def _goal(plan: FailoverPlan) -> Status:
    """Return the status with which a message has arrived as its sender wants."""
    return Status.DELIVERED if plan.deadlines.read_within is None else Status.READ


def _place(plan: FailoverPlan, tried: Mapping[str, object]) -> int:
    """Return the place of the channel that is being tried: the furthest one begun."""
    return max((at for at, channel in enumerate(plan.channels) if channel in tried), default=0)


def _given_up(
    plan: FailoverPlan, current: StatusEntry | None, channel: str, why: str, now: datetime
) -> ReportStatus:
    """Return the end of an attempt that the platform has not taken: it will not be sent."""
    entry = StatusEntry(
        message_id=plan.message_id,
        conversation_id=plan.conversation_id,
        user_id=plan.user_id,
        channel=channel,
        status=Status.FAILED,
        at=now,
        account_id=current.account_id if current else None,
        address=current.address if current else None,
        error=Failure(code=NOT_SENT_IN_TIME, text=why),
    )
    return ReportStatus(conversation_id=plan.conversation_id, entry=entry)
