"""Giving messages their places: the one step of a batch that can be refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pymongo.errors import BulkWriteError

from chat4all.adapters.mongodb.errors import duplicates_only
from chat4all.adapters.mongodb.schema import Database, Document
from chat4all.domain.errors import StaleSequence, Unavailable

_TRIES = 1_000
_AT_ONCE = 500
"""Conversations in one query."""


async def add_messages(db: Database, messages: Sequence[Document]) -> None:
    """Insert those that are not there, in order of `seq` within each conversation.

    Raises `StaleSequence`, before anything of a conversation is inserted, when a place or
    an id belongs to something else. In order and up to the first that fails: so there is
    never a gap, and what another one inserted in this very moment is seen on the next look.
    That one is mostly at the same batch: only what is found tells that a place is lost.
    """
    for _ in range(_TRIES):
        missing = await _missing(db, messages)
        if not missing:
            return
        await _claim(db, missing)
        try:
            await db["messages"].insert_many(missing, ordered=True)
        except BulkWriteError as error:
            if not duplicates_only(error):
                raise
        else:
            return
    raise Unavailable("MongoDB says that a message is there, and does not find it")


async def _missing(db: Database, messages: Sequence[Document]) -> list[Document]:
    """Return those that are not stored; all that is found at their places must be them."""
    wanted = {one["message_id"]: one for one in messages}
    places = {(one["conversation_id"], one["seq"]) for one in messages}
    if not len(wanted) == len(places) == len(messages):
        raise StaleSequence("an id or a place is given twice in one batch")
    there: set[str] = set()
    by_conversation: defaultdict[str, list[Document]] = defaultdict(list)
    for one in messages:
        by_conversation[one["conversation_id"]].append(one)
    asked = [_same_place_or_id(name, of) for name, of in by_conversation.items()]
    fields = {"conversation_id": 1, "seq": 1, "message_id": 1, "digest": 1}
    for start in range(0, len(asked), _AT_ONCE):
        some = {"$or": asked[start : start + _AT_ONCE]}
        async for found in db["messages"].find(some, fields):
            _must_be(found, wanted.get(found["message_id"]), ("conversation_id", "seq", "digest"))
            there.add(found["message_id"])
    return [one for name, one in wanted.items() if name not in there]


def _same_place_or_id(conversation: str, messages: Sequence[Document]) -> Document:
    return {
        "conversation_id": conversation,
        "$or": [
            {"seq": {"$in": [one["seq"] for one in messages]}},
            {"message_id": {"$in": [one["message_id"] for one in messages]}},
        ],
    }


async def _claim(db: Database, messages: Sequence[Document]) -> None:
    """Take the ids for these messages; a claim that is left over fits the same one again."""
    claims = {
        one["message_id"]: {
            "_id": one["message_id"],
            "conversation_id": one["conversation_id"],
            "digest": one["digest"],
        }
        for one in messages
    }
    try:
        await db["message_ids"].insert_many(list(claims.values()), ordered=False)
    except BulkWriteError as error:
        if not duplicates_only(error):
            raise
        async for found in db["message_ids"].find({"_id": {"$in": list(claims)}}):
            _must_be(found, claims[found["_id"]], ("conversation_id", "digest"))


def _must_be(found: Document, wanted: Document | None, fields: Sequence[str]) -> None:
    if wanted is None or any(found[name] != wanted[name] for name in fields):
        name = found.get("message_id", found["_id"])
        raise StaleSequence(
            f"message {name} of conversation {found['conversation_id']} has this place or id: "
            "read the head again and retry"
        )
