"""Where nothing to look with is installed: the type alone."""

from __future__ import annotations

from chat4all.adapters.media.sniff import HEAD_BYTES, type_of
from chat4all.domain.files import Looks
from chat4all.ports.media import Bytes, Inspection


class SniffingInspector:
    """Tells the type from the first bytes; no sizes, no durations, no thumbnails."""

    async def inspect(self, data: Bytes, *, size: int, name: str, claimed: str) -> Inspection:
        """Return the type of a file."""
        head = await read_head(data, size)
        return Inspection(mime_type=type_of(head, name=name, claimed=claimed), looks=Looks())


async def read_head(data: Bytes, size: int) -> bytes:
    """Return the first bytes of a file, as many as a type is told from."""
    if size == 0:
        return b""
    pieces = [piece async for piece in data(start=0, end=min(size, HEAD_BYTES))]
    return b"".join(pieces)[:HEAD_BYTES]
