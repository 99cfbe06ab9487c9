"""The devices that take pushes, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import time
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.tables import push_notices, push_subscriptions
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import ConversationId, SubscriptionId, UserId
from chat4all.domain.push import PushKind, PushPreferences, PushSubscription, QuietHours

_c = push_subscriptions.c


class SqlPushSubscriptions:
    """`PushSubscriptions` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, subscription: PushSubscription) -> None:
        """See `PushSubscriptions.put`."""
        row = _row(subscription)
        mine = _c.id == subscription.id
        waiting = push_notices.c.subscription_id == subscription.id

        async def work(connection: Statements) -> None:
            kept = (await connection.execute(select(_c.user_id).where(mine))).first()
            if kept is None:
                await connection.execute(
                    insert(push_subscriptions).values(id=subscription.id, **row)
                )
                return
            if kept.user_id != subscription.user_id:
                await connection.execute(delete(push_notices).where(waiting))
            await connection.execute(update(push_subscriptions).where(mine).values(row))

        await self._database.write(work)

    async def get(self, subscription: SubscriptionId) -> PushSubscription | None:
        """See `PushSubscriptions.get`."""
        found = await self._found(select(push_subscriptions).where(_c.id == subscription))
        return found[0] if found else None

    async def of_users(self, users: Collection[UserId]) -> Sequence[PushSubscription]:
        """See `PushSubscriptions.of_users`."""
        query = select(push_subscriptions)

        async def work(connection: Statements) -> Sequence[PushSubscription]:
            found = [
                _subscription(row) for row in await rows_in(connection, query, _c.user_id, users)
            ]
            return sorted(found, key=lambda one: (one.created_at, one.id))

        return await self._database.read(work)

    async def any_kept(self) -> bool:
        """See `PushSubscriptions.any_kept`."""
        return bool(await self._found(select(push_subscriptions).limit(1)))

    async def remove(self, subscription: SubscriptionId) -> None:
        """See `PushSubscriptions.remove`."""
        gone = delete(push_subscriptions).where(_c.id == subscription)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)

    async def _found(self, query: Select[Any]) -> Sequence[PushSubscription]:
        async def work(connection: Statements) -> Sequence[PushSubscription]:
            return [_subscription(row) for row in await connection.execute(query)]

        return await self._database.read(work)


def _row(subscription: PushSubscription) -> dict[str, Any]:
    wishes = subscription.preferences
    quiet = wishes.quiet and {
        "start": wishes.quiet.start.isoformat(),
        "end": wishes.quiet.end.isoformat(),
        "zone": wishes.quiet.zone,
    }
    return {
        "user_id": subscription.user_id,
        "kind": subscription.kind.value,
        "endpoint": subscription.endpoint,
        "keys": dict(subscription.keys),
        "device": subscription.device,
        "preferences": {
            "muted": list(wishes.muted),
            "only": None if wishes.only is None else list(wishes.only),
            "show_content": wishes.show_content,
            "quiet": quiet,
        },
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
        "registered_at": subscription.registered_at,
    }


def _subscription(row: Row[Any]) -> PushSubscription:
    return PushSubscription(
        id=SubscriptionId(row.id),
        user_id=UserId(row.user_id),
        kind=PushKind(row.kind),
        endpoint=row.endpoint,
        keys=row.keys,
        device=row.device,
        preferences=_preferences(row.preferences),
        created_at=row.created_at,
        updated_at=row.updated_at,
        registered_at=row.registered_at or row.updated_at,  # before 0011 it was not kept
    )


def _preferences(kept: dict[str, Any]) -> PushPreferences:
    only, quiet = kept["only"], kept["quiet"]
    return PushPreferences(
        muted=tuple(map(ConversationId, kept["muted"])),
        only=None if only is None else tuple(map(ConversationId, only)),
        show_content=kept["show_content"],
        quiet=None
        if quiet is None
        else QuietHours(
            start=time.fromisoformat(quiet["start"]),
            end=time.fromisoformat(quiet["end"]),
            zone=quiet["zone"],
        ),
    )
