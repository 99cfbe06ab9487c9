"""A request's body as it comes, without keeping it, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from litestar.exceptions import HTTPException

from chat4all.gateway.rest.problems import GONE

Receive = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Patience:
    """`least` bytes must come within each `seconds` that are spent waiting for them."""

    seconds: float = 30.0
    least: int = 16 * 1024


class SlowBody(HTTPException):
    """The body came too slowly (RFC 9110 section 15.5.9); what came was kept."""

    status_code = HTTPStatus.REQUEST_TIMEOUT


class ClientLeft(HTTPException):
    """The client went away in the middle of the body; nobody hears the answer."""

    status_code = HTTPStatus.INTERNAL_SERVER_ERROR


async def body_of(receive: Receive, patience: Patience) -> AsyncGenerator[bytes, None]:
    """Yield the body piece by piece, each as soon as it is there.

    The transport is not read while the consumer is busy, so memory stays bounded, and only
    time spent waiting for the client counts. Raises `SlowBody`, `ClientLeft`.
    """
    clock = asyncio.get_running_loop().time
    left, came = patience.seconds, 0
    while True:
        began = clock()
        event = await _within(left, receive, patience)
        left -= clock() - began
        if event["type"] == "http.disconnect":
            raise ClientLeft(GONE)
        piece: bytes = event.get("body", b"")
        if piece:
            yield piece
        if not event.get("more_body", False):
            return
        came += len(piece)
        if came >= patience.least:
            left, came = patience.seconds, 0


async def _within(seconds: float, receive: Receive, patience: Patience) -> Any:
    try:
        async with asyncio.timeout(seconds):
            return await receive()
    except TimeoutError as error:
        detail = f"fewer than {patience.least} bytes came in {patience.seconds:g} seconds"
        raise SlowBody(
            f"{detail}; ask for the offset and go on from there",
            headers={"Connection": "close"},
        ) from error
