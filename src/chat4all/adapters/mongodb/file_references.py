"""Which messages show which files.

A reference stays when its message is deleted, not shown any more, so that it cannot come
back. `shown` on a file says that it has had one: so those that never had are found by an
index, and asked about once more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from chat4all.adapters.mongodb.connection import Connection
from chat4all.adapters.mongodb.errors import translated
from chat4all.domain.ids import FileId, MessageId
from chat4all.ports.moving import Reference


class MongoFileReferences(Connection):
    """All of `FileReferences` but `unattached`."""

    async def attach(self, file: FileId, message: MessageId) -> None:
        """Remember that a message shows a file; see the port."""
        pair = {"file_id": file, "message_id": message}
        with translated():
            with suppress(DuplicateKeyError):  # another one did so just now
                await self.database["file_references"].update_one(
                    pair, {"$setOnInsert": {"shown": True}}, upsert=True
                )
            await self.database["files"].update_one({"_id": file}, {"$set": {"shown": True}})

    async def detach(self, message: MessageId) -> Collection[FileId]:
        """Forget what a message shows; see the port."""
        references = self.database["file_references"]
        here = {"message_id": message}
        with translated():
            await references.update_many(here, {"$set": {"shown": False}})
            gone = [one["file_id"] async for one in references.find(here)]
            others = {"file_id": {"$in": gone}, "shown": True}
            still = {one["file_id"] async for one in references.find(others)}
        return {FileId(file) for file in gone if file not in still}

    async def showing(self, file: FileId) -> int:
        """Return how many messages show a file."""
        with translated():
            asked = {"file_id": file, "shown": True}
            return await self.database["file_references"].count_documents(asked)

    async def references(self) -> AsyncIterator[Reference]:
        """Yield every pair; see the port."""
        order = [("file_id", 1), ("message_id", 1)]
        with translated():
            async for one in self.database["file_references"].find().sort(order):
                yield Reference(FileId(one["file_id"]), MessageId(one["message_id"]), one["shown"])

    async def _attached(self, files: Collection[FileId]) -> set[str]:
        """Return those of `files` that a message ever showed."""
        asked = {"file_id": {"$in": list(files)}}
        with translated():
            return {one["file_id"] async for one in self.database["file_references"].find(asked)}
