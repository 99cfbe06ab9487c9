"""Answers leave as uvicorn would write them, and whole ones in one piece."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from chat4all.bootstrap import whole_answer
from chat4all.bootstrap.http_protocol import BoundedHttpProtocol
from tests.gateway.wire import Wire

GET = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
PLAIN = (b"content-type", b"text/plain")
DATE = (b"date", b"Fri, 27 Nov 2026 05:00:00 GMT")

Messages = Sequence[dict[str, Any]]


def start(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % size


async def answered(
    protocol: type[HttpToolsProtocol], request: bytes, messages: Messages, *, paused: bool = False
) -> Wire:
    """Have an application send `messages` for each request, and return what was written."""
    done = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        try:
            for one in messages:
                await send(one)
        finally:
            done.set()

    state = ServerState()
    state.default_headers = [DATE]
    config = uvicorn.Config(application, http=protocol, lifespan="off", log_config=None)
    config.load()
    wire, loop = Wire(), asyncio.get_running_loop()
    connection = protocol(config, state, {}, loop)
    connection.connection_made(wire)
    if paused:
        connection.pause_writing()
    connection.data_received(request)
    if paused:
        await asyncio.sleep(0.01)
        assert wire.pieces == []
        connection.resume_writing()
    await done.wait()
    while state.tasks:
        await asyncio.wait(state.tasks)
    connection.connection_lost(None)
    return wire


CASES: dict[str, tuple[bytes, Messages]] = {
    "a whole answer": (GET, [start(200, PLAIN, length(2)), body(b"ok")]),
    "names in capitals": (GET, [start(202, (b"Content-Length", b"2")), body(b"ok")]),
    "an empty answer": (GET, [start(200, length(0)), {"type": "http.response.body"}]),
    "no length": (GET, [start(200, PLAIN), body(b"ok")]),
    "in parts": (GET, [start(200, length(4)), body(b"ab", more=True), body(b"cd")]),
    "in parts without a length": (GET, [start(200), body(b"ab", more=True), body(b"cd")]),
    "HEAD": (GET.replace(b"GET", b"HEAD"), [start(200, length(2)), body(b"ok")]),
    "no content": (GET, [start(204), body(b"")]),
    "not modified": (GET, [start(304, length(2)), body(b"")]),
    "too long a body": (GET, [start(200, length(1)), body(b"ok")]),
    "too short a body": (GET, [start(200, length(3)), body(b"ok")]),
    "two lengths": (GET, [start(200, length(2), length(2)), body(b"ok")]),
    "a closed connection": (GET, [start(200, length(2), (b"connection", b"close")), body(b"ok")]),
    "HTTP/1.0": (GET.replace(b"1.1", b"1.0"), [start(200, length(2)), body(b"ok")]),
    "asked to close": (
        GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
        [start(200, length(2)), body(b"ok")],
    ),
    "two requests at once": (GET + GET, [start(200, length(2)), body(b"ok")]),
    "chunks by hand": (
        GET,
        [start(200, length(2), (b"transfer-encoding", b"chunked")), body(b"ok")],
    ),
    "a trace": (GET, [start(200, length(2), (b"traceresponse", b"00-1-2-01")), body(b"ok")]),
    "a line break in a trace": (
        GET,
        [start(200, length(2), (b"traceresponse", b"a\r\nb: c")), body(b"ok")],
    ),
    "a trace of an answer in parts": (
        GET,
        [start(200, length(4), (b"traceresponse", b"1")), body(b"ab", more=True), body(b"cd")],
    ),
    "a line break in a header": (GET, [start(200, length(2), (b"x", b"a\r\nb: c")), body(b"ok")]),
    "a line break in a name": (GET, [start(200, length(2), (b"x: a\r\nb", b"c")), body(b"ok")]),
    "no body at all": (GET, [start(200, PLAIN)]),
}


@pytest.mark.parametrize(("request_", "messages"), CASES.values(), ids=CASES.keys())
async def test_an_answer_is_the_one_that_uvicorn_writes(
    request_: bytes, messages: Messages
) -> None:
    theirs = await answered(HttpToolsProtocol, request_, messages)
    ours = await answered(BoundedHttpProtocol, request_, messages)

    assert ours.written == theirs.written
    assert ours.closed is theirs.closed


async def test_a_whole_answer_is_written_in_one_piece() -> None:
    wire = await answered(BoundedHttpProtocol, GET, [start(200, length(2)), body(b"ok")])

    assert len(wire.pieces) == 1
    assert wire.pieces[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.pieces[0].endswith(b"\r\n\r\nok")


async def test_answers_that_differ_in_their_trace_have_one_head_that_is_remembered() -> None:
    made = whole_answer._rendered.cache_info().misses
    for number in range(10):
        trace = (b"traceresponse", b"00-%d" % number)
        messages = [start(200, (b"x-own", b"of this test"), length(2), trace), body(b"ok")]
        wire = await answered(BoundedHttpProtocol, GET, messages)
        assert b"\r\ntraceresponse: 00-%d\r\n" % number in wire.pieces[0]

    assert whole_answer._rendered.cache_info().misses == made + 1


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    messages = [start(200, length(2)), body(b"ok")]
    wire = await answered(BoundedHttpProtocol, GET, messages, paused=True)

    assert wire.written.endswith(b"\r\n\r\nok")
