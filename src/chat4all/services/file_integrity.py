"""Proves that every ready file has its bytes, and that all bytes belong to a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId
from chat4all.ports.file_records import FileRecords
from chat4all.ports.integrity import Finding, Integrity
from chat4all.ports.object_store import ObjectKey, ObjectStore, StoredObject
from chat4all.services.file_meter import FileMeter, NoFileMeter
from chat4all.services.file_objects import FILES, THUMBNAILS

_ENDED = frozenset({FileState.FAILED, FileState.DELETED})


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A record without an object, or an object that no record may have."""

    file_id: FileId
    key: ObjectKey


@dataclass(slots=True)
class _Tally:
    """Bytes of the objects that one walk has passed."""

    size: int = 0


class FileIntegrity:
    """The checks `missing_object` and `orphan_file`; bounded memory, however many files.

    Records and objects are walked side by side in the order of their names. Both change
    meanwhile, so whatever looks wrong is looked at once more before it is told.
    """

    def __init__(
        self, records: FileRecords, objects: ObjectStore, *, meter: FileMeter | None = None
    ) -> None:
        self._records = records
        self._objects = objects
        self._meter = meter or NoFileMeter()

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield every finding; see the port."""
        tally = _Tally()
        for prefix in (FILES, THUMBNAILS):
            async for doubt in self._doubts(prefix, tally):
                finding = await self._confirmed(doubt)
                if finding is not None:
                    yield finding
        self._meter.file_store(tally.size)

    async def counts(self) -> dict[str, int]:
        """Return how much was looked at: files."""
        count = 0
        async for _ in self._records.every():
            count += 1
        return {"files": count}

    async def _doubts(self, prefix: str, tally: _Tally) -> AsyncIterator[_Doubt]:
        objects = aiter(self._weighed(prefix, tally))
        stored = await anext(objects, None)
        async for file in self._records.every():
            key = ObjectKey(prefix + file.id)
            while stored is not None and stored.key < key:
                yield _Doubt(FileId(stored.key.removeprefix(prefix)), stored.key)
                stored = await anext(objects, None)
            if stored is not None and stored.key == key:
                if not _may_have(file, prefix):
                    yield _Doubt(file.id, key)
                stored = await anext(objects, None)
            elif _must_have(file, prefix):
                yield _Doubt(file.id, key)
        while stored is not None:
            yield _Doubt(FileId(stored.key.removeprefix(prefix)), stored.key)
            stored = await anext(objects, None)

    async def _weighed(self, prefix: str, tally: _Tally) -> AsyncIterator[StoredObject]:
        async for stored in self._objects.objects(prefix):
            tally.size += stored.size
            yield stored

    async def _confirmed(self, doubt: _Doubt) -> Finding | None:
        prefix = FILES if doubt.key.startswith(FILES) else THUMBNAILS
        there = await self._objects.stat(doubt.key) is not None
        file = (await self._records.get_many([doubt.file_id])).get(doubt.file_id)
        if there and (file is None or not _may_have(file, prefix)):
            return Finding(
                check="orphan_file",
                conversation_id=None if file is None else file.conversation_id,
                detail=f"object {doubt.key} belongs to no file",
            )
        if not there and file is not None and _must_have(file, prefix):
            return Finding(
                check="missing_object",
                conversation_id=file.conversation_id,
                detail=f"file {file.id} is ready, and its object {doubt.key} is gone",
            )
        return None


class WholeIntegrity:
    """Several parts of what is stored, checked as one."""

    def __init__(self, *parts: Integrity) -> None:
        self._parts = parts

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield the findings of every part."""
        for part in self._parts:
            async for finding in part.findings():
                yield finding

    async def counts(self) -> dict[str, int]:
        """Return what every part counts."""
        counts: dict[str, int] = {}
        for part in self._parts:
            counts |= await part.counts()
        return counts


def _may_have(file: File, prefix: str) -> bool:
    """Say whether an object of this file is no orphan; one that ends may still have bytes."""
    if file.state in _ENDED:
        return file.expires_at is not None
    return prefix == FILES or file.looks.thumbnail or file.state is not FileState.READY


def _must_have(file: File, prefix: str) -> bool:
    return file.state is FileState.READY and (prefix == FILES or file.looks.thumbnail)
