"""Doing what a batch says. Each step finds what is done already and does the rest.

Whoever does it, at whatever time, once more or beside somebody else: the outcome is the
same. See docs/adr/0019-mongodb-without-transactions.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from chat4all.adapters.mongodb.added import add_messages
from chat4all.adapters.mongodb.claims import conversations_of
from chat4all.adapters.mongodb.errors import duplicates_only
from chat4all.adapters.mongodb.reported import add_statuses
from chat4all.adapters.mongodb.schema import Collection, Database, Document
from chat4all.domain.errors import StaleSequence


async def carry_out(db: Database, batch: Document) -> None:
    """Do all of `batch` and remove it.

    Raises `StaleSequence` when its messages cannot have their places; then it is removed,
    and nothing of it is stored.
    """
    try:
        await add_messages(db, batch["messages"])
    except StaleSequence:
        await db["batches"].delete_one({"_id": batch["_id"]})
        raise
    await _update(db["messages"], [_change(one) for one in batch["contents"]])
    await _update(db["messages"], await _hidden(db, batch["hidden"]))
    await _update(db["cursors"], [step for one in batch["cursors"] for step in _move(one)])
    await add_statuses(db["statuses"], batch["statuses"])
    await _insert(db["changes"], batch["changes"])
    # Only now may readers be told of what happened up to here; and only after that may the
    # batch go, for what is not told yet has to be found again.
    await _update(db["partitions"], [_applied(one) for one in batch["applied"]])
    await db["batches"].delete_one({"_id": batch["_id"]})


async def _insert(collection: Collection, documents: Sequence[Document]) -> None:
    """Insert those that are not there; which are tells a unique index."""
    if not documents:
        return
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if not duplicates_only(error):
            raise


async def _update(collection: Collection, steps: Sequence[UpdateOne]) -> None:
    """Do `steps` in order. An upsert that meets another's insert finds it the next time."""
    left = list(steps)
    while left:
        try:
            await collection.bulk_write(left, ordered=True)
        except BulkWriteError as error:
            if not duplicates_only(error):
                raise
            left = left[error.details["writeErrors"][0]["index"] :]
        else:
            return


def _change(change: Document) -> UpdateOne:
    """Replace the content, unless by a later command that was done before."""
    place: Document = {key: change[key] for key in ("conversation_id", "message_id")}
    at = change["at"]
    if at is None:
        return UpdateOne(place, {"$set": change["set"]})
    changed = f"changed.p{at['partition']}"
    place[changed] = {"$not": {"$gte": at["offset"]}}
    return UpdateOne(place, {"$set": {**change["set"], changed: at["offset"]}})


async def _hidden(db: Database, pairs: Sequence[Document]) -> list[UpdateOne]:
    if not pairs:
        return []
    of = await conversations_of(db, {pair["message_id"] for pair in pairs})
    return [
        UpdateOne(
            {"conversation_id": of[message], "message_id": message},
            {"$addToSet": {"hidden_from": pair["user_id"]}},
        )
        for pair in pairs
        if (message := pair["message_id"]) in of
    ]


def _move(cursor: Document) -> list[UpdateOne]:
    """Keep a first cursor as it is; move a stored one forward, with the time if it moves."""
    member = {key: cursor[key] for key in ("conversation_id", "user_id")}
    reached = {key: cursor[key] for key in ("delivered", "read")}
    further = [{key: {"$lt": value}} for key, value in reached.items()]
    move: Document = {"$max": reached}
    if "updated_at" in cursor:
        move["$set"] = {"updated_at": cursor["updated_at"]}
    return [
        UpdateOne(member, {"$setOnInsert": cursor}, upsert=True),
        UpdateOne({**member, "$or": further}, move),
    ]


def _applied(place: Document) -> UpdateOne:
    return UpdateOne(
        {"_id": place["partition"]}, {"$max": {"offset": place["offset"]}}, upsert=True
    )
