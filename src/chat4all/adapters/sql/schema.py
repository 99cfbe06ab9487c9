"""Bring the tables of a database to what this program knows."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.schema import CreateIndex, CreateTable

from chat4all.adapters.sql.tables import HEAD, keys, metadata, versions
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.errors import StorageCorrupt


async def prepare(connection: Statements) -> None:
    """Make the tables, or upgrade them, within the caller's transaction.

    Raises `SchemaTooNew` for a revision that this program does not know, and
    `StorageCorrupt` for tables that say no revision.
    """
    await connection.run_sync(complete)


def is_current(connection: Connection) -> bool:
    """Say whether the tables are as this program knows them."""
    return _stored(connection, _present(connection)) == HEAD


def complete(connection: Connection, *, unfinished: bool = False) -> None:
    """Make the tables, or upgrade them; tables without a revision are ours when `unfinished`."""
    present = _present(connection)
    stored = _stored(connection, present)
    if stored is None:
        if versions.name not in present and present & OURS and not unfinished:
            raise StorageCorrupt(
                "the directory has tables but no revision: "
                "see docs/howto/recover-a-corrupt-database.md"
            )
        _create(connection)
    elif stored != HEAD:
        # Only now: importing Alembic takes longer than the rest of the start.
        from chat4all.adapters.sql.migrations import upgrade  # noqa: PLC0415

        upgrade(connection, stored)


OURS = frozenset(metadata.tables) - {keys.name}
"""All but the table that `preparing` makes first."""


def _present(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def _stored(connection: Connection, present: set[str]) -> str | None:
    if versions.name not in present:
        return None
    return connection.execute(select(versions.c.version_num)).scalar_one_or_none()


def _create(connection: Connection) -> None:
    for table in (*metadata.sorted_tables, versions):
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))
    connection.execute(insert(versions).values(version_num=HEAD))
