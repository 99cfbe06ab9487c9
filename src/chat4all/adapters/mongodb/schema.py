"""The collections, their indexes, and the version of both.

Everything of a conversation is found by its id first: that is the shard key, hashed, of
`messages`, `changes` and `cursors` (see ops/database-init/02-mongo-init.js). A unique index
of a sharded collection has to begin with the shard key. So `messages` holds an id unique
within its conversation, and `message_ids`, keyed by it, in the whole.
https://www.mongodb.com/docs/manual/core/sharding-shard-key/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure

from chat4all.adapters.mongodb.errors import SETTING
from chat4all.domain.errors import BadSettings, SchemaTooNew

VERSION = 1
_MEANING = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds", "collation")
"""Options with which an index is another one."""

Document = dict[str, Any]
Collection = AsyncCollection[Document]
Database = AsyncDatabase[Document]


@dataclass(frozen=True, slots=True)
class Index:
    """One index: its collection, its name, its keys, all ascending."""

    collection: str
    name: str
    keys: tuple[str, ...]
    unique: bool = False
    sparse: bool = False
    """Saves room, no more: compatible servers that do not know it are good enough."""

    @property
    def options(self) -> Document:
        """Return what is on; what is off is left out, for given as off it counts as another."""
        return {name: True for name in ("unique", "sparse") if getattr(self, name)}


INDEXES = (
    Index("messages", "place", ("conversation_id", "seq"), unique=True),
    Index("messages", "message", ("conversation_id", "message_id"), unique=True),
    Index("messages", "position", ("conversation_id", "partition", "offset")),
    Index("messages", "words", ("conversation_id", "words")),
    Index("changes", "position", ("conversation_id", "partition", "offset"), unique=True),
    Index("cursors", "member", ("conversation_id", "user_id"), unique=True),
    Index("statuses", "number", ("message_id", "number"), unique=True),
    Index("statuses", "external", ("account_id", "address", "external_id"), sparse=True),
    Index("batches", "partitions", ("partitions",), unique=True),
    Index("files", "owner", ("owner_id", "state")),
    Index("files", "conversation", ("conversation_id", "_id")),
    Index("files", "state", ("state", "created_at", "_id")),
    Index("files", "expiry", ("state", "expires_at")),
    Index("file_references", "pair", ("file_id", "message_id"), unique=True),
    Index("file_references", "message", ("message_id",)),
)
"""Beside the index on `_id` that every collection has."""


async def make_schema(database: Database) -> None:
    """Create what is not there yet; a repeat does nothing, also of several at once.

    Raises `SchemaTooNew`, or `BadSettings` for an index that is there and is another one:
    with it a promise would not hold.
    """
    await _check_version(database["schema"], database.name)
    for index in INDEXES:
        await _make(database[index.collection], index)


async def _check_version(schema: Collection, name: str) -> None:
    try:
        await schema.insert_one({"_id": "messages", "version": VERSION})
    except DuplicateKeyError:
        found = await schema.find_one({"_id": "messages"}) or {}
        if found.get("version", 0) > VERSION:
            raise SchemaTooNew(
                f"{SETTING}: the database {name} was written by a newer version of Chat4All; "
                "install that one"
            ) from None


async def _make(collection: Collection, index: Index) -> None:
    found = (await collection.index_information()).get(index.name)
    if found is not None:
        _compare(collection, index, found)
        return
    keys = [(key, 1) for key in index.keys]
    try:
        await collection.create_index(keys, name=index.name, **index.options)
    except OperationFailure as error:
        raise BadSettings(
            f"{SETTING}: the index {index.name} of {collection.full_name} cannot be made "
            f"({(error.details or {}).get('codeName', error.code)}): another index has its "
            "keys, or documents stand twice; see docs/howto/operate/run-on-mongodb.md"
        ) from error


def _compare(collection: Collection, index: Index, found: Any) -> None:
    keys = [(key, 1) for key in index.keys]
    options = {name: found[name] for name in _MEANING if found.get(name) not in (None, False)}
    same = index.options in (options, {**options, "sparse": True})
    if list(found["key"]) != keys or not same:
        raise BadSettings(
            f"{SETTING}: the index {index.name} of {collection.full_name} is another one than "
            f"the one on {', '.join(index.keys)} ({', '.join(index.options) or 'no options'}) that "
            "is needed; drop it "
            f'(db.{collection.name}.dropIndex("{index.name}")) and start again'
        )
