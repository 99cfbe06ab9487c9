"""Begins an upload: who, how much, and what it must turn out to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from chat4all.domain.errors import Conflict, QuotaExceeded, TooLarge
from chat4all.domain.files import MAX_FILE_BYTES, File, FileState
from chat4all.domain.ids import ConversationId, FileId, UserId, new_id
from chat4all.ports.file_records import FileRecords
from chat4all.ports.object_store import ObjectStore
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_access import FileAccess
from chat4all.services.file_meter import FileMeter, NoFileMeter
from chat4all.services.file_names import clean_name
from chat4all.services.file_objects import object_key


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file as its sender announces it: `size` in bytes, `checksum` as `sha256:<hex>`."""

    name: str
    size: int
    mime_type: str
    checksum: str
    conversation_id: ConversationId
    file_id: FileId | None = None


class InitiateFile:
    """The way in for every file of our own clients.

    `quota` is how many bytes the files of one user may take, None for no limit; an upload
    that is not finished within `lasting` is swept.
    """

    def __init__(
        self,
        access: FileAccess,
        records: FileRecords,
        objects: ObjectStore,
        *,
        quota: int | None,
        lasting: timedelta,
        meter: FileMeter | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._access = access
        self._records = records
        self._objects = objects
        self._quota = quota
        self._lasting = lasting
        self._meter = meter or NoFileMeter()
        self._now = now

    async def __call__(self, owner: UserId, new: NewFile) -> File:
        """Begin an upload; return its record. A repeat with the same `file_id` returns the first.

        Raises `TooLarge`, `QuotaExceeded`, `ConversationNotFound` for a stranger, `Conflict`
        for an id that was used for another file, `StorageFull` and `Unavailable`.
        """
        if new.size > MAX_FILE_BYTES:
            self._meter.file_upload(TooLarge.code)
            raise TooLarge(f"a file has at most {MAX_FILE_BYTES} bytes (2 GiB)")
        await self._access.require_member(owner, new.conversation_id)
        file = self._announced(owner, new)
        known = (await self._records.get_many([file.id])).get(file.id)
        return _same(known, file) if known is not None else await self._begin(file)

    def _announced(self, owner: UserId, new: NewFile) -> File:
        now = self._now()
        return File(
            id=new.file_id or FileId(new_id()),
            owner_id=owner,
            conversation_id=new.conversation_id,
            name=clean_name(new.name),
            size=new.size,
            mime_type=new.mime_type.partition(";")[0].strip().lower(),
            state=FileState.UPLOADING,
            created_at=now,
            checksum=new.checksum.lower(),
            expires_at=now + self._lasting,
        )

    async def _begin(self, file: File) -> File:
        uploads = self._objects.uploads
        key = object_key(file.id)
        token = await uploads.begin(key, size=file.size, mime_type=file.mime_type)
        try:
            kept = await self._records.add(replace(file, upload=token), quota=self._quota)
        except QuotaExceeded:
            await uploads.abort(token)
            raise
        if kept.upload != token:  # the same call came twice at once: the first one stands
            await uploads.abort(token)
        return _same(kept, file)


def _same(known: File, file: File) -> File:
    """Return the known record when it is of the same file. Raises `Conflict`."""
    if known.state is not FileState.UPLOADING and known.checksum == file.checksum:
        file = replace(file, size=known.size)
    asked = (file.owner_id, file.conversation_id, file.size, file.checksum)
    if asked != (known.owner_id, known.conversation_id, known.size, known.checksum):
        raise Conflict(f"file id {file.id} was used for another file; choose a new one")
    return known
