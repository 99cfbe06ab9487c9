"""A balancer of connections: each goes to the next address, or the one after it that answers.

`python -m tests.e2e.balancer PORT PORT_OF_A_SERVER ...`, all on 127.0.0.1. It passes bytes on
and knows nothing of HTTP, so a client sees what the servers do, and nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
from collections.abc import Sequence

PIECE = 64 * 1024
HELD = 64 * 1024
"""Bytes on their way to a client that a socket of ours holds: a slow client is to be noticed."""
HOST = "127.0.0.1"


class Balancer:
    """Passes connections on to `ports` in turn."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turns = itertools.count()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        _socket_of(writer).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, HELD)
        server = await self._open()
        if server is None:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(self._pass(reader, server[1]), self._pass(server[0], writer))
        except OSError:  # one of the two is gone
            pass
        finally:
            for one in (writer, server[1]):
                one.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turns)
        for number in range(len(self._ports)):
            port = self._ports[(first + number) % len(self._ports)]
            try:
                server = await asyncio.open_connection(HOST, port)
            except OSError:
                continue
            _socket_of(server[1]).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD)
            return server
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        await writer.drain()


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    found: socket.socket = writer.get_extra_info("socket")
    return found


async def main(port: int, servers: Sequence[int]) -> None:
    """Balance until the process is ended."""
    async with await asyncio.start_server(Balancer(servers), HOST, port, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), [int(one) for one in sys.argv[2:]]))
