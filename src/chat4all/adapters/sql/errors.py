"""What a driver's error means to the callers of the directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from chat4all.domain.errors import (
    ChannelTaken,
    Chat4AllError,
    Conflict,
    InvalidInput,
    StorageCorrupt,
    StorageFull,
    Unavailable,
    UsernameTaken,
)

SERIALIZATION_FAILURE = "40001"
"""Another transaction was first; the same one may succeed when it is run again.

https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference
"""
UNIQUE_VIOLATION = "23505"
DISK_FULL = "53100"

CORRUPT = (
    "the directory database is damaged or is no database: "
    "see docs/howto/recover-a-corrupt-database.md"
)
FULL = "the disk of the directory is full; free space and try again"


@contextmanager
def translated() -> Iterator[None]:
    """Raise our errors for the driver's."""
    try:
        yield
    except (DBAPIError, NoConnectionFree, sqlite3.Error, OSError) as error:
        raise _meaning(error) from error
    except UnicodeEncodeError as error:
        raise InvalidInput("text with half a surrogate pair cannot be kept") from error


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of PostgreSQL and CockroachDB; None on SQLite."""
    found = getattr(getattr(error, "orig", None), "sqlstate", None)
    return found if isinstance(found, str) else None


def _meaning(error: Exception) -> Chat4AllError:
    if isinstance(error, IntegrityError):
        return _conflict(str(error.orig))
    cause = error.orig if isinstance(error, DBAPIError) else error
    match getattr(cause, "sqlite_errorname", "").split("_")[:2]:
        case ["SQLITE", "FULL"]:
            return StorageFull(FULL)
        case ["SQLITE", "CORRUPT" | "NOTADB"]:
            return StorageCorrupt(CORRUPT)
        case _ if sqlstate(error) == DISK_FULL:
            return StorageFull(FULL)
    return Unavailable(f"the directory does not answer ({cause}); try again")


def _conflict(said: str) -> Conflict:
    # SQLite names the columns, PostgreSQL the constraint; both contain these words.
    if "username_key" in said:
        return UsernameTaken("the username is taken; choose another")
    if "external_id" in said:
        return ChannelTaken("this external identity belongs to another user")
    return Conflict("the id is in use; choose another")
