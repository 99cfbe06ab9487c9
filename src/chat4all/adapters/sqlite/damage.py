"""Looking for damage in a file before anything of it is believed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chat4all.adapters.sqlite.errors import damaged
from chat4all.domain.errors import StorageCorrupt

CHECKED_PAGES = 8192
"""Pages (32 MiB) up to which a file is read whole when it is opened: about 0.1 s."""

CHECKING_CACHE = 1024
"""KiB of pages that are held while a file is read whole: each is looked at once."""


def check(db: sqlite3.Connection, path: Path) -> None:
    """Read all of a file of ordinary size. Raises `StorageCorrupt` when it is damaged."""
    [pages] = db.execute("PRAGMA page_count").fetchone()
    if pages > CHECKED_PAGES:
        return
    [cache] = db.execute("PRAGMA cache_size").fetchone()
    db.execute(f"PRAGMA cache_size = -{CHECKING_CACHE}")
    [found] = db.execute("PRAGMA quick_check(1)").fetchone()
    db.execute(f"PRAGMA cache_size = {cache}")
    if found != "ok":
        db.close()
        raise StorageCorrupt(damaged(path, found))
