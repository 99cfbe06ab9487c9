"""Reads files that are ready: for connectors, and for whoever asks the gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import TypeVar

from chat4all.domain.errors import FileGone, ObjectNotFound
from chat4all.domain.files import File
from chat4all.domain.ids import FileId
from chat4all.domain.outgoing import FileRef
from chat4all.ports.file_records import FileRecords
from chat4all.ports.object_store import (
    FilePart,
    ObjectKey,
    ObjectStore,
    StoredObject,
    SupportsFileParts,
)
from chat4all.services.file_links import FileLinks
from chat4all.services.file_meter import FileMeter, NoFileMeter, Peer
from chat4all.services.file_objects import object_key, thumbnail_key

Piece = TypeVar("Piece", bytes, FilePart)


class FileLibrary:
    """Records and bytes of files, without asking who reads: the caller has asked."""

    def __init__(
        self,
        records: FileRecords,
        objects: ObjectStore,
        links: FileLinks,
        *,
        meter: FileMeter | None = None,
    ) -> None:
        self._records = records
        self._objects = objects
        self._links = links
        self._meter = meter or NoFileMeter()

    async def get(self, file_id: FileId) -> File | None:
        """Return a file in whatever state, or None."""
        return (await self._records.get_many([file_id])).get(file_id)

    def ref(self, file: File, *, link_for: timedelta) -> FileRef:
        """Return a ready file as connectors take it; its link works for `link_for`.

        `read()` raises `FileGone` when the bytes have vanished, `Unavailable` when they
        cannot be had now.
        """
        return FileRef(
            name=file.name,
            mime_type=file.mime_type,
            size=file.size,
            url=self._links.sign(file.id, link_for).url,
            read=lambda: self.read(object_key(file.id), peer="platform"),
        )

    async def bytes_of(self, file: File, *, thumbnail: bool = False) -> StoredObject:
        """Return the object of a file, which is there. Raises `FileGone`."""
        key = thumbnail_key(file.id) if thumbnail else object_key(file.id)
        found = await self._objects.stat(key)
        if found is None:
            raise FileGone("the bytes of this file have vanished from the store")
        return found

    def read(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None, peer: Peer = "client"
    ) -> AsyncGenerator[bytes, None]:
        """Stream an object, or part of it, to `peer`. Raises `FileGone`, `Unavailable`."""
        return self._metered(self._objects.read(key, start=start, end=end), peer)

    def parts(
        self, key: ObjectKey, *, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[FilePart, None] | None:
        """Stream it to a client as parts of an open file; None where objects are no files.

        Raises as `read` does, when the parts are asked for.
        """
        if not isinstance(self._objects, SupportsFileParts):
            return None
        return self._metered(self._objects.parts(key, start=start, end=end), "client")

    async def _metered(
        self, pieces: AsyncIterator[Piece], peer: Peer
    ) -> AsyncGenerator[Piece, None]:
        try:
            async for piece in pieces:
                self._meter.file_bytes("transmit", peer, len(piece))
                yield piece
        except ObjectNotFound as error:
            raise FileGone("the bytes of this file have vanished from the store") from error
