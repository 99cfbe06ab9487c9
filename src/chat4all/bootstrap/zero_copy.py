"""Parts of files that the system writes to a connection: their bytes never come to Python.

https://man7.org/linux/man-pages/man2/sendfile.2.html
"""

from __future__ import annotations

import asyncio
import os
import select
import sys

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from chat4all.gateway.rest.file_response import PACE_BYTES, SEND_SECONDS

WAIT_MILLISECONDS = 2
"""How long a thread waits for a connection that takes no more, before it is given back."""


def can_send_parts(transport: asyncio.Transport) -> bool:
    """Return whether a connection takes parts: one of TCP without TLS, on Linux."""
    has_socket = transport.get_extra_info("socket") is not None
    return sys.platform == "linux" and has_socket and not transport.get_extra_info("sslcontext")


async def send_part(cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
    """Write `count` bytes of `file` from `offset` on, as a part of the body of an answer.

    Returns once the system has them. Raises `ConnectionError` when the client is gone, also one
    that is cut off because it took less than `PACE_BYTES` in `SEND_SECONDS`, and `RuntimeError`
    when the file or the announced length ends before them.
    """
    transport = cycle.transport
    if cycle.disconnected or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    if count > cycle.expected_content_length:
        raise RuntimeError("Response content longer than Content-Length")
    transport.set_write_buffer_limits(high=0)  # paused until all that was written before is gone
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await cycle.flow.drain()
        await _send(cycle, file, offset, count)
    except (ConnectionError, TimeoutError) as error:
        cycle.disconnected = True
        transport.abort()
        raise ConnectionAbortedError("the client is gone, or too slow") from error
    finally:
        if not transport.is_closing():
            transport.set_write_buffer_limits()


async def _send(cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    due, taken = loop.time() + SEND_SECONDS, 0
    # While a thread writes, the transport may close its own, and another may get that number.
    connection = os.dup(cycle.transport.get_extra_info("socket").fileno())
    try:
        while count:
            if cycle.disconnected:
                raise ConnectionResetError("the client is gone")
            work = loop.run_in_executor(None, _write, connection, file, offset, count)
            try:
                written = await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])  # a thread can not be stopped
                work.exception()  # looked at: nobody else will
                raise
            offset, count = offset + written, count - written
            cycle.expected_content_length -= written
            taken += written
            if taken >= PACE_BYTES:
                due, taken = loop.time() + SEND_SECONDS, 0
            if count:
                async with asyncio.timeout_at(due):
                    await _writable(loop, connection)
    finally:
        os.close(connection)


def _write(connection: int, file: int, offset: int, count: int) -> int:
    """Write what the connection takes without waiting long; return how many bytes it was."""
    done = 0
    while done < count:
        try:
            written = os.sendfile(connection, file, offset + done, count - done)
        except BlockingIOError:
            if not _takes_more(connection):
                break
            continue
        if not written:
            raise RuntimeError("a file ended before the part that was to be sent")
        done += written
    return done


def _takes_more(connection: int) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    return bool(poll.poll(WAIT_MILLISECONDS))


async def _writable(loop: asyncio.AbstractEventLoop, connection: int) -> None:
    ready = asyncio.Event()
    loop.add_writer(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(connection)
