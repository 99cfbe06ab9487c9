"""An answer that carries the bytes of an object, and the headers that keep them harmless."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from litestar import Response

from chat4all.ports.object_store import FilePart

ZERO_COPY = "http.response.zerocopysend"
"""The extension of ASGI by which a server writes a part of a file.
https://asgi.readthedocs.io/en/latest/extensions.html#zero-copy-send"""
SEND_SECONDS, PACE_BYTES = 60.0, 1 << 20
"""How long a client may take for so many bytes; a piece that is read has no more of them."""
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


async def begun(pieces: AsyncIterator[bytes]) -> Callable[[], AsyncGenerator[bytes, None]]:
    """Return `pieces` once the first is at hand: what fails before it can still be told."""
    first = await anext(pieces, b"")

    async def read() -> AsyncGenerator[bytes, None]:
        yield first
        async for piece in pieces:
            yield piece

    return read


class FileBody(Response[bytes]):
    """Streams what `read` yields, as fast as the client takes it.

    Where the server can write parts of files, and `parts` has them, those in its place.
    """

    def __init__(
        self,
        read: Callable[[], AsyncGenerator[bytes, None]],
        *,
        status_code: int,
        headers: dict[str, str],
        parts: Callable[[], AsyncGenerator[FilePart, None] | None] = lambda: None,
    ) -> None:
        super().__init__(b"", status_code=status_code, headers=headers)
        self._read, self._parts = read, parts
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
                parts = self._parts() if ZERO_COPY in scope.get("extensions", {}) else None
                await _send_all(self._read() if parts is None else parts, left, send)
            finally:
                left.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _send_all(
    pieces: AsyncGenerator[bytes | FilePart, None], left: asyncio.Future[None], send: Any
) -> None:
    async with aclosing(pieces):  # however it ends, the file is let go of
        async for piece in pieces:
            if left.done():
                return
            if isinstance(piece, bytes):
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            else:
                place = {"file": piece.descriptor, "offset": piece.start, "count": len(piece)}
                try:  # the server looks after the time
                    await send({"type": ZERO_COPY, **place, "more_body": True})
                except ConnectionError:
                    return


async def _left(receive: Any) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
