"""What SQLite says, in the words of our error tree.

https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chat4all.domain.errors import Chat4AllError, StorageCorrupt, StorageFull, Unavailable

_PRIMARY = 0xFF  # the low byte of an extended result code

_READS = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})


def code_of(error: Exception) -> int:
    """Return the primary result code, or 0 when the error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def damaged(path: Path, found: object) -> str:
    """Return what to tell of a damaged file."""
    return f"{path} is damaged ({found}): see docs/howto/recover-a-corrupt-database.md"


def translate(error: sqlite3.Error, path: Path) -> Chat4AllError | sqlite3.Error:
    """Return the error of our tree for one of SQLite; a mistake of ours stays as it is.

    A write that the disk refuses in any way is `StorageFull`: that is what it nearly
    always is, and what to do is the same.
    """
    code = code_of(error)
    extended = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and extended not in _READS):
        return StorageFull(f"{path.name}: {error}; free some space, then repeat the request")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StorageCorrupt(damaged(path, error))
    if code in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
    }:
        return Unavailable(f"{path.name}: {error}; repeat the request")
    return error
