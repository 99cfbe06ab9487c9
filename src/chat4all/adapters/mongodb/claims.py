"""In which conversation a message id was used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from chat4all.adapters.mongodb.schema import Database, Document


async def conversations_of(db: Database, messages: Collection[str]) -> Mapping[str, str]:
    """Return the conversation of each id that was ever used."""
    asked = {"_id": {"$in": list(messages)}}
    return {found["_id"]: found["conversation_id"] async for found in db["message_ids"].find(asked)}


async def stored_messages(db: Database, messages: Collection[str]) -> list[Document]:
    """Return the documents of those that are stored."""
    by_conversation: defaultdict[str, list[str]] = defaultdict(list)
    for message, conversation in (await conversations_of(db, messages)).items():
        by_conversation[conversation].append(message)
    if not by_conversation:
        return []
    places = [
        {"conversation_id": conversation, "message_id": {"$in": ids}}
        for conversation, ids in by_conversation.items()
    ]
    return [found async for found in db["messages"].find({"$or": places})]
