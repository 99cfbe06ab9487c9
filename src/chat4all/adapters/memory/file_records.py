"""Records of files in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice

from chat4all.domain.errors import QuotaExceeded
from chat4all.domain.files import COUNTED, File, FileState
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId
from chat4all.ports.moving import Reference


class MemoryFileRecords:
    """Both `FileRecords` and `FileReferences`; what one object holds, another does not."""

    def __init__(self) -> None:
        self._files: dict[FileId, File] = {}
        self._shown: dict[tuple[FileId, MessageId], bool] = {}

    async def add(self, file: File, *, quota: int | None = None) -> File:
        """Keep a new record; see the port."""
        if file.id not in self._files:
            if quota is not None and await self.used_by(file.owner_id) + file.size > quota:
                raise QuotaExceeded(f"your files may take {quota} bytes; delete some first")
            self._files[file.id] = file
        return self._files[file.id]

    async def get_many(self, files: Collection[FileId]) -> Mapping[FileId, File]:
        """Return those that exist; see the port."""
        return {one: self._files[one] for one in files if one in self._files}

    async def change(self, file: File, *, was: FileState) -> bool:
        """Replace the record; see the port."""
        kept = self._files.get(file.id)
        if kept is None or kept.state is not was:
            return False
        self._files[file.id] = file
        return True

    async def in_state(
        self, state: FileState, *, before: datetime | None = None, limit: int
    ) -> Sequence[File]:
        """Return files in a state; see the port."""
        found = [
            one
            for one in self._files.values()
            if one.state is state
            and (before is None or (one.expires_at is not None and one.expires_at < before))
        ]
        return sorted(found, key=lambda one: (one.created_at, one.id))[:limit]

    async def in_conversation(
        self, conversation: ConversationId, *, after: FileId | None = None, limit: int
    ) -> Sequence[File]:
        """Return files of a conversation; see the port."""
        found = (
            one
            for name, one in sorted(self._files.items())
            if one.conversation_id == conversation and (after is None or name > after)
        )
        return list(islice(found, limit))

    async def used_by(self, owner: UserId) -> int:
        """Return the bytes of the files of `owner`; see the port."""
        files = self._files.values()
        return sum(one.size for one in files if one.owner_id == owner and one.state in COUNTED)

    async def every(self, *, after: FileId | None = None) -> AsyncIterator[File]:
        """Yield all records by id; see the port."""
        for name in sorted(self._files):
            if after is None or name > after:
                yield self._files[name]

    async def attach(self, file: FileId, message: MessageId) -> None:
        """Remember that a message shows a file; see the port."""
        self._shown.setdefault((file, message), True)

    async def detach(self, message: MessageId) -> Collection[FileId]:
        """Forget what a message shows; see the port."""
        files = {file for file, of in self._shown if of == message}
        for file in files:
            self._shown[(file, message)] = False
        return {file for file in files if not await self.showing(file)}

    async def showing(self, file: FileId) -> int:
        """Return how many messages show a file."""
        return sum(shown for (of, _), shown in self._shown.items() if of == file)

    async def unattached(self, *, before: datetime, limit: int) -> Sequence[File]:
        """Return ready files that no message ever showed; see the port."""
        attached = {file for file, _ in self._shown}
        return [
            one
            for one in await self.in_state(FileState.READY, limit=len(self._files))
            if one.id not in attached and one.ready_at is not None and one.ready_at < before
        ][:limit]

    async def references(self) -> AsyncIterator[Reference]:
        """Yield every pair; see `SupportsReferences`."""
        for (file, message), shown in sorted(self._shown.items()):
            yield Reference(file, message, shown)
