"""Adding files within what their owner may have, of several callers at once, too.

The document of an owner in `file_owners` has a `version`, and the file that is being added
as `adding`. Who adds one has seen a version, the files there were, and nobody adding; and
takes the next version only if it is still so. What is being added belongs to the files from
then on: whoever sees it finishes it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from chat4all.adapters.mongodb.schema import Database, Document
from chat4all.domain.errors import QuotaExceeded, Unavailable
from chat4all.domain.files import COUNTED

_TRIES = 200
_PAUSE = 0.01  # seconds, times the number of the try, up to twenty times


async def used_by(db: Database, owner: str) -> int:
    """Return the bytes of the files of `owner` that count."""
    states = sorted(state.value for state in COUNTED)
    asked: list[Document] = [
        {"$match": {"owner_id": owner, "state": {"$in": states}}},
        {"$group": {"_id": None, "size": {"$sum": "$size"}}},
    ]
    return sum([int(one["size"]) async for one in await db["files"].aggregate(asked)])


async def add_within(db: Database, file: Document, quota: int) -> None:
    """Add a file, or raise `QuotaExceeded` and add nothing."""
    owner = file["owner_id"]
    for number in range(_TRIES):
        state = await _state(db, owner)
        if state["adding"] is not None:
            await _finish(db, state)
            continue
        if await used_by(db, owner) + file["size"] > quota:
            raise QuotaExceeded(f"your files may take {quota} bytes; delete some first")
        adding = {"version": state["version"] + 1, "adding": file}
        taken = await db["file_owners"].update_one(
            {"_id": owner, "version": state["version"]}, {"$set": adding}
        )
        if taken.matched_count:
            await _finish(db, {"_id": owner, **adding})
            return
        await asyncio.sleep(_PAUSE * min(number + 1, 20))
    raise Unavailable("too many files of one user are added at the same time")


async def _state(db: Database, owner: str) -> Document:
    new = {"_id": owner, "version": 0, "adding": None}
    found = await db["file_owners"].find_one({"_id": owner})
    if found is not None:
        return found
    try:
        await db["file_owners"].insert_one(new)
    except DuplicateKeyError:
        return await _state(db, owner)
    return new


async def _finish(db: Database, state: Document) -> None:
    with suppress(DuplicateKeyError):  # another one finished it, or the id was there
        await db["files"].insert_one(state["adding"])
    await db["file_owners"].update_one(
        {"_id": state["_id"], "version": state["version"], "adding._id": state["adding"]["_id"]},
        {"$set": {"version": state["version"] + 1, "adding": None}},
    )
