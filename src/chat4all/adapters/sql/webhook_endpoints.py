"""The endpoints of outgoing webhooks in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.tables import webhook_endpoints
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import EndpointId, UserId
from chat4all.domain.webhooks import Disabled, Endpoint, Secret

ENABLED = ""
_c = webhook_endpoints.c


class SqlWebhookEndpoints:
    """`WebhookEndpoints` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, endpoint: Endpoint) -> None:
        """See `WebhookEndpoints.put`."""
        row = _row(endpoint)
        change = update(webhook_endpoints).where(_c.id == endpoint.id).values(row)

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                await connection.execute(insert(webhook_endpoints).values(id=endpoint.id, **row))

        await self._database.write(work)

    async def fares(
        self,
        endpoint: EndpointId,
        *,
        failing_since: datetime | None,
        resting_until: datetime | None,
    ) -> None:
        """See `WebhookEndpoints.fares`."""
        change = (
            update(webhook_endpoints)
            .where(_c.id == endpoint)
            .values(failing_since=failing_since, resting_until=resting_until)
        )

        async def work(connection: Statements) -> None:
            await connection.execute(change)

        await self._database.write(work)

    async def get(self, endpoint: EndpointId) -> Endpoint | None:
        """See `WebhookEndpoints.get`."""
        found = await self._found(select(webhook_endpoints).where(_c.id == endpoint))
        return found[0] if found else None

    async def of_owner(self, owner: UserId) -> Sequence[Endpoint]:
        """See `WebhookEndpoints.of_owner`."""
        query = select(webhook_endpoints).where(_c.owner_id == owner)
        return await self._found(query.order_by(_c.id))

    async def enabled_of(self, owners: Collection[UserId]) -> Sequence[Endpoint]:
        """See `WebhookEndpoints.enabled_of`."""
        query = select(webhook_endpoints).where(_c.disabled == ENABLED)

        async def work(connection: Statements) -> Sequence[Endpoint]:
            return [_endpoint(row) for row in await rows_in(connection, query, _c.owner_id, owners)]

        return await self._database.read(work)

    async def any_enabled(self) -> bool:
        """See `WebhookEndpoints.any_enabled`."""
        query = select(webhook_endpoints).where(_c.disabled == ENABLED).limit(1)
        return bool(await self._found(query))

    async def remove(self, endpoint: EndpointId) -> None:
        """See `WebhookEndpoints.remove`."""
        gone = delete(webhook_endpoints).where(_c.id == endpoint)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)

    async def _found(self, query: Select[Any]) -> Sequence[Endpoint]:
        async def work(connection: Statements) -> Sequence[Endpoint]:
            return [_endpoint(row) for row in await connection.execute(query)]

        return await self._database.read(work)


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "owner_id": endpoint.owner_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "ordered": endpoint.ordered,
        "secrets": [
            {"value": one.value, "until": one.until and one.until.isoformat()}
            for one in endpoint.secrets
        ],
        "disabled": endpoint.disabled or ENABLED,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        owner_id=row.owner_id,
        url=row.url,
        description=row.description,
        events=tuple(row.events),
        ordered=row.ordered,
        secrets=tuple(
            Secret(value=one["value"], until=one["until"] and datetime.fromisoformat(one["until"]))
            for one in row.secrets
        ),
        disabled=Disabled(row.disabled) if row.disabled else None,
        failing_since=row.failing_since,
        resting_until=row.resting_until,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
