"""One message followed through the product, seen by a receiver of OTLP."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio

from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.gateway.grpc.generated.message_service_pb2 import StreamMessagesRequest
from chat4all.ports.event_log import COMMANDS
from tests.e2e.account import Account
from tests.e2e.grpc_client import Client
from tests.e2e.spans import PATIENCE, Tree
from tests.e2e.watched_server import Watched, until, watched_server
from tests.servers.otlp import OtlpReceiver, otlp_receiver
from tests.servers.process import free_port

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
NUMBERS = itertools.count()
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "congo=t61rcWkgMzE"}


pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.embedded("spans of one process on SQLite; test_roles.py has those of several"),
]


@dataclass(frozen=True, slots=True)
class Scene:
    """A product, what it sends to its Collector, and somebody who is signed in."""

    server: Watched
    otlp: OtlpReceiver
    ana: Account


@asynccontextmanager
async def product(folder: Path, otlp: OtlpReceiver, **settings: str) -> AsyncIterator[Scene]:
    """Run the product and sign Ana up."""
    async with (
        watched_server(folder, otlp_endpoint=otlp.url, **settings) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
    ):
        yield Scene(server, otlp, ana)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One that records what callers sample, and nothing that begins here."""
    with otlp_receiver() as otlp:
        async with product(tmp_path_factory.mktemp("traced"), otlp, trace_ratio="0") as found:
            yield found


async def phone_chat(ana: Account) -> str:
    """Start a conversation with somebody at a simulated phone."""
    channel = {"platform": "mock", "external_id": f"+55119999900{next(NUMBERS):02}"}
    body = {"display_name": "Rui", "channels": [channel]}
    contact = (await ana.post("contacts", body))["id"]
    talk = {"type": "private", "member_ids": [contact]}
    conversation: str = (await ana.post("conversations", talk))["id"]
    return conversation


def message(conversation: str) -> dict[str, Any]:
    return {"conversation_id": conversation, "payload": {"type": "text", "text": "good day"}}


async def send(ana: Account, conversation: str, **headers: str) -> httpx.Response:
    """Send a message as a caller that is in a trace."""
    return await ana.ask("POST", "/v1/messages", json=message(conversation), headers=headers)


