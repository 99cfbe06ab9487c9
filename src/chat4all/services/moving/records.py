"""Records of files, and which messages show them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Protocol

from chat4all.domain.files import File, FileState
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.ports.moving import Reference, SupportsReferences
from chat4all.services.moving.part import Meter, differs, foreign, grouped

PAGE = 200
AT_ONCE = 20
"""References that are written at a time."""
MOVED = "upload_expired"
"""The code of an upload that was given up, as of one that was not finished in time."""


class Records(FileRecords, FileReferences, SupportsReferences, Protocol):
    """Records of files that can be moved, from or to."""


def as_is(file: File) -> File:
    """Return the record of a file whose bytes stay where they are."""
    return file


def without_upload(file: File) -> File:
    """Return the record of a file whose bytes move: an upload lives in one store alone."""
    if file.state is FileState.UPLOADING:
        reason = "the server moved before the upload was finished; begin a new one"
        file = replace(file, state=FileState.FAILED, error=MOVED, reason=reason, expires_at=None)
    return replace(file, upload=None) if file.upload is not None else file


class MoveRecords:
    """Moves records, each as `becoming` says, then the references."""

    def __init__(
        self,
        source: Records,
        target: Records,
        meter: Meter,
        *,
        becoming: Callable[[File], File] = as_is,
    ) -> None:
        self._source = source
        self._target = target
        self._meter = meter
        self._becoming = becoming

    async def require(self) -> None:
        """Refuse a target with records that the source does not have so; see `Part`."""
        async for group in grouped(self._target.every(), PAGE):
            ours = await self._source.get_many([one.id for one in group])
            for file in group:
                if file.id not in ours or self._becoming(ours[file.id]) != file:
                    raise foreign(f"the file {file.id}")

    async def copy(self) -> None:
        """Bring what is missing; see `Part`."""
        self._meter.begin("records of files")
        async for group in grouped(self._source.every(), PAGE):
            there = await self._target.get_many([one.id for one in group])
            missing = [self._becoming(one) for one in group if one.id not in there]
            for start in range(0, len(missing), AT_ONCE):
                some = missing[start : start + AT_ONCE]
                await asyncio.gather(*(self._target.add(file) for file in some))
            self._meter.moved(len(group))
        async for references in grouped(self._source.references(), AT_ONCE):
            await asyncio.gather(*(self._refer(one) for one in references))

    async def verify(self) -> dict[str, int]:
        """Compare every record and reference; see `Part`."""
        self._meter.begin("comparing records of files")
        files = references = 0
        async for group in grouped(self._source.every(), PAGE):
            there = await self._target.get_many([one.id for one in group])
            for file in group:
                if there.get(file.id) != self._becoming(file):
                    raise differs(f"the record of file {file.id}")
            files += len(group)
            self._meter.moved(len(group))
        if files != await _count(self._target.every()):
            raise differs("the number of records of files")
        theirs = self._target.references()
        async for ours in self._source.references():
            if await anext(theirs, None) != ours:
                raise differs(f"which messages show file {ours.file_id}")
            references += 1
        if await anext(theirs, None) is not None:
            raise differs("which messages show files")
        return {"files": files, "references": references}

    async def _refer(self, reference: Reference) -> None:
        await self._target.attach(reference.file_id, reference.message_id)
        if not reference.shown:
            await self._target.detach(reference.message_id)


async def _count(items: AsyncIterator[object]) -> int:
    return sum([1 async for _ in items])
