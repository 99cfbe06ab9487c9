"""Counts how uploads and fetched files end: each end is a change of a record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

from chat4all.domain.errors import QuotaExceeded
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, UserId
from chat4all.ports.file_records import FileRecords
from chat4all.services.file_meter import COMPLETED, FileMeter


class MeteredFileRecords:
    """Records of files that tell a meter when an upload or a fetch is over."""

    def __init__(self, records: FileRecords, meter: FileMeter) -> None:
        self._records = records
        self._meter = meter

    async def add(self, file: File, *, quota: int | None = None) -> File:
        """Keep a new record; see the port."""
        try:
            kept = await self._records.add(file, quota=quota)
        except QuotaExceeded as error:
            self._meter.file_upload(error.code)
            raise
        if kept == file and file.state is FileState.FAILED:  # announced by a platform, too large
            self._meter.file_fetch(_outcome(file))
        return kept

    async def change(self, file: File, *, was: FileState) -> bool:
        """Replace the record; see the port."""
        changed = await self._records.change(file, was=was)
        over = changed and file.state is not was
        if over and was is FileState.UPLOADING:
            self._meter.file_upload(_outcome(file))
        elif over and was is FileState.RECEIVING:
            self._meter.file_fetch(_outcome(file))
        return changed

    async def get_many(self, files: Collection[FileId]) -> Mapping[FileId, File]:
        """Return those that exist; see the port."""
        return await self._records.get_many(files)

    async def in_state(
        self, state: FileState, *, before: datetime | None = None, limit: int
    ) -> Sequence[File]:
        """Return files in a state; see the port."""
        return await self._records.in_state(state, before=before, limit=limit)

    async def in_conversation(
        self, conversation: ConversationId, *, after: FileId | None = None, limit: int
    ) -> Sequence[File]:
        """Return files of a conversation; see the port."""
        return await self._records.in_conversation(conversation, after=after, limit=limit)

    async def used_by(self, owner: UserId) -> int:
        """Return the bytes of the files of `owner`; see the port."""
        return await self._records.used_by(owner)

    def every(self, *, after: FileId | None = None) -> AsyncIterator[File]:
        """Yield all records by id; see the port."""
        return self._records.every(after=after)


def _outcome(file: File) -> str:
    return COMPLETED if file.state is FileState.READY else file.error or "deleted"
