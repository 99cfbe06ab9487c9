"""Deletes a file that no message shows, for its owner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chat4all.domain.errors import Conflict, Unavailable
from chat4all.domain.files import FileState
from chat4all.domain.ids import FileId, UserId
from chat4all.ports.file_records import FileReferences
from chat4all.services.file_access import FileAccess
from chat4all.services.file_objects import Discard

PATIENCE = 5.0
"""Seconds for which messages that were just accepted are waited for."""


class DeleteFile:
    """What a message shows goes with the message, not by itself.

    `idle` says whether the references are up to date with all messages that were accepted;
    a process that cannot tell has None, and sends callers to `home`, the server that can.
    """

    def __init__(
        self,
        access: FileAccess,
        references: FileReferences,
        discard: Discard,
        idle: Callable[[], bool] | None,
        home: str,
    ) -> None:
        self._access = access
        self._references = references
        self._discard = discard
        self._idle = idle
        self._home = home

    async def __call__(self, owner: UserId, file_id: FileId) -> None:
        """Delete a file and its bytes; a repeat has no effect.

        Raises `FileNotFound`, `Conflict` for one that a message shows or that only another
        process can delete, and `Unavailable` when that cannot be told now.
        """
        file = await self._access.owned(owner, file_id)
        if file.state is FileState.DELETED:
            return
        if file.state is FileState.READY:
            if self._idle is None:
                raise Conflict(
                    "this process cannot tell whether a message shows the file; "
                    f"send this call to {self._home}/v1/files/{file_id}"
                )
            await self._wait(self._idle)
        if await self._references.showing(file_id):
            raise Conflict("a message shows this file; delete the message for everyone")
        await self._discard(
            file, FileState.DELETED, error="deleted", reason="its owner deleted the file"
        )

    async def _wait(self, idle: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    if idle():
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise Unavailable("messages wait to be stored; delete the file later") from error
