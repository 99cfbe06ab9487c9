"""Takes in files that come from a platform: announced at once, fetched in their own time."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from chat4all.domain.errors import ChecksumMismatch, TooLarge
from chat4all.domain.files import MAX_FILE_BYTES, File, FileState, RemoteMedia
from chat4all.domain.ids import AccountId, ConversationId, FileId, UserId, derived_id
from chat4all.domain.inbound import Attachment
from chat4all.ports.file_records import FileRecords
from chat4all.ports.object_store import ObjectStore
from chat4all.services.clock import Clock, utc_now
from chat4all.services.examine_file import ExamineFile
from chat4all.services.file_meter import FileMeter, NoFileMeter, counted
from chat4all.services.file_names import clean_name, name_for
from chat4all.services.file_objects import Discard, object_key
from chat4all.services.spool import Spool

TOO_LARGE = "media_too_large"


def incoming_file_id(account: AccountId, address: str, external_id: str) -> FileId:
    """Return the id of the file of a message, named as its platform names the message."""
    return FileId(derived_id("file", account, address, external_id))


class FileIntake:
    """The way in for every file of a platform.

    `announce` before the message is submitted, so that the message never names a file that
    is not known; then `receive` its bytes, or `fail` it with a reason.
    """

    def __init__(
        self,
        records: FileRecords,
        objects: ObjectStore,
        discard: Discard,
        examine: ExamineFile,
        spool: Spool,
        *,
        meter: FileMeter | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._records = records
        self._objects = objects
        self._discard = discard
        self._examine = examine
        self._spool = spool
        self._count = partial((meter or NoFileMeter()).file_bytes, "receive", "platform")
        self._now = now

    async def announce(
        self,
        attachment: Attachment,
        *,
        account: AccountId,
        address: str,
        external_id: str,
        conversation: ConversationId,
        owner: UserId,
    ) -> File:
        """Keep durably that a file will come; a repeat returns what became of it so far.

        Its id follows from the account, the chat and the platform's id of the message. One
        that says to be over 2 GiB has failed with `media_too_large` at once.
        """
        file = File(
            id=incoming_file_id(account, address, external_id),
            owner_id=owner,
            conversation_id=conversation,
            name=clean_name(attachment.name or name_for(attachment.mime_type)),
            size=attachment.size or 0,
            mime_type=attachment.mime_type.partition(";")[0].strip().lower(),
            state=FileState.RECEIVING,
            created_at=self._now(),
            checksum=attachment.checksum,
            remote=RemoteMedia(account_id=account, reference=attachment.reference),
        )
        if file.size > MAX_FILE_BYTES:
            reason = f"the file has {file.size} bytes; at most {MAX_FILE_BYTES} are taken in"
            file = replace(file, state=FileState.FAILED, error=TOO_LARGE, reason=reason)
        return await self._records.add(file)

    async def waiting(self, *, limit: int) -> Sequence[File]:
        """Return files that are to be fetched, oldest first."""
        return await self._records.in_state(FileState.RECEIVING, limit=limit)

    async def receive(self, file: File, data: AsyncIterable[bytes]) -> File:
        """Take the bytes of a file that `waiting` told of; return it ready.

        Nothing is kept of what `data` raises in the middle: try again. Raises `TooLarge`,
        `ChecksumMismatch` and `HarmfulFile` once the file has failed with their code (it
        needs no `fail`), `FileGone` when it was deleted meanwhile, `StorageFull`,
        `Unavailable`.
        """
        async with self._spool.file() as spooled:
            try:
                async with aclosing(counted(data, self._count)) as pieces:
                    await spooled.fill(pieces, limit=MAX_FILE_BYTES)
            except TooLarge as error:
                await self.fail(file, TOO_LARGE, str(error))
                raise
            if file.checksum is not None and file.checksum != spooled.checksum:
                reason = f"the platform sent {spooled.checksum}, and announced {file.checksum}"
                await self.fail(file, ChecksumMismatch.code, reason)
                raise ChecksumMismatch(reason)
            found = replace(file, size=spooled.size, checksum=spooled.checksum)
            key = object_key(file.id)
            await self._objects.delete(key)  # of a try that was stopped; nobody has read it
            uploads = self._objects.uploads
            token = await uploads.begin(key, size=found.size, mime_type=found.mime_type)
            await uploads.append(token, 0, spooled.read())
            await uploads.complete(token)
        return await self._examine(found)

    async def fail(self, file: File, code: str, reason: str) -> bool:
        """Give a file up: `code` as in `media_gone`, `reason` a sentence for people."""
        return await self._discard(file, FileState.FAILED, error=code, reason=reason)