async def metrics_with(ana: Account, name: str) -> str:
    """Return what `/metrics` tells, once `name` is among it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await ana.text("/metrics")
            if name in told:
                return told
            await asyncio.sleep(0.05)


async def test_a_message_is_one_trace_from_the_request_to_the_receipt(scene: Scene) -> None:
    ana = scene.ana
    async with ana.socket():
        answer = await send(ana, await phone_chat(ana), **SAMPLED)
        sent = answer.json()["message_id"]
        tree = Tree(scene.otlp, TRACE)
        await until(lambda: len(tree.named("push")) == 3, within=PATIENCE)
    await until(lambda: tree.is_whole(CALLER), within=PATIENCE)
    request = tree.below(CALLER, "POST /v1/messages")
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{request.id}-01"
    accepted = tree.below(request.id, "append commands")
    stored = tree.below(accepted.id, "process SubmitMessage")
    tree.below(stored.id, "push")
    delivery = tree.below(stored.id, "deliver mock")
    call = tree.below(delivery.id, "call mock")
    reported = tree.below(tree.below(delivery.id, "append commands").id, "process ReportStatus")
    tree.below(reported.id, "push")
    receipt = tree.below(delivery.id, "receipt mock")
    tree.below(tree.below(receipt.id, "process ReportStatus").id, "push")

    kinds = [one.kind for one in (request, accepted, stored, call)]
    assert kinds == ["server", "producer", "consumer", "client"]
    assert request.attributes["http.route"] == "/v1/messages"
    assert request.attributes["http.response.status_code"] == 202
    assert call.attributes["chat4all.outcome"] == "taken"
    assert call.attributes["chat4all.platform"] == "mock"
    assert receipt.attributes["chat4all.status"] == "delivered"
    for span in (stored, delivery, call, receipt):
        assert span.attributes["chat4all.message.id"] == sent
    assert not any(one.failed for one in tree.spans)


async def test_a_batch_is_linked_with_the_traces_that_meet_in_it(scene: Scene) -> None:
    otlp, conversation = scene.otlp, await phone_chat(scene.ana)
    traces = [f"{n:032x}" for n in range(1, 4)]
    parents = [f"00-{trace}-{CALLER}-01" for trace in traces]
    await asyncio.gather(*(send(scene.ana, conversation, traceparent=one) for one in parents))
    submitted = [Tree(otlp, trace) for trace in traces]
    name = "process SubmitMessage"
    await until(lambda: all(one.named(name) for one in submitted), within=PATIENCE)
    batches = {one.id: one for one in otlp.spans if one.name == "process commands"}
    for tree in submitted:
        [span] = tree.named(name)
        [(trace, batch)] = span.links
        assert trace not in traces
        assert (span.trace, span.parent) in batches[batch].links
        below = [one for one in otlp.of(trace) if one.parent == batch]
        [stored] = [one for one in below if one.name == "apply messages"]
        assert stored.kind == "client"
        assert stored.attributes["db.system.name"] == "sqlite"


async def test_what_the_caller_does_not_sample_is_named_and_not_recorded(scene: Scene) -> None:
    ana, trace = scene.ana, f"{7:032x}"
    conversation = await phone_chat(ana)
    answer = await send(ana, conversation, traceparent=f"00-{trace}-{CALLER}-00")
    await ana.history(conversation, 1)
    assert answer.headers["traceresponse"].startswith(f"00-{trace}-")
    assert answer.headers["traceresponse"].endswith("-00")
    assert scene.otlp.of(trace) == []


@pytest.mark.parametrize(
    ("parents", "believed"),
    [
        ([f"00-{TRACE}-{CALLER}-01"], True),
        ([f"00-{TRACE}-{CALLER}-02"], True),
        ([f"cc-{TRACE}-{CALLER}-01-what-comes-later"], True),
        ([f"00-{TRACE}-{CALLER}-01"] * 2, False),
        ([f"ff-{TRACE}-{CALLER}-01"], False),
        ([f"00-{TRACE}-{CALLER}-01-more"], False),
        ([f"00-{TRACE.upper()}-{CALLER}-01"], False),
        ([f"00-{'0' * 32}-{CALLER}-01"], False),
        ([f"00-{TRACE}-{'0' * 16}-01"], False),
        ([f"00-{TRACE}-{CALLER}"], False),
        ([f"00-{TRACE}-{CALLER}-1"], False),
        ([], False),
    ],
)
async def test_a_caller_is_believed_as_the_specification_says(
    scene: Scene, parents: list[str], *, believed: bool
) -> None:
    ana = scene.ana
    headers = [("TraceParent", one) for one in parents]
    headers += [("Authorization", f"Bearer {ana.token}"), ("tracestate", "a=1")]
    answer = await ana.ask("GET", "/v1/users/me", headers=headers)
    version, trace, span, flags = answer.headers["traceresponse"].split("-")
    assert version == "00"
    assert (trace == TRACE) is believed
    assert span not in {CALLER, "0" * 16}
    assert int(flags, 16) <= 3
    if believed:
        assert int(flags, 16) == int(parents[0].split("-")[3], 16)


async def test_every_answer_names_its_trace_and_every_refusal_quotes_it(scene: Scene) -> None:
    wrong = await scene.ana.ask("GET", "/v1/messages/nothing")
    nowhere = message("00000000-0000-7000-8000-000000000000")
    refused = await scene.ana.ask("POST", "/v1/messages", json=nowhere)
    for answer in (wrong, refused):
        assert answer.json()["trace_id"] == answer.headers["traceresponse"].split("-")[1]
    assert (wrong.status_code, refused.status_code) == (400, 404)
    probe = await scene.ana.ask("GET", "/readyz")
    assert "traceresponse" not in probe.headers


async def test_what_goes_on_from_a_frame_and_where_it_lies_in_the_log(tmp_path: Path) -> None:
    settings = {"trace_ratio": "1", "service_name": "hub", "environment": "trial"}
    with otlp_receiver() as otlp:
        async with product(tmp_path, otlp, **settings) as scene:
            ana = scene.ana
            conversation = await phone_chat(ana)
            await send(ana, conversation, **SAMPLED)
            async with ana.socket() as socket:
                frame = {"type": "send", "request_id": "1", "message": message(conversation)}
                await socket.send(json.dumps(frame))
                await ana.history(conversation, 2)
            told = await metrics_with(ana, "chat4all_deliveries_total")
    [sent] = [one for one in otlp.spans if one.name == "websocket send"]
    assert sent.parent == ""
    tree = Tree(otlp, sent.trace)
    accepted = tree.below(sent.id, "append commands")
    tree.below(accepted.id, "process SubmitMessage")
    _check_metrics(otlp, told)
    await _check_log(scene.server.data)


def _check_metrics(otlp: OtlpReceiver, page: str) -> None:
    """The Collector gets what `/metrics` shows, by the same names; gauges come and go."""
    shown = set(re.findall(r"^(?:chat4all|http)_\w+(?:_total|_count|_lag)\b", page, re.MULTILINE))
    named = tuple(one.replace(".", "_") for one in otlp.metrics)
    assert {"http_server_request_duration_seconds_count", "chat4all_router_lag"} < shown
    for name in shown:
        assert name.startswith(named), name
    for resource in otlp.resources:
        assert resource["service.name"] == "hub"
        assert resource["deployment.environment.name"] == "trial"


async def _check_log(folder: Path) -> None:
    """The caller's trace and its state lie beside what was accepted."""
    async with SqliteEventLog(folder / "log.sqlite3") as log:
        records = await log.read(COMMANDS, after=None, limit=100)
    found = [one.trace for one in records if one.trace[3:35] == TRACE]
    assert found
    for one in found:
        assert one.endswith(f"-01 {SAMPLED['tracestate']}")


