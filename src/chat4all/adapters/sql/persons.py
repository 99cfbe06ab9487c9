"""Which contacts are one person, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from chat4all.adapters.sql.database import rows_in
from chat4all.adapters.sql.tables import users
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import UserId

Person = Sequence[UserId]
"""All ids of one person, the kept one first."""


async def persons(connection: Statements, wanted: Collection[UserId]) -> Mapping[UserId, Person]:
    """Return for each user all who are one person with them; themselves alone as the rule."""
    merged = select(users.c.id, users.c.merged_into).where(users.c.merged_into.is_not(None))
    rows = await rows_in(connection, merged, users.c.id, wanted)
    kept: dict[UserId, UserId] = {row.id: row.merged_into for row in rows}
    roots = {kept.get(user, user) for user in wanted}
    others: dict[UserId, list[UserId]] = {}
    for row in await rows_in(connection, merged, users.c.merged_into, roots):
        others.setdefault(row.merged_into, []).append(row.id)
    people = {root: [root, *sorted(others.get(root, ()))] for root in roots}
    return {user: people[kept.get(user, user)] for user in wanted}
