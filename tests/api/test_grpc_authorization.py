"""Who may do what over gRPC: every row of grpc_authorization.toml, at a real server."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.server import GrpcServer
from tests.api.test_authorization import WHO, Village, a_village, elsewhere, filled
from tests.e2e.grpc_client import METHODS, Client, details

TABLE: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("grpc_authorization.toml").read_text("utf-8")
)
REQUESTS = {method.name: kind for kind, method in METHODS.items()}
REFUSED = {"NOT_FOUND", "PERMISSION_DENIED"}


class NoMeter:
    """Counts nothing."""

    def rpc(self, method: str, status: str, seconds: float) -> None:
        del method, status, seconds


async def at_hand(host: str, forwarded: str) -> str:
    return forwarded or host


@asynccontextmanager
async def a_served_village() -> AsyncIterator[tuple[Village, str]]:
    async with a_village() as village:
        deps = GrpcDeps(
            rest=village.world.deps,
            subscribe=village.world.subscribe,
            signals=village.world.signals,
            source_of=at_hand,
            meter=NoMeter(),
        )
        server = GrpcServer(deps, village.world.deps.ready)
        port = await server.start("127.0.0.1:0", None)
        try:
            yield village, f"127.0.0.1:{port}"
        finally:
            await server.aclose()


async def called(
    village: Village, address: str, who: str, call: str, things: Mapping[str, str]
) -> Any:
    """Make the call of a row; return its answer, or the error."""
    kind = REQUESTS[call.partition(" ")[0]]
    request = ParseDict(filled(TABLE[call]["request"], things), kind())
    bearer = village.clients[who].headers.get("authorization", "")
    async with Client.at(address, bearer.removeprefix("Bearer ")) as client:
        try:
            return await _answer(client, request)
        except grpc.aio.AioRpcError as error:
            return error


async def _answer(client: Client, request: Message) -> Any:
    method = METHODS[type(request)]
    if method.client_streaming:
        return await client.pour([request], type(request))
    if not method.server_streaming:
        return await client.ask(request)
    stream = client.call(request, timeout=30)
    first = await stream.read()
    stream.cancel()
    if first is grpc.aio.EOF:
        raise AssertionError("the stream told nothing")
    return first


def status(answer: Any) -> str:
    return answer.code().name if isinstance(answer, grpc.aio.AioRpcError) else "OK"


def test_each_method_has_a_row_and_each_row_a_method() -> None:
    assert len(METHODS) >= 38
    assert {call.partition(" ")[0] for call in TABLE} == set(REQUESTS)


@pytest.mark.parametrize("call", TABLE)
async def test_everybody_gets_what_the_table_says(call: str) -> None:
    expected = {who: TABLE[call][who] for who in WHO}
    got = {}
    if call.startswith(("Get", "List", "Download", "Stream", "Sign")):
        async with a_served_village() as (village, address):
            for who in WHO:
                answer = await called(village, address, who, call, village.things)
                got[who] = status(answer)
    else:
        for who in WHO:  # each in a village of their own, as it was
            async with a_served_village() as (village, address):
                answer = await called(village, address, who, call, village.things)
                got[who] = status(answer)
    assert got == expected


@pytest.mark.parametrize("call", [call for call in TABLE if TABLE[call]["stranger"] in REFUSED])
async def test_a_refusal_tells_a_stranger_nothing_about_what_there_is(call: str) -> None:
    async with a_served_village() as (village, address):
        nowhere = elsewhere(village.things)
        there = await called(village, address, "stranger", call, village.things)
        not_there = await called(village, address, "stranger", call, nowhere)
        assert told(there, village.things) == told(not_there, nowhere)


def told(error: grpc.aio.AioRpcError, things: Mapping[str, str]) -> str:
    """Return what a refusal tells, without the names that the request itself held."""
    text = str(sorted(details(error).items(), key=lambda one: one[0]))
    for name in things.values():
        text = text.replace(name, "...")
    return text


async def test_a_stranger_who_sends_a_stream_has_each_message_refused() -> None:
    async with a_served_village() as (village, address):
        answer = await called(village, address, "stranger", "SendMessages", village.things)
        assert [one.refused.code for one in answer.outcomes] == ["conversation_not_found"]
