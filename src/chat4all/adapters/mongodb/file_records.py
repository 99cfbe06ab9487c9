"""Records of files in MongoDB, beside the messages.

A record is kept as the JSON of its dataclass, so that a field more needs no migration, with
the fields beside it that are asked for. Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from pymongo.errors import DuplicateKeyError

from chat4all.adapters.mongodb.documents import ticks
from chat4all.adapters.mongodb.errors import translated
from chat4all.adapters.mongodb.file_quota import add_within, used_by
from chat4all.adapters.mongodb.file_references import MongoFileReferences
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, UserId

AT_ONCE = 500
"""Records fetched per step of `every`."""

_encode = msgspec.json.Encoder().encode
_file_of = msgspec.json.Decoder(File).decode


class MongoFileRecords(MongoFileReferences):
    """Both `FileRecords` and `FileReferences`: `async with MongoFileRecords(url) as records`."""

    async def add(self, file: File, *, quota: int | None = None) -> File:
        """Keep a new record; see the port."""
        document = _document(file)
        with translated():
            kept = await self.database["files"].find_one({"_id": file.id})
            if kept is not None:
                return _file_of(kept["record"])
            if quota is not None:
                await add_within(self.database, document, quota)
                return file
            try:
                await self.database["files"].insert_one(document)
            except DuplicateKeyError:  # by another one, just now
                return (await self.get_many([file.id]))[file.id]
            return file

    async def get_many(self, files: Collection[FileId]) -> Mapping[FileId, File]:
        """Return those that exist; see the port."""
        return {one.id: one for one in await self._files({"_id": {"$in": list(files)}})}

    async def change(self, file: File, *, was: FileState) -> bool:
        """Replace the record; see the port."""
        document = _document(file)
        place = {"_id": document.pop("_id"), "state": was.value}
        with translated():
            changed = await self.database["files"].update_one(place, {"$set": document})
        return changed.matched_count == 1

    async def in_state(
        self, state: FileState, *, before: datetime | None = None, limit: int
    ) -> Sequence[File]:
        """Return files in a state; see the port."""
        asked: Document = {"state": state.value}
        if before is not None:
            asked["expires_at"] = {"$lt": ticks(before)}
        return await self._files(asked, "created_at", "_id", limit=limit)

    async def in_conversation(
        self, conversation: ConversationId, *, after: FileId | None = None, limit: int
    ) -> Sequence[File]:
        """Return files of a conversation; see the port."""
        asked = {"conversation_id": conversation, "_id": {"$gt": after or ""}}
        return await self._files(asked, "_id", limit=limit)

    async def used_by(self, owner: UserId) -> int:
        """Return the bytes of the files of `owner`; see the port."""
        with translated():
            return await used_by(self.database, owner)

    async def every(self, *, after: FileId | None = None) -> AsyncIterator[File]:
        """Yield all records by id; see the port."""
        start: str = after or ""
        while page := await self._files({"_id": {"$gt": start}}, "_id", limit=AT_ONCE):
            for one in page:
                yield one
            start = page[-1].id

    async def unattached(self, *, before: datetime, limit: int) -> Sequence[File]:
        """Return ready files that no message ever showed; see the port."""
        asked = {
            "state": FileState.READY.value,
            "ready_at": {"$lt": ticks(before)},
            "shown": {"$ne": True},
        }
        found = await self._files(asked, "created_at", "_id", limit=limit)
        attached = await self._attached([one.id for one in found])
        return [one for one in found if one.id not in attached]

    async def _files(self, asked: Document, *order: str, limit: int | None = None) -> list[File]:
        """Return the files of `asked`; a `limit` of None is none."""
        if limit is not None and limit <= 0:
            return []
        found = self.database["files"].find(asked, {"record": 1}).limit(limit or 0)
        if order:
            found = found.sort([(name, 1) for name in order])
        with translated():
            return [_file_of(one["record"]) async for one in found]


def _document(file: File) -> Document:
    return {
        "_id": file.id,
        "owner_id": file.owner_id,
        "conversation_id": file.conversation_id,
        "size": file.size,
        "state": file.state.value,
        "created_at": ticks(file.created_at),
        "expires_at": None if file.expires_at is None else ticks(file.expires_at),
        "ready_at": None if file.ready_at is None else ticks(file.ready_at),
        "record": _encode(file).decode(),
    }
