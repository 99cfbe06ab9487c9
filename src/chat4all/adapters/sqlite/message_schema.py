"""The tables of the message file.

Ids of conversations and users are written once, in `identity`, and stand elsewhere as
small integers. Rows of `message` are only ever appended, in the order they were applied;
`message_place` and `message_id` hold the promises "in order" and "once". Times are
microseconds since 1970 in UTC. Nothing is indexed by log position: within a conversation
the order of `seq` is that of the log, so `(conversation, seq)` finds a position as well,
and an index less is a third of the cost of an insert.

`message_words` is filled after the fact in large steps (see `message_search`), up to the
key in `indexed`. https://www.sqlite.org/fts5.html
`stretch` is filled along with it, up to the key in `timed` (see `message_stretches`); a file
of an older version is timed some time after it was opened.
"""

from __future__ import annotations

import sqlite3

VERSION = 1

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS identity (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS message (
        key INTEGER PRIMARY KEY,
        conversation INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,         -- the 16 bytes of the UUID
        sender INTEGER NOT NULL,
        channel TEXT NOT NULL,
        words TEXT,               -- what a search finds it by; of a text message the text
        created_at INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        digest TEXT NOT NULL,
        extras BLOB               -- JSON of all that most messages do not have
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS message_place ON message (conversation, seq)",
    "CREATE UNIQUE INDEX IF NOT EXISTS message_id ON message (id)",
    """
    CREATE TABLE IF NOT EXISTS hidden (
        user INTEGER NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (user, message)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS cursor (
        conversation INTEGER NOT NULL,
        user INTEGER NOT NULL,
        delivered INTEGER NOT NULL,
        read INTEGER NOT NULL,
        updated_at INTEGER,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS status (
        key INTEGER PRIMARY KEY,
        message BLOB NOT NULL,
        conversation INTEGER NOT NULL,
        user INTEGER NOT NULL,
        channel TEXT NOT NULL,
        status INTEGER NOT NULL,
        at INTEGER NOT NULL,
        account TEXT,
        address TEXT,
        external_id TEXT,
        error BLOB,
        note TEXT
    )
    """,
    "CREATE INDEX IF NOT EXISTS status_message ON status (message)",
    """
    CREATE INDEX IF NOT EXISTS status_external ON status (account, address, external_id)
    WHERE external_id IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS journal (
        conversation INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        message BLOB,
        body BLOB NOT NULL,
        PRIMARY KEY (conversation, partition, offset)
    ) WITHOUT ROWID
    """,
    # Contentless: the words stand in `message` already. `place` holds the conversation, so
    # a word that everybody uses costs only as much as it is used in the conversations asked.
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS message_words USING fts5 (
        place, words, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    # One row: how far the auditor is. An older version leaves it alone.
    "CREATE TABLE IF NOT EXISTS audit (key INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS indexed (key INTEGER NOT NULL)",
    "INSERT INTO indexed SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM indexed)",
    """
    CREATE TABLE IF NOT EXISTS stretch (
        number INTEGER PRIMARY KEY,
        oldest INTEGER NOT NULL,
        newest INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS stretch_newest ON stretch (newest, oldest)",
    "CREATE TABLE IF NOT EXISTS timed (key INTEGER NOT NULL)",
    "INSERT INTO timed SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM timed)",
)


def make_schema(db: sqlite3.Connection) -> None:
    """Create what is not there yet; a repeat does nothing."""
    for statement in _TABLES:
        db.execute(statement)
