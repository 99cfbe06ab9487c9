"""What is known of each file; it lives beside the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId


class FileRecords(Protocol):
    """Durable records of files. Every implementation passes `FileRecordsContract`.

    Several processes may hold the same records. Methods raise `Unavailable` or `StorageFull`
    when the storage does not answer.
    """

    async def add(self, file: File, *, quota: int | None = None) -> File:
        """Keep a new record; return the one that is there when the id is known already.

        With `quota` (bytes) it raises `QuotaExceeded` and keeps nothing when the files of the
        owner, as `used_by` counts them, would take more; of several callers at once, too.
        """
        ...

    async def get_many(self, files: Collection[FileId]) -> Mapping[FileId, File]:
        """Return those that exist, deleted ones too."""
        ...

    async def change(self, file: File, *, was: FileState) -> bool:
        """Replace the record if its state is still `was`; False when it is not.

        Of two callers that both saw `was` and leave it, one gets True.
        """
        ...

    async def in_state(
        self, state: FileState, *, before: datetime | None = None, limit: int
    ) -> Sequence[File]:
        """Return files in a state, oldest first; with `before` those that expire before it."""
        ...

    async def in_conversation(
        self, conversation: ConversationId, *, after: FileId | None = None, limit: int
    ) -> Sequence[File]:
        """Return files of a conversation in any state, by id, those later than `after`."""
        ...

    async def used_by(self, owner: UserId) -> int:
        """Return the bytes of the files of `owner` that are ready, uploading or receiving."""
        ...

    def every(self, *, after: FileId | None = None) -> AsyncIterator[File]:
        """Yield all records by id, those later than `after`; bounded memory."""
        ...


class FileReferences(Protocol):
    """Which messages show which files; kept by what consumes the events."""

    async def attach(self, file: FileId, message: MessageId) -> None:
        """Remember that a message shows a file; a repeat changes nothing."""
        ...

    async def detach(self, message: MessageId) -> Collection[FileId]:
        """Forget what a message shows, for good; return its files that no message shows now.

        A repeat returns the same again. A later `attach` of the same pair has no effect, so
        a repeated event does no harm.
        """
        ...

    async def showing(self, file: FileId) -> int:
        """Return how many messages show a file."""
        ...

    async def unattached(self, *, before: datetime, limit: int) -> Sequence[File]:
        """Return ready files that were ready before `before` and that no message ever showed."""
        ...
