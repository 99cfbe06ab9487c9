"""Who may do what to a file: every call to one goes through here."""

from __future__ import annotations

from chat4all.domain.errors import ConversationNotFound, FileGone, FileNotFound, FileNotReady
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, UserId
from chat4all.ports.file_records import FileRecords
from chat4all.services.notify import FindConversation


class FileAccess:
    """Files as their owners and the members of their conversations see them."""

    def __init__(self, records: FileRecords, find: FindConversation) -> None:
        self._records = records
        self._find = find

    async def require_member(self, viewer: UserId, conversation: ConversationId) -> None:
        """Accept a member. Raises `ConversationNotFound` for anybody else."""
        found = await self._find(conversation)
        if found is None or found.member(viewer) is None:
            raise ConversationNotFound("there is no such conversation among yours")

    async def seen(self, viewer: UserId, file_id: FileId) -> File:
        """Return a file of a conversation of `viewer`. Raises `FileNotFound`."""
        file = await self.known(file_id)
        found = await self._find(file.conversation_id)
        if found is None or found.member(viewer) is None:
            raise FileNotFound("there is no such file in your conversations")
        return file

    async def owned(self, owner: UserId, file_id: FileId) -> File:
        """Return a file that `owner` uploaded. Raises `FileNotFound`."""
        file = await self.seen(owner, file_id)
        if file.owner_id != owner:
            raise FileNotFound("there is no such file among yours")
        return file

    async def known(self, file_id: FileId) -> File:
        """Return a file for a caller who has proved to know it. Raises `FileNotFound`."""
        file = (await self._records.get_many([file_id])).get(file_id)
        if file is None:
            raise FileNotFound("there is no such file in your conversations")
        return file


def require_ready(file: File) -> File:
    """Return `file` when it has bytes to read. Raises `FileNotReady`, `FileGone`."""
    if file.state in {FileState.UPLOADING, FileState.RECEIVING}:
        raise FileNotReady("the file has not all its bytes yet; come back when it is ready")
    if file.state is not FileState.READY:
        raise FileGone(file.reason or f"the file is {file.state}; its bytes are gone")
    return file
