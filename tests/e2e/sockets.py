"""What a WebSocket client sees."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close


async def ended(socket: ClientConnection, *, within: float = 30.0) -> Close:
    """Read until the server closes the connection; return its code and reason."""
    try:
        async with asyncio.timeout(within):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd or Close(1006, "")
