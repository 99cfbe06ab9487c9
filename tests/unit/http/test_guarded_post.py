"""Posts over real connections: where they go, how long they last, what is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from chat4all.adapters.http.guarded_calls import ANSWER_BYTES
from chat4all.adapters.http.guarded_post import GuardedPost
from chat4all.domain.public_addresses import AllowedAddresses

LOOPBACK = AllowedAddresses([ip_network("127.0.0.0/8")])
Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(reply: Reply) -> AsyncIterator[int]:
    """Listen on a free port of loopback; `reply` has each connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reply(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(answer: bytes) -> Reply:
    """Answer every request the same."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return reply


async def test_a_body_arrives_as_it_is_under_its_own_name() -> None:
    heard: list[bytes] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        heard.append(await reader.readexactly(4))
        writer.write(b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 3\r\n\r\nlat")
        await writer.drain()

    async def resolve(host: str, _port: int) -> Sequence[str]:
        assert host == "hooks.example"
        return ["127.0.0.1"]

    async with listening(reply) as port, GuardedPost(LOOPBACK, resolve=resolve) as post:
        url = f"http://hooks.example:{port}/in?x=1"
        answer = await post(url, {"webhook-id": "e1"}, "é{}".encode())
    assert (answer.status, answer.text, answer.retry_after) == (429, "lat", 120.0)
    head, body = heard
    assert head.startswith(b"POST /in?x=1 HTTP/1.1\r\n")
    assert f"host: hooks.example:{port}".encode() in head.lower()
    assert b"webhook-id: e1" in head.lower()
    assert body == "é{}".encode()


async def test_a_name_that_changes_between_check_and_call_leads_nowhere() -> None:
    reached: list[bytes] = []

    async def reply(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readuntil(b"\r\n\r\n"))

    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    async with listening(reply) as port, GuardedPost(AllowedAddresses(), resolve=resolve) as post:
        await post.check(f"https://rebinding.example:{port}/")
        answer = await post(f"https://rebinding.example:{port}/", {}, b"{}")
    assert answer.status is None
    assert "no address that may be called" in str(answer.error)
    assert reached == []
    assert answers == []


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    inside: list[bytes] = []

    async def reply(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        inside.append(await reader.readuntil(b"\r\n\r\n"))

    async with listening(reply) as other:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\n\r\n".encode()
        async with listening(saying(moved)) as port, GuardedPost(LOOPBACK) as post:
            answer = await post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.status == 302
    assert inside == []


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    sent = 0

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with listening(reply) as port, GuardedPost(LOOPBACK) as post:
        answer = await post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (answer.status, answer.text) == (200, "x" * ANSWER_BYTES)


async def test_a_receiver_that_drips_is_left_after_the_whole_time() -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:  # each byte is in time for the next one
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with listening(reply) as port, GuardedPost(LOOPBACK, total_seconds=0.3) as post:
        answer = await post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.status is None
    assert answer.error == "no answer within 0.3 seconds"


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nbroken", b"\0" * 200]
)
async def test_what_is_no_http_is_an_error_that_is_told(said: bytes) -> None:
    async with listening(saying(said)) as port, GuardedPost(LOOPBACK) as post:
        answer = await post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.status is None
    assert answer.error


async def test_nobody_listening_is_an_error_that_is_told() -> None:
    async with listening(saying(b"")) as port:
        pass
    async with GuardedPost(LOOPBACK) as post:
        answer = await post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.status is None
    assert answer.error
