"""Events on their way to endpoints, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, delete, exists, func, insert, or_, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.tables import webhook_deliveries, webhook_endpoints
from chat4all.adapters.sql.transactions import Statements
from chat4all.adapters.sql.webhook_endpoints import ENABLED
from chat4all.domain.ids import DeliveryId, EndpointId
from chat4all.domain.webhooks import Attempt, Delivery, DeliveryState

PENDING = DeliveryState.PENDING.value
_c = webhook_deliveries.c
_e = webhook_endpoints.c


class SqlWebhookDeliveries:
    """`WebhookDeliveries` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, deliveries: Sequence[Delivery], *, at: datetime) -> int:
        """See `WebhookDeliveries.add`."""
        ordered = sorted(deliveries, key=lambda one: (one.endpoint_id, one.lane, one.place, one.id))

        async def work(connection: Statements) -> int:
            new = 0
            for endpoint, theirs in groupby(ordered, key=lambda one: one.endpoint_id):
                new += await _add(connection, endpoint, list(theirs), at)
            return new

        return await self._database.write(work) if deliveries else 0

    async def due(
        self, at: datetime, *, limit: int, without: Collection[EndpointId] = ()
    ) -> Sequence[Delivery]:
        """See `WebhookDeliveries.due`."""
        wakes = or_(_e.resting_until.is_(None), _e.resting_until <= at)
        # No join: SQLite would begin with the endpoints, and read all that they ever had.
        takes = exists().where(_e.id == _c.endpoint_id, _e.disabled == ENABLED, wakes)
        query = (
            select(webhook_deliveries)
            .where(_c.next_at <= at, takes)
            .order_by(_c.next_at, _c.id)
            .limit(limit)
        )
        if without:
            query = query.where(_c.endpoint_id.not_in(list(without)))

        async def work(connection: Statements) -> Sequence[Delivery]:
            return [_delivery(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def attempted(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """See `WebhookDeliveries.attempted`."""
        change = update(webhook_deliveries).where(_c.id == delivery.id).values(_row(delivery))
        lane = delivery.endpoint_id, delivery.lane

        async def work(connection: Statements) -> Delivery | None:
            await connection.execute(change)
            first = await _settle(connection, lane, at)
            if first is None:
                return None
            if first.id != delivery.id and delivery.next_at is not None:  # it was overtaken
                await connection.execute(_timeless(_c.id == delivery.id))
            return first if first.next_at is not None and first.next_at <= at else None

        return await self._database.write(work)

    async def page(
        self, endpoint: EndpointId, *, before: DeliveryId | None = None, limit: int
    ) -> Sequence[Delivery]:
        """See `WebhookDeliveries.page`."""
        query = select(webhook_deliveries).where(_c.endpoint_id == endpoint)
        if before is not None:
            query = query.where(_c.id < before)
        query = query.order_by(_c.id.desc()).limit(limit)

        async def work(connection: Statements) -> Sequence[Delivery]:
            return [_delivery(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def replay(
        self,
        endpoint: EndpointId,
        *,
        events: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        at: datetime,
        limit: int,
    ) -> int:
        """See `WebhookDeliveries.replay`."""
        meant = [_c.endpoint_id == endpoint, *_within(events, since, until)]

        async def work(connection: Statements) -> int:
            query = select(_c.lane).where(*meant).limit(limit + 1)
            lanes = [row.lane for row in await connection.execute(query)]
            if len(lanes) <= limit:
                again = {"state": PENDING, "next_at": None, "first_at": None}
                await connection.execute(update(webhook_deliveries).where(*meant).values(again))
                for lane in sorted(set(lanes)):
                    first = await _settle(connection, (endpoint, lane), at)
                    others = () if first is None else (_c.id != first.id,)
                    overtaken = *_pending((endpoint, lane)), _c.next_at.is_not(None), *others
                    await connection.execute(_timeless(*overtaken))
            return len(lanes)

        return await self._database.write(work)

    async def crowded(self, limit: int) -> Sequence[EndpointId]:
        """See `WebhookDeliveries.crowded`."""
        query = (
            select(_c.endpoint_id)
            .join(webhook_endpoints, _e.id == _c.endpoint_id)
            .where(_c.state == PENDING, _e.disabled == ENABLED)
            .group_by(_c.endpoint_id)
            .having(func.count() > limit)
        )

        async def work(connection: Statements) -> Sequence[EndpointId]:
            return [EndpointId(row.endpoint_id) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def forget(self, before: datetime) -> int:
        """See `WebhookDeliveries.forget`."""
        old = _c.created_at < before
        lanes = select(_c.endpoint_id, _c.lane).where(old, _c.state == PENDING).distinct()

        async def work(connection: Statements) -> int:
            freed = {(row.endpoint_id, row.lane) for row in await connection.execute(lanes)}
            gone = (await connection.execute(delete(webhook_deliveries).where(old))).rowcount
            for lane in sorted(freed):
                await _settle(connection, lane, before)
            return gone

        return await self._database.write(work)


async def _add(
    connection: Statements, endpoint: EndpointId, deliveries: Sequence[Delivery], at: datetime
) -> int:
    """Keep what is new for one endpoint; `deliveries` are by lane, and by place in it."""
    if not (await connection.execute(select(_e.id).where(_e.id == endpoint))).all():
        return 0
    mine = _c.endpoint_id == endpoint
    asked = [one.event_id for one in deliveries]
    found = await rows_in(connection, select(_c.event_id).where(mine), _c.event_id, asked)
    known = {row.event_id for row in found}
    new: dict[str, Delivery] = {}
    first: dict[str, Delivery] = {}
    for one in deliveries:
        if one.event_id not in known and new.setdefault(one.event_id, one) is one:
            first.setdefault(one.lane, one)
    waiting = select(_c.lane, func.min(_c.place).label("place")).where(mine, _c.state == PENDING)
    rows = await rows_in(connection, waiting.group_by(_c.lane), _c.lane, first)
    ahead = {row.lane: row.place for row in rows}
    due = {k: one for k, one in first.items() if k not in ahead or one.place < ahead[k]}
    values = [
        {"id": one.id, **_row(one), "next_at": at if due.get(one.lane) is one else None}
        for one in new.values()
    ]
    for lane in sorted(due.keys() & ahead.keys()):
        overtaken = *_pending((endpoint, lane)), _c.place == ahead[lane]
        await connection.execute(_timeless(*overtaken))
    if values:
        await connection.execute(insert(webhook_deliveries), values)
    return len(values)


def _pending(lane: tuple[str, str]) -> tuple[ColumnElement[bool], ...]:
    return _c.endpoint_id == lane[0], _c.lane == lane[1], _c.state == PENDING


def _timeless(*which: ColumnElement[bool]) -> Update:
    return update(webhook_deliveries).where(*which).values(next_at=None)


async def _settle(connection: Statements, lane: tuple[str, str], at: datetime) -> Delivery | None:
    """Return the first pending one of a lane, having given it a time unless it has one.

    It looks at no other one, for many may wait.
    """
    pending = select(webhook_deliveries).where(*_pending(lane))
    query = pending.order_by(_c.place, _c.id).limit(1)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    if row.next_at is None:
        change = update(webhook_deliveries).where(_c.id == row.id).values(next_at=at)
        await connection.execute(change)
    return replace(_delivery(row), next_at=row.next_at or at)


def _within(
    events: Collection[str] | None, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if events is not None:
        found.append(_c.event_id.in_(list(events)))
    if since is not None:
        found.append(_c.created_at >= since)
    if until is not None:
        found.append(_c.created_at < until)
    return found


def _row(one: Delivery) -> dict[str, Any]:
    return {
        "endpoint_id": one.endpoint_id,
        "event_id": one.event_id,
        "type": one.type,
        "lane": one.lane,
        "place": one.place,
        "body": one.body,
        "trace": one.trace,
        "state": one.state.value,
        "attempts": one.attempts,
        "tries": [
            {
                "at": each.at.isoformat(),
                "seconds": each.seconds,
                "status": each.status,
                "error": each.error,
                "answer": each.answer,
            }
            for each in one.tries
        ],
        "first_at": one.first_at,
        "next_at": one.next_at,
        "created_at": one.created_at,
    }


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        type=row.type,
        lane=row.lane,
        place=row.place,
        body=row.body,
        trace=row.trace,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        tries=tuple(
            Attempt(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in row.tries
        ),
        first_at=row.first_at,
        next_at=row.next_at,
        created_at=row.created_at,
    )
