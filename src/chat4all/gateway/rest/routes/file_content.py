"""The bytes of files, for members and for whoever has a signed link."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from litestar import Controller, Response, get, route
from litestar.params import HeaderParameter, QueryParameter

from chat4all.domain.errors import FileNotFound, NotPermitted
from chat4all.domain.files import File
from chat4all.domain.ids import FileId
from chat4all.gateway.rest.byte_ranges import is_known, part_of
from chat4all.gateway.rest.file_response import HEADERS, FileBody, disposition
from chat4all.gateway.rest.file_tools import Files, FileTools
from chat4all.gateway.rest.problems import FILE_HANDLERS, NoSuchRange
from chat4all.gateway.rest.request import ApiRequest
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.services.examine_file import THUMBNAIL_TYPE
from chat4all.services.file_access import require_ready
from chat4all.services.file_objects import object_key, thumbnail_key

OPTIONS = {"produces": "*/*", "bytes": True, "problems": (403, 404, 409, 410, 416)}
Expires = Annotated[
    int | None,
    QueryParameter(ge=0, le=2**53 - 1, description="Of a signed link: until when, in Unix time."),
]
Signature = Annotated[
    str | None,
    QueryParameter(max_length=100, pattern="^[A-Za-z0-9_-]+\\Z", description="Of a signed link."),
]
Disposition = Annotated[
    Literal["attachment"] | None,
    QueryParameter(description="`attachment`: to be saved, where a browser would show it."),
]
Range = Annotated[
    str | None,
    HeaderParameter(
        name="Range",
        max_length=1_000,
        description="One range, `bytes=0-99`; several are answered with the whole file.",
    ),
]


class FileContent(Controller):
    """`/v1/files/{id}/content` and `/thumbnail`."""

    path = "/v1/files/{file_id:str}"
    tags = ("Files",)
    exception_handlers = FILE_HANDLERS

    @get("/content", operation_id="readFile", opt={**OPTIONS, "signed_link": True})
    async def content(
        self,
        request: ApiRequest,
        file_id: UuidPath,
        files: Files,
        expires: Expires = None,
        signature: Signature = None,
        disposition: Disposition = None,
        range_: Range = None,
    ) -> Response[bytes]:
        """Return the bytes of a file, or a part of them; a signed link needs no token."""
        del range_
        return await _content(request, files, file_id, expires, signature, disposition)

    @route(
        "/content",
        http_method="HEAD",
        operation_id="lookAtFile",
        opt={**OPTIONS, "signed_link": True},
    )
    async def content_headers(
        self,
        request: ApiRequest,
        file_id: UuidPath,
        files: Files,
        expires: Expires = None,
        signature: Signature = None,
        disposition: Disposition = None,
    ) -> Response[bytes]:
        """Return the headers of the content alone."""
        return await _content(request, files, file_id, expires, signature, disposition)

    @get("/thumbnail", operation_id="readThumbnail", opt=OPTIONS)
    async def thumbnail(
        self, request: ApiRequest, file_id: UuidPath, files: Files
    ) -> Response[bytes]:
        """Return a small picture of a file that has one, as WebP."""
        file = require_ready(await files.access.seen(request.user.user_id, _id(file_id)))
        if not file.looks.thumbnail:
            raise FileNotFound("this file has no thumbnail; `has_thumbnail` tells")
        stored = await files.library.bytes_of(file, thumbnail=True)
        etag = f'"thumbnail-{file.checksum}"'
        headers = {
            **HEADERS,
            "Content-Type": THUMBNAIL_TYPE,
            "Content-Disposition": "inline",
            "ETag": etag,
        }
        if is_known(request.headers, etag):
            return _without_body(304, headers)
        headers["Content-Length"] = str(stored.size)
        read = partial(files.library.read, thumbnail_key(file.id))
        return FileBody(read, status_code=200, headers=headers)


async def _content(
    request: ApiRequest,
    files: FileTools,
    file_id: str,
    expires: int | None,
    signature: str | None,
    wanted: str | None,
) -> Response[bytes]:
    file = await _readable(request, files, _id(file_id), expires, signature, wanted or "")
    stored = await files.library.bytes_of(file)
    etag = f'"{file.checksum}"'
    headers = {
        **HEADERS,
        "Content-Type": file.mime_type,
        "Content-Disposition": disposition(file.name, file.mime_type, wanted=wanted or ""),
        "ETag": etag,
    }
    if is_known(request.headers, etag):
        return _without_body(304, headers)
    part = part_of(request.headers, size=stored.size, etag=etag)
    if part is None:
        raise NoSuchRange(stored.size)
    headers["Content-Length"] = str(part.end - part.start)
    if part.partial:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{stored.size}"
    key, start, end = object_key(file.id), part.start, part.end
    return FileBody(
        partial(files.library.read, key, start=start, end=end),
        parts=partial(files.library.parts, key, start=start, end=end),
        status_code=206 if part.partial else 200,
        headers=headers,
    )


async def _readable(
    request: ApiRequest,
    files: FileTools,
    file_id: FileId,
    expires: int | None,
    signature: str | None,
    wanted: str,
) -> File:
    """Return a ready file that the caller may read: a member, or with a good link anybody."""
    if signature is None:
        return require_ready(await files.access.seen(request.user.user_id, file_id))
    if expires is None:
        raise NotPermitted("this link is not one of ours; ask for a new one")
    files.links.check(file_id, expires=expires, signature=signature, disposition=wanted)
    return require_ready(await files.access.known(file_id))


def _without_body(status: int, headers: dict[str, str]) -> Response[Any]:
    return Response(b"", status_code=status, headers=headers)


def _id(text: str) -> FileId:
    return FileId(text.lower())
