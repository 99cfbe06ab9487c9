"""An answer that carries the bytes of an object, and the headers that keep them harmless."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

from litestar import Response

SEND_SECONDS = 60.0
"""How long a client may take for one piece of at most 1 MiB."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}
INLINE = re.compile(r"(image/(png|jpeg|gif|webp|avif)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+)\Z")
"""Types that a browser may show in place: none of them can hold a program."""
_PLAIN = re.compile(r"[ !#$&+\-.0-9A-Z^_`a-z|~()]+\Z")


def disposition(name: str, mime_type: str, *, wanted: str = "") -> str:
    """Return Content-Disposition (RFC 6266) with the name also in UTF-8 (RFC 8187).

    >>> print(disposition("cat é.jpg", "image/jpeg"))
    inline; filename="cat _.jpg"; filename*=UTF-8''cat%20%C3%A9.jpg
    """
    inline = INLINE.match(mime_type) is not None and wanted != "attachment"
    kind = "inline" if inline else "attachment"
    if _PLAIN.match(name):
        return f'{kind}; filename="{name}"'
    plain = "".join(one if _PLAIN.match(one) else "_" for one in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def begun(pieces: AsyncIterator[bytes]) -> Callable[[], AsyncIterator[bytes]]:
    """Return `pieces` once the first is at hand: what fails before it can still be told."""
    first = await anext(pieces, b"")

    async def read() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return read


class FileBody(Response[bytes]):
    """Streams what `read` yields, as fast as the client takes it."""

    def __init__(
        self,
        read: Callable[[], AsyncIterator[bytes]],
        *,
        status_code: int,
        headers: dict[str, str],
    ) -> None:
        super().__init__(b"", status_code=status_code, headers=headers)
        self._read = read
        self._raw = [(name.lower().encode(), one.encode()) for name, one in headers.items()]

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """Return the ASGI application that sends this; Litestar's hook."""
        return self._respond

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self._raw}
        await send(start)
        if scope["method"] != "HEAD":
            left = asyncio.ensure_future(_left(receive))
            try:
                await self._send_all(left, send)
            finally:
                left.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, left: asyncio.Future[None], send: Any) -> None:
        async for piece in self._read():
            if left.done():
                return
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _left(receive: Any) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