async def test_a_stream_of_grpc_is_a_span_of_its_callers_trace(tmp_path: Path) -> None:
    port = free_port()
    with otlp_receiver() as otlp:
        async with (
            product(tmp_path, otlp, trace_ratio="0", grpc_port=str(port)) as scene,
            Client.at(f"127.0.0.1:{port}", scene.ana.token) as client,
        ):
            metadata = (*client.metadata, *SAMPLED.items())
            stream = client.call(StreamMessagesRequest(), metadata=metadata)
            await stream.read()
            stream.cancel()
            bad = client.call(StreamMessagesRequest(cursor="?"), metadata=metadata)
            with pytest.raises(grpc.aio.AioRpcError):
                await bad.read()
            spans = Tree(otlp, TRACE)
            name = "chat4all.v1.MessageService/StreamMessages"
            await until(lambda: len(spans.named(name)) == 2)
    left, refused = sorted(spans.named(name), key=lambda one: one.failed)
    for span, status in ((left, "CANCELLED"), (refused, "INVALID_ARGUMENT")):
        assert span.parent == CALLER
        assert span.attributes["rpc.response.status_code"] == status
    assert (left.failed, refused.failed) == (False, True)


async def test_without_a_collector_nothing_is_named_or_noted(tmp_path: Path) -> None:
    async with (
        watched_server(tmp_path) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
    ):
        conversation = await phone_chat(ana)
        answer = await send(ana, conversation, **SAMPLED)
        wrong = await ana.ask("GET", "/v1/messages/nothing")
        await ana.history(conversation, 1)
    assert "traceresponse" not in answer.headers
    assert "trace_id" not in wrong.json()
    async with SqliteEventLog(server.data / "log.sqlite3") as log:
        assert not any(one.trace for one in await log.read(COMMANDS, after=None, limit=100))


async def test_a_collector_that_is_not_there_holds_up_nothing(tmp_path: Path) -> None:
    with otlp_receiver() as gone:
        pass
    async with product(tmp_path, gone, trace_ratio="1") as scene:
        conversation = await phone_chat(scene.ana)
        assert (await send(scene.ana, conversation)).status_code == 202
        await scene.ana.history(conversation, 1)
