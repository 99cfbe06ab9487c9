"""The history of the tables, one file per revision in `versions`.

A new revision: change `tables.py`, write `versions/r<number>_<what>.py` by hand, raise
`tables.HEAD`. The tests compare what the revisions make with what `tables.py` says.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from chat4all.domain.errors import SchemaTooNew


def config(connection: Connection | None = None) -> Config:
    """Return the settings under which Alembic finds the revisions and the database."""
    settings = Config()
    settings.set_main_option("script_location", "chat4all.adapters.sql:migrations")
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection, stored: str | None = None) -> None:
    """Run every revision after `stored` on `connection`. Raises `SchemaTooNew`."""
    settings = config(connection)
    known = {one.revision for one in ScriptDirectory.from_config(settings).walk_revisions()}
    if stored is not None and stored not in known:
        raise SchemaTooNew(
            f"the directory was written by a newer version of the program (revision {stored}): "
            "start that version, or restore a copy from before the upgrade"
        )
    command.upgrade(settings, "head")
