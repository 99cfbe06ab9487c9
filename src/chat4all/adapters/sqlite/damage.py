"""Looking for damage in a file before anything of it is believed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chat4all.adapters.sqlite.errors import damaged
from chat4all.domain.errors import StorageCorrupt

CHECKED_PAGES = 8192
"""Pages (32 MiB) up to which a file is read whole when it is opened: about 0.1 s."""


def check(db: sqlite3.Connection, path: Path) -> None:
    """Read all of a file of ordinary size. Raises `StorageCorrupt` when it is damaged."""
    [pages] = db.execute("PRAGMA page_count").fetchone()
    if pages > CHECKED_PAGES:
        return
    [found] = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        db.close()
        raise StorageCorrupt(damaged(path, found))
