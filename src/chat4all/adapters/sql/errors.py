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

LOST_RACE = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: another transaction was first, and this one left nothing.

https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference
"""
STALE_VIEW = frozenset({"23503", "23505", "0A000"})
"""What a second look mends: the winner of a race for a unique value is seen then, so is that a
row is gone; and a statement prepared before the tables were changed is prepared anew."""
DISK_FULL = "53100"
NOT_ALLOWED = "42501"
BAD_DATA = "22"
"""The class of values that the database does not take, such as a text with a NUL."""

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
        return _conflict(error.orig)
    cause = error.orig if isinstance(error, DBAPIError) else error
    match getattr(cause, "sqlite_errorname", "").split("_")[:2]:
        case ["SQLITE", "FULL"]:
            return StorageFull(FULL)
        case ["SQLITE", "CORRUPT" | "NOTADB"]:
            return StorageCorrupt(CORRUPT)
    state = sqlstate(error) or ""
    if state == DISK_FULL:
        return StorageFull(FULL)
    if state.startswith(BAD_DATA):
        return InvalidInput("text with NUL or half a surrogate pair cannot be kept")
    return Unavailable(f"the directory does not answer ({cause}); try again")


def _conflict(cause: BaseException | None) -> Conflict:
    # SQLite names the columns, PostgreSQL the constraint; both contain these words.
    said = str(getattr(getattr(cause, "__cause__", None), "constraint_name", None) or cause)
    if "username_key" in said:
        return UsernameTaken("the username is taken; choose another")
    if "external_id" in said:
        return ChannelTaken("this external identity belongs to another user")
    return Conflict("the id is in use; choose another")
