"""Whether a message may show a file: asked before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chat4all.domain.errors import FileGone, InvalidInput
from chat4all.domain.ids import ConversationId, FileId
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_access import require_ready
from chat4all.services.file_sweeper import UNSENT_AFTER

CheckFile = Callable[[FileId, ConversationId], Awaitable[str]]
"""Returns the name of a file; raises `InvalidInput`, `FileNotReady` or `FileGone` for one that
cannot be shown there."""


class ShownFiles:
    """Accepts files of the same conversation that are ready, and stay."""

    def __init__(
        self, records: FileRecords, references: FileReferences, *, now: Clock = utc_now
    ) -> None:
        self._records = records
        self._references = references
        self._now = now

    async def __call__(self, file_id: FileId, conversation: ConversationId) -> str:
        """Return the name of a file that may be shown, or raise as `CheckFile` says."""
        file = (await self._records.get_many([file_id])).get(file_id)
        if file is None or file.conversation_id != conversation:
            raise _not_here()
        require_ready(file)
        # One that waited too long is about to be swept, unless a message shows it already.
        waited = file.ready_at is not None and self._now() - file.ready_at >= UNSENT_AFTER
        if waited and not await self._references.showing(file_id):
            raise FileGone("the file was not sent within 7 days of its upload; upload it again")
        return file.name


async def no_files(file_id: FileId, conversation: ConversationId) -> str:  # noqa: ARG001 - a `CheckFile`
    """Refuse every file: the `CheckFile` of a node that has none."""
    raise _not_here()


def _not_here() -> InvalidInput:
    return InvalidInput(
        "`file_id` names no file of this conversation; upload it there first",
        [("/payload/file_id", "no such file here")],
    )
