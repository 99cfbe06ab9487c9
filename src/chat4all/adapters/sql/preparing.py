"""Brings the tables to what this program knows, also when several processes start at once.

SQLite and PostgreSQL do it in one transaction, alone. CockroachDB commits each change of a table
by itself and has no advisory locks: there the process that does it leaves a claim in the database.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.errors import NOT_ALLOWED, sqlstate, translated
from chat4all.adapters.sql.schema import complete, is_current, prepare
from chat4all.adapters.sql.tables import keys
from chat4all.domain.errors import BadSettings, SchemaTooNew, StorageCorrupt, Unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LOCK = 0x63346164  # any number that no other program is likely to use
CLAIM = "schema-change"
"""The name in `global_keys` under which a process says until when it changes the tables."""
CLAIMED_FOR = timedelta(minutes=10)
PATIENCE = 60.0
"""Seconds to wait for another process that changes the tables."""
LOOK = 0.2


async def prepare_directory(database: Database) -> None:
    """Make or upgrade the tables.

    Raises `SchemaTooNew`, `StorageCorrupt`, `BadSettings` (of a server: with what is wrong and
    what to do) or `Unavailable`.
    """
    server = database.server
    if server is None:
        return await database.write(prepare)
    engine = server.engine(patient=True)
    try:
        with translated():
            async with engine.connect() as connection:
                if await connection.run_sync(is_current):
                    return None
            await (by_claim if server.scheme == "cockroachdb" else alone)(engine)
    except SchemaTooNew as error:
        raise SchemaTooNew(f"{server.name}: {error}") from error
    except StorageCorrupt as error:
        raise BadSettings(
            f"{server.name}: the database holds tables that are not ours; use one of its own"
        ) from error
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, DBAPIError) and sqlstate(cause) == NOT_ALLOWED:
            raise BadSettings(
                f"{server.name}: this user may not make tables: see "
                "docs/howto/operate/run-on-cockroachdb.md"
            ) from error
        raise BadSettings(f"{server.name}: {error}") from error
    finally:
        await engine.dispose()


async def alone(engine: AsyncEngine) -> None:
    """Do it in one transaction, after whoever is at it now."""
    # Each statement sees what was committed before it: also what was while it waited for the lock.
    committed = engine.execution_options(isolation_level="READ COMMITTED")
    async with committed.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        await prepare(connection)


async def by_claim(engine: AsyncEngine) -> None:
    """Do it step by step, once we hold the claim; a claim that ended means an unfinished one."""
    steps = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with steps.connect() as connection:
        await _make_place(connection)
        mine, unfinished = await _claim(connection)
        held = (keys.c.name == CLAIM, keys.c.value == mine)
        try:
            await connection.run_sync(_do, unfinished)
        except (SchemaTooNew, StorageCorrupt):  # nothing was changed
            await connection.execute(delete(keys).where(*held))
            raise
        except BaseException:
            over = update(keys).where(*held).values(value=_in(timedelta()))
            await connection.execute(over)
            raise
        await connection.execute(delete(keys).where(*held))


async def _make_place(connection: AsyncConnection) -> None:
    statement = CreateTable(keys, if_not_exists=True)
    try:
        await connection.execute(statement)
    except DBAPIError:  # PostgreSQL: another process made it at this very moment
        await connection.execute(statement)


def _do(connection: Connection, unfinished: bool) -> None:  # noqa: FBT001 - run_sync names nothing
    complete(connection, unfinished=unfinished)


async def _claim(connection: AsyncConnection) -> tuple[str, bool]:
    """Return our claim, and whether somebody before us did not finish."""
    query = select(keys.c.value).where(keys.c.name == CLAIM)
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        mine = _in(CLAIMED_FOR)
        theirs: str | None = (await connection.execute(query)).scalar_one_or_none()
        if theirs is None:
            try:
                await connection.execute(insert(keys).values(name=CLAIM, value=mine))
            except IntegrityError:
                continue
            return mine, False
        if datetime.fromisoformat(theirs) <= datetime.now(UTC):
            old = (keys.c.name == CLAIM, keys.c.value == theirs)
            taken = await connection.execute(update(keys).where(*old).values(value=mine))
            if taken.rowcount:
                return mine, True
        await asyncio.sleep(LOOK)
    raise Unavailable(
        "another process is changing the tables; start again when it has ended, at the latest "
        f"{CLAIMED_FOR.seconds // 60} minutes after it began"
    )


def _in(time_left: timedelta) -> str:
    return (datetime.now(UTC) + time_left).isoformat()
