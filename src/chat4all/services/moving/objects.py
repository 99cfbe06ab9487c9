"""The bytes of files."""

from __future__ import annotations

import asyncio

from chat4all.domain.errors import MoveRefused
from chat4all.domain.files import FileState
from chat4all.domain.ids import FileId
from chat4all.ports.file_records import FileRecords
from chat4all.ports.object_store import ObjectStore, StoredObject
from chat4all.services.file_objects import FILES, sha256_of
from chat4all.services.moving.part import Meter, differs, foreign, grouped

AT_ONCE = 4
"""Objects that are read and written at a time."""
_MOST = 1_000
OTHER_TYPE = "image/webp"
"""What objects are that are not files themselves: their small pictures."""


class MoveObjects:
    """Moves objects under their names; an object that was half there begins anew.

    With `drop_uploads` those that are under way are left behind.
    """

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        records: FileRecords,
        meter: Meter,
        *,
        drop_uploads: bool = False,
    ) -> None:
        self._source = source
        self._target = target
        self._records = records
        self._meter = meter
        self._drop_uploads = drop_uploads

    async def require(self) -> None:
        """Refuse while files are being uploaded, and a target with others; see `Part`."""
        if not self._drop_uploads:
            begun = await self._records.in_state(FileState.UPLOADING, limit=_MOST)
            if begun:
                raise MoveRefused(
                    f"{len(begun)} files are being uploaded, and the rest of them cannot come to "
                    "another store: start the server and let them end (they expire after "
                    "CHAT4ALL_UPLOAD_EXPIRY_HOURS), or give them up with --drop-uploads"
                )
        async for theirs in self._target.objects():
            ours = await self._source.stat(theirs.key)
            if ours is None or ours.size != theirs.size:
                raise foreign(f"the object {theirs.key}")

    async def copy(self) -> None:
        """Bring what is missing; see `Part`."""
        self._meter.begin("bytes of files")
        async for token, _ in self._target.unfinished():  # of a copy that was broken off
            await self._target.uploads.abort(token)
        async for group in grouped(self._source.objects(), AT_ONCE):
            await asyncio.gather(*(self._bring(one) for one in group))
            self._meter.moved(sum(one.size for one in group))

    async def verify(self) -> dict[str, int]:
        """Compare the SHA-256 of every object; see `Part`."""
        self._meter.begin("comparing bytes of files")
        count = size = 0
        async for group in grouped(self._source.objects(), AT_ONCE):
            await asyncio.gather(*(self._compare(one) for one in group))
            count += len(group)
            size += sum(one.size for one in group)
            self._meter.moved(sum(one.size for one in group))
        if count != sum([1 async for _ in self._target.objects()]):
            raise differs("the number of objects")
        return {"objects": count, "bytes": size}

    async def _bring(self, one: StoredObject) -> None:
        if await self._target.stat(one.key) is not None:
            return
        mime_type = await self._type_of(one)
        token = await self._target.uploads.begin(one.key, size=one.size, mime_type=mime_type)
        if one.size:
            await self._target.uploads.append(token, 0, self._source.read(one.key))
        await self._target.uploads.complete(token)

    async def _compare(self, one: StoredObject) -> None:
        there = await self._target.stat(one.key)
        if there is None or there.size != one.size:
            raise differs(f"the object {one.key}")
        ours, theirs = await asyncio.gather(
            sha256_of(self._source.read(one.key)), sha256_of(self._target.read(one.key))
        )
        if ours != theirs:
            raise differs(f"the bytes of the object {one.key}")

    async def _type_of(self, one: StoredObject) -> str:
        name = FileId(one.key.removeprefix(FILES))
        found = await self._records.get_many([name]) if one.key.startswith(FILES) else {}
        return found[name].mime_type if name in found else OTHER_TYPE
