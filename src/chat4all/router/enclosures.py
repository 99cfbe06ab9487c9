"""The file of a message that goes out: found, waited for while it comes, and handed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from chat4all.domain.errors import ChannelError, Chat4AllError, FileGone, NotFound, Unavailable
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import FileId
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import MEDIA, Payload
from chat4all.ports.connector import Connector

PATIENCE = 600.0
"""Seconds that a chat waits for a file; afterwards it gets a link that will work in time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_COMING = frozenset({FileState.RECEIVING, FileState.UPLOADING})
NOT_YET = "the file has not come yet"


class Files(Protocol):
    """What is known of files, and how they are read."""

    async def get(self, file_id: FileId, /) -> File | None:
        """Return a file in whatever state, or None."""
        ...

    def ref(self, file: File, *, link_for: timedelta) -> FileRef:
        """Return how to read a file; the link works for `link_for`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """The file of a message. Without `ref` there is none to be had, for `reason`.

    With both it cannot be read yet: its link is what can be sent, for that reason.
    """

    ref: FileRef | None = None
    reason: str | None = None


class Enclosures:
    """Finds the files of payloads. `link_for` is how long a link works that is sent instead."""

    def __init__(self, files: Files, *, link_for: timedelta, patience: float = PATIENCE) -> None:
        self._files = files
        self._link_for = link_for
        self._patience = patience

    async def wait(self, payload: Payload | None, wanted: Callable[[], Awaitable[None]]) -> None:
        """Return once the file has come or failed, or patience ends.

        `wanted` is asked meanwhile, and raises when nobody needs it any more.
        """
        now = asyncio.get_running_loop().time
        deadline, pause = now() + self._patience, _FIRST_PAUSE
        while payload is not None and payload.type in MEDIA and now() < deadline:
            file = await self._files.get(FileId(payload.file_id or ""))
            if file is None or file.state not in _COMING:
                return
            await wanted()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def of(self, payload: Payload) -> Enclosed | None:
        """Return the file of a payload, None where it has none.

        Raises `ChannelError` for one that is not there any more, `Unavailable`.
        """
        if payload.type not in MEDIA:
            return None
        file = await self._files.get(FileId(payload.file_id or ""))
        if file is None or file.state is FileState.DELETED:
            raise vanished()
        if file.state is FileState.FAILED:
            return Enclosed(reason=file.reason or "the file is not to be had")
        ref = self._files.ref(file, link_for=self._link_for)
        return Enclosed(ref=ref, reason=NOT_YET if file.state in _COMING else None)


async def hand_over(connector: Connector, message: Outgoing, file: FileRef) -> Sent:
    """Send a file. When it cannot be read that is raised, whatever the connector makes of it.

    Raises `ChannelError`, `FileGone`, `Unavailable`.
    """
    unread: list[Chat4AllError] = []

    async def read() -> AsyncIterator[bytes]:
        try:
            async for piece in file.read():
                yield piece
        except Chat4AllError as error:
            unread.append(error)
            raise

    try:
        return await connector.send_file(message, replace(file, read=read))
    except Chat4AllError as error:
        cause = unread[0] if unread else error
        if isinstance(cause, NotFound):
            raise FileGone("the bytes of the file have vanished") from error
        raise cause from None


def as_channel_error(error: FileGone | Unavailable) -> ChannelError:
    """Return what it means for a delivery that its file cannot be read."""
    if isinstance(error, FileGone):
        return vanished()
    return ChannelError("the file cannot be read now", retry=True, reason="storage_unavailable")


def vanished() -> ChannelError:
    """Return the failure of a message whose file is gone."""
    return ChannelError("the file is not there any more", retry=False, reason=FileGone.code)
