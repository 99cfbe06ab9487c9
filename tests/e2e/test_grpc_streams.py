"""StreamMessages when things go wrong: a server that is killed, a client that does not read."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import grpc
import pytest

from chat4all.gateway.grpc.generated import conversation_service_pb2 as conversations
from chat4all.gateway.grpc.generated import message_pb2 as messages
from chat4all.gateway.grpc.generated import message_service_pb2 as service
from tests.e2e.grpc_client import Client, details
from tests.e2e.product import PROGRAM, running_server
from tests.e2e.shell import run
from tests.servers.certificate import self_signed
from tests.servers.process import free_port, started, stop

pytestmark = pytest.mark.embedded("one process listens on the port of gRPC")

PATIENCE = 60.0
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
"""A client that keeps 64 KiB of what it has not read."""
GENEROUS = {"CHAT4ALL_SENDER_RATE": "100000", "CHAT4ALL_CONVERSATION_RATE": "100000"}


@contextmanager
def serving(folder: Path, http: int, port: int, **settings: str) -> Iterator[Popen[bytes]]:
    """Run the product on `folder`; the block may kill it."""
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHAT4ALL_")},
        **settings,
        "CHAT4ALL_GRPC_PORT": str(port),
        "CHAT4ALL_DATA_DIR": str(folder / "data"),
    }
    process = started(
        [*PROGRAM, "serve", "--port", str(http)],
        environment=environment,
        output=folder / "output.txt",
        ready=f"http://127.0.0.1:{http}/readyz",
    )
    try:
        yield process
    finally:
        stop(process)


async def private(ana: Client, ben: Client) -> str:
    made = await ana.ask(
        conversations.CreateConversationRequest(
            type=conversations.CONVERSATION_TYPE_PRIVATE, member_ids=[ben.user_id]
        )
    )
    return str(made.conversation.id)


def saying(conversation: str, words: str) -> messages.NewMessage:
    payload = messages.Payload(text=messages.TextPayload(text=words))
    return messages.NewMessage(conversation_id=conversation, payload=payload)


async def say(client: Client, conversation: str, *words: str) -> None:
    requests = [service.SendMessagesRequest(message=saying(conversation, one)) for one in words]
    answer = await client.pour(requests, service.SendMessagesRequest)
    assert [one.WhichOneof("result") for one in answer.outcomes] == ["accepted"] * len(words)


async def read(
    stream: Any, count: int, *, into: list[service.StreamMessagesResponse] | None = None
) -> list[service.StreamMessagesResponse]:
    """Return the next `count` messages of a stream, past presence and statuses."""
    found = [] if into is None else into
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            response = await stream.read()
            assert response is not grpc.aio.EOF, await stream.code()
            if response.HasField("message"):
                found.append(response)
    return found


def places(told: list[service.StreamMessagesResponse]) -> list[int]:
    return [one.message.message.seq for one in told]


async def test_a_stream_goes_on_without_a_gap_after_the_server_was_killed(tmp_path: Path) -> None:
    http, port = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    with serving(tmp_path, http, port) as server:
        async with Client.at(address) as one, Client.at(address) as two:
            ana, ben = await one.sign_up("ana"), await two.sign_up("ben")
            talk = await private(ana, ben)
            stream = ben.call(service.StreamMessagesRequest())
            assert (await stream.read()).HasField("ready")
            await say(ana, talk, "one", "two", "three")
            first = await read(stream, 2)
            server.kill()
            with pytest.raises(grpc.aio.AioRpcError) as broken:
                await read(stream, 100)
            assert broken.value.code() is grpc.StatusCode.UNAVAILABLE
    tokens = ana.token, ben.token
    with serving(tmp_path, http, port):
        async with Client.at(address, tokens[0]) as ana, Client.at(address, tokens[1]) as ben:
            await say(ana, talk, "four")
            resumed = ben.call(service.StreamMessagesRequest(cursor=first[-1].cursor))
            assert (await resumed.read()).HasField("ready")
            await say(ana, talk, "five")
            assert places(first) + places(await read(resumed, 3)) == [1, 2, 3, 4, 5]
            resumed.cancel()


async def test_a_client_that_does_not_read_is_cut_and_resumes_without_a_gap(
    tmp_path: Path,
) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    settings = {"CHAT4ALL_GRPC_PORT": str(port), **GENEROUS}
    async with (
        running_server(tmp_path, settings),
        Client.at(address) as one,
        Client.at(address, options=NARROW) as two,
    ):
        ana, ben = await one.sign_up("ana"), await two.sign_up("ben")
        talk = await private(ana, ben)
        slow, quick = (
            who.call(service.StreamMessagesRequest(), metadata=ben.metadata) for who in (ben, ana)
        )
        assert (await slow.read()).HasField("ready")
        assert (await quick.read()).HasField("ready")
        count, part = 800, 50  # of 16 KB: more than two mailboxes and the windows hold
        for first in range(0, count, part):  # no faster than who reads
            await say(ana, talk, *(f"{first} " + "x" * 16_000 for _ in range(part)))
            seen = places(await read(quick, part))
            assert seen == list(range(first + 1, first + part + 1))
        told: list[service.StreamMessagesResponse] = []
        with pytest.raises(grpc.aio.AioRpcError) as cut:
            await read(slow, count, into=told)
        why = details(cut.value)
        assert (why["code"], why["reason"]) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "slow_client",
        )
        assert 0 < len(told) < count
        resumed = ben.call(service.StreamMessagesRequest(cursor=told[-1].cursor))
        rest = await read(resumed, count - len(told))
        assert places(told) + places(rest) == list(range(1, count + 1))
        for stream in (quick, resumed):
            stream.cancel()


@pytest.mark.parametrize("is_live", [True, False])
async def test_what_a_cut_loses_of_one_reading_is_told_by_the_next_stream(
    tmp_path: Path, *, is_live: bool
) -> None:
    address = f"127.0.0.1:{(port := free_port())}"
    async with (
        running_server(tmp_path, {"CHAT4ALL_GRPC_PORT": str(port)}),
        Client.at(address) as one,
        Client.at(address) as two,
    ):
        ana, ben = await one.sign_up("ana"), await two.sign_up("ben")
        talk = await private(ana, ben)
        stream = ana.call(service.StreamMessagesRequest())
        await say(ana, talk, *map(str, range(10)))
        begin = (await read(stream, 10))[-1].cursor
        if not is_live:
            stream.cancel()
        await ben.ask(service.MarkReadRequest(conversation_id=talk, up_to_seq=10))
        if not is_live:
            stream = ana.call(service.StreamMessagesRequest(cursor=begin))
        first = await statuses_until(stream, lambda told: len(told) == 3)
        stream.cancel()
        await say(ben, talk, "I read them all")
        resumed = ana.call(service.StreamMessagesRequest(cursor=first[-1].cursor))
        rest = await statuses_until(resumed, lambda told: told[-1].HasField("message"))
        resumed.cancel()
    seen = {one.status.message_id for one in (*first, *rest) if one.HasField("status")}
    assert len(seen) == 10


async def statuses_until(
    stream: Any, enough: Callable[[list[service.StreamMessagesResponse]], bool]
) -> list[service.StreamMessagesResponse]:
    """Return the statuses and messages that a stream tells, up to what is enough."""
    told: list[service.StreamMessagesResponse] = []
    async with asyncio.timeout(PATIENCE):
        while not told or not enough(told):
            response = await stream.read()
            assert response is not grpc.aio.EOF, await stream.code()
            if response.WhichOneof("event") in ("status", "message"):
                told.append(response)
    return told


async def test_a_server_that_stops_asks_to_come_back(tmp_path: Path) -> None:
    port = free_port()
    async with Client.at(f"127.0.0.1:{port}") as client:
        async with running_server(tmp_path, {"CHAT4ALL_GRPC_PORT": str(port)}):
            await client.sign_up("ana")
            stream = client.call(service.StreamMessagesRequest())
            assert (await stream.read()).HasField("ready")
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read(stream, 1)
        why = details(ended.value)
        assert (why["code"], why["reason"]) == (grpc.StatusCode.UNAVAILABLE, "unavailable")
        assert why["RetryInfo"].retry_delay.seconds == 1


async def test_calls_are_made_by_tls_where_a_certificate_is_set(tmp_path: Path) -> None:
    certificate, key = self_signed()
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    port = free_port()
    settings = {
        "CHAT4ALL_GRPC_PORT": str(port),
        "CHAT4ALL_GRPC_TLS_CERTIFICATE": str(tmp_path / "cert.pem"),
        "CHAT4ALL_GRPC_TLS_KEY": str(tmp_path / "key.pem"),
    }
    async with running_server(tmp_path, settings):
        credentials = grpc.ssl_channel_credentials(root_certificates=certificate)
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            assert (await Client(channel).sign_up("ana")).user_id
        async with Client.at(f"127.0.0.1:{port}") as plain:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await plain.sign_up("ben")
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_serves_no_grpc_does_not_load_it(tmp_path: Path) -> None:
    async with running_server(tmp_path, {"PYTHONPROFILEIMPORTTIME": "1"}):
        said = (tmp_path / "output.txt").read_text()
    loaded = set(re.findall(r"^import time:.*\| +(\S+)$", said, re.MULTILINE))
    assert "uvicorn" in loaded
    assert {one for one in loaded if one.split(".")[0] in {"grpc", "google"}} == set()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"grpc_port": "http"}, "CHAT4ALL_GRPC_PORT"),
        ({"grpc_port": "0", "grpc_tls_key": "key.pem"}, "CHAT4ALL_GRPC_TLS_CERTIFICATE"),
        ({"grpc_port": "{taken}"}, "choose another CHAT4ALL_GRPC_PORT"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_start_and_says_what_to_do(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = str(taken.getsockname()[1])
        told = {name: value.replace("{taken}", port) for name, value in settings.items()}
        ended = run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), settings=told)
    assert ended.returncode != 0
    assert words in ended.stderr.splitlines()[-1]
