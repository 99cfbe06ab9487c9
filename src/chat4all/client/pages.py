"""Lists of the server, page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from chat4all.client.connection import Connection
from chat4all.client.objects import Page

T = TypeVar("T")


async def paged(
    connection: Connection, path: str, type_: type[T], **params: str | int
) -> AsyncIterator[T]:
    """Yield the items of a list."""
    decoder = msgspec.json.Decoder(Page[type_])  # type: ignore[valid-type]  # known when it runs
    while True:
        page = decoder.decode(await connection.call("GET", path, params=params))
        for item in page.items:
            yield item
        if page.next is None:
            return
        params["cursor"] = page.next
