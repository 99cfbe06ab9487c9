"""Bring the tables of a database to what this program knows."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chat4all.adapters.sql.tables import HEAD, metadata, version_metadata, versions
from chat4all.domain.errors import StorageCorrupt


async def prepare(connection: AsyncConnection) -> None:
    """Make the tables, or upgrade them, within the caller's transaction.

    Raises `SchemaTooNew` for a revision that this program does not know, and
    `StorageCorrupt` for tables that say no revision.
    """
    stored = await connection.run_sync(_stored)
    if stored is None:
        await connection.run_sync(_create)
    elif stored != HEAD:
        # Only now: importing Alembic takes longer than the rest of the start.
        from chat4all.adapters.sql.migrations import upgrade  # noqa: PLC0415

        await connection.run_sync(upgrade, stored)


def _stored(connection: Connection) -> str | None:
    present = set(inspect(connection).get_table_names())
    if versions.name not in present:
        if present & set(metadata.tables):
            raise StorageCorrupt(
                "the directory has tables but no revision: "
                "see docs/howto/recover-a-corrupt-database.md"
            )
        return None
    return connection.execute(select(versions.c.version_num)).scalar_one_or_none()


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    version_metadata.create_all(connection)
    connection.execute(insert(versions).values(version_num=HEAD))
