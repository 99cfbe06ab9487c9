"""Where conversations stand."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from chat4all.adapters.mongodb.schema import Database


async def heads_of(db: Database, conversations: Collection[str]) -> Mapping[str, int]:
    """Return the last `seq` of each that has one.

    One seek in an index for each, many at a time: what it costs does not depend on how long
    a conversation is.
    """

    async def head(name: str) -> int | None:
        here = {"conversation_id": name}
        last = await db["messages"].find_one(here, {"seq": 1}, sort=[("seq", -1)])
        return None if last is None else int(last["seq"])

    names = list(dict.fromkeys(conversations))
    found = await asyncio.gather(*map(head, names))
    return {name: seq for name, seq in zip(names, found, strict=True) if seq is not None}
