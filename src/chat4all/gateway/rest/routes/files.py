"""Files: begin, complete, look at, link to and delete them. Their bytes have calls of their own."""

from __future__ import annotations

from datetime import timedelta

from litestar import Controller, delete, get, post
from litestar.params import JSONBody

from chat4all.domain.errors import Chat4AllError
from chat4all.domain.files import CHUNK_BYTES, FileState
from chat4all.domain.ids import FileId
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.file_tools import Files
from chat4all.gateway.rest.problems import FILE_HANDLERS
from chat4all.gateway.rest.schemas.files import (
    BegunUpload,
    FileAnnouncement,
    FileInfo,
    FileLink,
    LinkRequest,
    PartAddress,
    PartRequest,
)
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.services.file_access import require_ready


class FileCalls(Controller):
    """`/v1/files`."""

    path = "/v1/files"
    tags = ("Files",)
    opt = SENDING
    exception_handlers = FILE_HANDLERS

    @post("/initiate", operation_id="initiateFile", problems=(404, 409, 413, 507))
    async def initiate(
        self, data: JSONBody[FileAnnouncement], files: Files, caller: Caller
    ) -> BegunUpload:
        """Begin an upload: the bytes go to `upload_url`, then complete it."""
        file = await files.initiate(caller.user_id, data.to_domain())
        return BegunUpload(
            file_id=file.id,
            upload_url=files.upload_url(file.id),
            chunk_size=CHUNK_BYTES,
            expires_at=file.expires_at,
        )

    @post(
        "/{file_id:str}/complete",
        operation_id="completeFile",
        status_code=200,
        problems=(409, 410, 422, 507),
    )
    async def complete(self, file_id: UuidPath, files: Files, caller: Caller) -> FileInfo:
        """Make a file visible, once its stored bytes were found to be what was announced."""
        return FileInfo.of(await files.complete(caller.user_id, _id(file_id)))

    @post("/{file_id:str}/parts", operation_id="presignPart", problems=(409, 410))
    async def part(
        self, file_id: UuidPath, data: JSONBody[PartRequest], files: Files, caller: Caller
    ) -> PartAddress:
        """Get an address of the object store to send one part of an upload to.

        Only where files lie in S3; elsewhere 409: the bytes go to `upload_url`.
        """
        presigned = await files.presign(
            caller.user_id, _id(file_id), data.number, checksum=data.checksum
        )
        return PartAddress.of(presigned)

    @get("/{file_id:str}", operation_id="getFile")
    async def show(self, file_id: UuidPath, files: Files, caller: Caller) -> FileInfo:
        """Tell what is known of a file of one's conversations."""
        file = await files.access.seen(caller.user_id, _id(file_id))
        offset = None
        if file.state is FileState.UPLOADING and file.owner_id == caller.user_id:
            try:
                offset = (await files.uploads.status(caller.user_id, file.id)).offset
            except Chat4AllError:
                offset = None  # it has just ended or expired; the state tells the rest
        return FileInfo.of(file, offset=offset)

    @post("/{file_id:str}/links", operation_id="linkToFile", problems=(409, 410))
    async def link(
        self, file_id: UuidPath, data: JSONBody[LinkRequest], files: Files, caller: Caller
    ) -> FileLink:
        """Make a link that serves the file to whoever has it, until it expires."""
        file = require_ready(await files.access.seen(caller.user_id, _id(file_id)))
        lasting = timedelta(seconds=data.expires_in)
        made = files.links.sign(file.id, lasting, disposition=data.disposition or "")
        return FileLink(url=made.url, expires_at=made.expires_at)

    @delete("/{file_id:str}", operation_id="deleteFile", problems=(409,))
    async def remove(self, file_id: UuidPath, files: Files, caller: Caller) -> None:
        """Delete a file of one's own that no message shows."""
        await files.delete(caller.user_id, _id(file_id))


def _id(text: str) -> FileId:
    return FileId(text.lower())
