"""Lets the web client of the server use file calls that have an origin of their own.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]

ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE"
ALLOWED_HEADERS = (
    "authorization, chat4all-on-behalf-of, content-type, range, if-range, if-none-match, "
    "tus-resumable, upload-offset, "
    "upload-length, upload-metadata, upload-checksum, upload-defer-length, "
    "x-http-method-override, x-requested-with"
)
EXPOSED_HEADERS = (
    "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Tus-Resumable, "
    "Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Content-Length, "
    "Content-Range, Content-Disposition, Accept-Ranges, ETag, Retry-After"
)
PREFLIGHT = (
    (b"access-control-allow-methods", ALLOWED_METHODS.encode()),
    (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
    (b"access-control-max-age", b"7200"),
)
EXPOSED = (b"access-control-expose-headers", EXPOSED_HEADERS.encode())


class CrossOrigin:
    """An ASGI application whose answers pages of one other origin may read.

    That origin is `home`'s, the server's public address; where none is set, any port of the
    host at which this application is asked: the server beside it. Cookies play no part, so
    credentials are not allowed.
    """

    def __init__(self, app: Any, *, home: str) -> None:
        self._app = app
        self._home = _origin(home) if home else ""

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request, with what its origin may know of the answer."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope.get("headers", ())}
        origin = headers.get("origin", "")
        allowed = bool(origin) and self._allows(origin, headers)
        if allowed and _is_preflight(scope, headers):
            await _preflight(origin, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"vary", b"Origin")]
                if allowed:
                    extra += [(b"access-control-allow-origin", origin.encode()), EXPOSED]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, told)

    def _allows(self, origin: str, headers: Mapping[str, str]) -> bool:
        if self._home:
            return origin == self._home
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        return host is not None and urlsplit(origin).hostname == host


def _is_preflight(scope: Any, headers: Mapping[str, str]) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


async def _preflight(origin: str, send: Callable[[Message], Awaitable[None]]) -> None:
    allow = (b"access-control-allow-origin", origin.encode())
    headers = [allow, *PREFLIGHT, (b"vary", b"Origin")]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
