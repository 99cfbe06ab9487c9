"""Proves that every ready file has its bytes, and that all bytes belong to a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId
from chat4all.ports.file_records import FileRecords
from chat4all.ports.integrity import MISSING_OBJECT, ORPHAN_FILE, Finding
from chat4all.ports.object_store import ObjectKey, ObjectStore, StoredObject
from chat4all.services.audit.course import Place, Step
from chat4all.services.file_meter import FileMeter, NoFileMeter
from chat4all.services.file_objects import FILES, THUMBNAILS

_ENDED = frozenset({FileState.FAILED, FileState.DELETED})


@dataclass(frozen=True, slots=True)
class _Passed:
    """A file on the way; doubtful is a record without its object, and an object without one."""

    file_id: FileId
    key: ObjectKey
    size: int
    is_doubtful: bool

    @classmethod
    def stray(cls, stored: StoredObject, prefix: str) -> _Passed:
        """Return an object of which there is no record."""
        name = FileId(stored.key.removeprefix(prefix))
        return cls(name, stored.key, stored.size, is_doubtful=True)


class FilesCourse:
    """The checks `missing_object` and `orphan_file`; bounded memory, however many files.

    Records and objects are walked side by side in the order of their names, originals first.
    Both change meanwhile, so whatever looks wrong is looked at once more before it is told.
    The walk stays open from step to step; only after a stop it begins anew where it was.
    """

    name = ledger = "files"

    def __init__(
        self, records: FileRecords, objects: ObjectStore, *, meter: FileMeter | None = None
    ) -> None:
        self._records = records
        self._objects = objects
        self._meter = meter or NoFileMeter()
        self._walk: AsyncIterator[_Passed] | None = None
        self._stands: Place = None

    async def step(self, place: Place, limit: int) -> Step:
        """Look at the next files; see the protocol. The bytes are told at the end of a pass."""
        prefix, after, size = place or (FILES, "", 0)
        if self._walk is None or self._stands != place:
            self._walk = self._passed(prefix, FileId(after))
        walk, self._walk = self._walk, None  # one that fails is not gone on with
        looked = 0
        findings: list[Finding] = []
        while looked < limit:
            passed = await anext(walk, None)
            if passed is None:
                return self._ended(prefix, size, looked, findings)
            looked += 1
            size += passed.size
            after = passed.file_id
            finding = await self._confirmed(passed) if passed.is_doubtful else None
            findings += [finding] if finding else []
        self._walk, self._stands = walk, [prefix, after, size]
        return Step(looked=looked, place=self._stands, findings=findings)

    def _ended(self, prefix: str, size: int, looked: int, findings: list[Finding]) -> Step:
        if prefix == FILES:
            return Step(looked=looked, place=[THUMBNAILS, "", size], findings=findings)
        self._meter.file_store(size)
        return Step(looked=looked, place=None, findings=findings, over=True)

    async def _passed(self, prefix: str, after: FileId) -> AsyncIterator[_Passed]:
        """Yield every file that has a record or an object, once, in order."""
        objects = aiter(self._objects.objects(prefix, after=prefix + after if after else ""))
        stored = await anext(objects, None)
        async for file in self._records.every(after=after or None):
            key = ObjectKey(prefix + file.id)
            while stored is not None and stored.key < key:
                yield _Passed.stray(stored, prefix)
                stored = await anext(objects, None)
            if stored is not None and stored.key == key:
                yield _Passed(file.id, key, stored.size, not _may_have(file, prefix))
                stored = await anext(objects, None)
            else:
                yield _Passed(file.id, key, 0, _must_have(file, prefix))
        while stored is not None:
            yield _Passed.stray(stored, prefix)
            stored = await anext(objects, None)

    async def _confirmed(self, doubt: _Passed) -> Finding | None:
        prefix = FILES if doubt.key.startswith(FILES) else THUMBNAILS
        there = await self._objects.stat(doubt.key) is not None
        file = (await self._records.get_many([doubt.file_id])).get(doubt.file_id)
        if there and (file is None or not _may_have(file, prefix)):
            return Finding(
                check=ORPHAN_FILE,
                conversation_id=None if file is None else file.conversation_id,
                detail=f"object {doubt.key} belongs to no file",
            )
        if not there and file is not None and _must_have(file, prefix):
            return Finding(
                check=MISSING_OBJECT,
                conversation_id=file.conversation_id,
                detail=f"file {file.id} is ready, and its object {doubt.key} is gone",
            )
        return None


def _may_have(file: File, prefix: str) -> bool:
    """Say whether an object of this file is no orphan; one that ends may still have bytes."""
    if file.state in _ENDED:
        return file.expires_at is not None
    return prefix == FILES or file.looks.thumbnail or file.state is not FileState.READY


def _must_have(file: File, prefix: str) -> bool:
    return file.state is FileState.READY and (prefix == FILES or file.looks.thumbnail)
