"""The web client and the documentation page: files of the package, held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from litestar import Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from chat4all.gateway.rest.request import ApiRequest

WEB_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; font-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file with its media type and entity tag."""

    content: bytes
    media_type: str
    etag: str


def read_files(root: Path) -> dict[str, StaticFile]:
    """Return every file under `root` by its path, without hidden ones."""
    return {
        path.relative_to(root).as_posix(): _read(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


def serve(files: Mapping[str, StaticFile], aliases: Mapping[str, str]) -> HTTPRouteHandler:
    """Return the handler of all `files`; `aliases` give a file another path.

    The routes are the folders and files at the top, so any other address stays unknown.
    """
    names = {name.partition("/")[0] for name in files if "/" in name}
    tops = [name for name in files if "/" not in name]
    paths = ["/" + one for one in [*aliases, *tops]]
    paths += [f"/{folder}/{{rest:path}}" for folder in sorted(names)]
    served = {**files, **{alias: files[name] for alias, name in aliases.items() if name in files}}

    @route(
        paths,
        http_method=["GET", "HEAD"],
        include_in_schema=False,
        public=True,
        produces="*/*",
        media_type="application/octet-stream",
    )
    async def static_file(request: ApiRequest) -> Response[bytes]:
        """Return a file, or 304 when the client has it."""
        found = served.get(request.scope["path"].strip("/"))
        if found is None:
            raise NotFoundException
        return _answer(request, found)

    return static_file


def _answer(request: Request[Any, Any, Any], found: StaticFile) -> Response[bytes]:
    headers = {
        "ETag": found.etag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": WEB_POLICY,
    }
    known = [tag.strip().removeprefix("W/") for tag in _if_none_match(request).split(",")]
    if found.etag in known or "*" in known:
        return Response(b"", status_code=304, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def _if_none_match(request: Request[Any, Any, Any]) -> str:
    return request.headers.get("if-none-match", "")


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    kind = _TYPES.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
