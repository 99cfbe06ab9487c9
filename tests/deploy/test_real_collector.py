"""A real Collector with our configuration, between the product and where its signals are kept."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.deploy.dashboard_links import is_found, links, selects
from tests.deploy.test_collector import PLANTED
from tests.e2e.account import Account
from tests.e2e.spans import PATIENCE, Tree
from tests.e2e.watched_server import Watched, until, watched_server
from tests.servers.collector import Collector, collector
from tests.servers.otlp import OtlpReceiver, otlp_receiver
from tests.servers.process import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = "+351910000077"
CALLER = "b7ad6b7169203331"
METRIC = re.compile(r"^# TYPE (chat4all_\w+|http_server_\w+) ", re.MULTILINE)
DROPPED = (
    "url.path",
    "url.query",
    "url.full",
    "client.address",
    "user_agent.original",
    "exception.message",
    "exception.stacktrace",
    "http.request.header.authorization",
    "some.api_key",
)
SECRETS = {
    **{key: f"what {key} holds" for key in DROPPED},
    **{f"note {n}": one for n, one in enumerate(PLANTED)},
}
"""Attributes none of which may get through."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The product, its Collector, what comes out of that, and somebody who is signed in."""

    server: Watched
    collector: Collector
    kept: OtlpReceiver
    ana: Account
    written: list[str] = field(default_factory=list)

    def write_lines(self) -> None:
        """Give the Collector what the product printed since the last time, as Docker writes it."""
        folder = self.collector.containers / "chat4all"
        folder.mkdir(parents=True, exist_ok=True)
        new = self.server.output().splitlines()[len(self.written) :]
        self.written.extend(new)
        with (folder / "chat4all-json.log").open("a") as file:
            for line in (*new, *PLANTED):
                told = {"log": f"{line}\n", "stream": "stderr", "time": "2026-01-01T00:00:00.5Z"}
                file.write(json.dumps(told) + "\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("collected")
    with otlp_receiver() as kept, collector(folder, kept.url) as ours:
        told = {
            "otlp_endpoint": ours.otlp,
            "log_format": "json",
            "environment": "testing",
            "telegram_api": f"http://127.0.0.1:{free_port()}",  # where nobody answers
        }
        async with (
            watched_server(folder, **told) as server,
            Account(server.url, "ana").signed_up("Ana") as ana,
        ):
            yield Scene(server, ours, kept, ana)


async def test_from_a_failure_one_gets_to_its_line_and_its_trace_by_labels(scene: Scene) -> None:
    trace = await _failed(scene.ana)
    counted = 'chat4all_deliveries_total{[^}]*channel="mock"[^}]*status="failed"[^}]*} 1'
    await _collected(scene, counted)
    await until(lambda: "delivery failed" in scene.server.output())
    scene.write_lines()
    await until(lambda: any(one.body == "delivery failed" for one in scene.kept.lines))
    [line] = [one for one in scene.kept.lines if one.body == "delivery failed"]
    assert line.attributes["channel"] == "mock"
    assert line.trace == trace
    assert line.severity == "info"
    assert line.resource["service.name"] == "chat4all"
    assert line.resource["deployment.environment.name"] == "testing"
    tree = Tree(scene.kept, line.trace)
    await until(lambda: len(tree.named("call mock")) == 1)
    [call] = tree.named("call mock")
    assert call.attributes["chat4all.message.id"] == line.attributes["message_id"]
    assert call.attributes["chat4all.outcome"] == "blocked"
    asked = 0
    for link in links():
        labels = {"channel": "mock", "platform": "mock", "target": "mock"}
        if link.series & labels.keys() or link.dashboard == "connector-mock":
            query, asked = link.filled(**labels), asked + 1
            assert selects(query, line) if link.source == "loki" else is_found(query, call), link
    assert asked > 10, "of every panel that tells of a connector two links"


async def test_a_link_of_a_panel_of_routes_leads_to_the_spans_of_the_route(scene: Scene) -> None:
    await scene.ana.ask(
        "GET", "/v1/users/me", headers={"traceparent": f"00-{'5' * 32}-{CALLER}-01"}
    )
    tree = Tree(scene.kept, "5" * 32)
    await until(lambda: len(tree.named("GET /v1/users/me")) == 1)
    [span] = tree.named("GET /v1/users/me")
    of_routes = [one for one in links() if "http_route" in one.series and one.source == "traces"]
    assert of_routes
    assert all(is_found(one.filled(http_route="/v1/users/me"), span) for one in of_routes)


async def test_a_link_of_a_panel_without_such_labels_leads_to_what_went_wrong(scene: Scene) -> None:
    await _failed(scene.ana, phone=f"{PHONE}0", trace="7" * 32)
    tree = Tree(scene.kept, "7" * 32)
    await until(lambda: len(tree.named("call mock")) == 1)
    account = {"platform": "telegram", "name": "bot", "config": {"token": "12:wrong"}}
    await scene.ana.post("admin/connectors/accounts", account)
    await until(lambda: '"level": "warning"' in scene.server.output())
    scene.write_lines()
    await until(lambda: any(one.severity == "warning" for one in scene.kept.lines))
    of_wrongs = [one for one in links() if "severity_text" in one.query.get("expr", "")]
    assert of_wrongs
    for link in of_wrongs:
        found = [one for one in scene.kept.lines if selects(link.filled(), one)]
        assert found
        assert all(one.severity != "info" for one in found)
    [call] = tree.named("call mock")
    errors = [one.filled() for one in links() if one.query.get("tags") == "error=true"]
    assert errors
    assert all(is_found(tags, call) for tags in errors)


async def test_metrics_have_the_names_that_the_product_gives_them(scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            ours = set(METRIC.findall(await scene.ana.text("/metrics")))
            if ours and ours == set(METRIC.findall(await _metrics(scene))):
                break
            await asyncio.sleep(0.5)


async def test_what_must_not_pass_does_not(scene: Scene) -> None:
    spans, lines = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    traced = spans.resource_spans.add()
    traced.resource.attributes.add(key="service.instance.id").value.string_value = "planter"
    span = traced.scope_spans.add().spans.add(name="planted", trace_id=b"t" * 16, span_id=b"s" * 8)
    record = lines.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = "planted"
    secrets = [KeyValue(key=key, value=AnyValue(string_value=one)) for key, one in SECRETS.items()]
    span.attributes.extend(secrets)
    span.events.add(name="exception").attributes.extend(secrets)
    record.attributes.extend(secrets)
    async with httpx.AsyncClient(base_url=scene.collector.otlp, trust_env=False) as http:
        for path, request in (("traces", spans), ("logs", lines)):
            binary = {"content-type": "application/x-protobuf"}
            answer = await http.post(
                f"/v1/{path}", content=request.SerializeToString(), headers=binary
            )
            assert answer.status_code == 200, answer.text
    scene.write_lines()
    await until(lambda: any(one.body == "planted" for one in scene.kept.lines))
    await until(lambda: any(one.name == "planted" for one in scene.kept.spans))
    await until(lambda: len(scene.kept.lines) > len(PLANTED))
    passed = b"".join(scene.kept.raw)
    assert [one for one in SECRETS.values() if one.encode() in passed] == []


async def _failed(
    ana: Account, phone: str = PHONE, trace: str = "0af7651916cd43dd8448eb211c80319c"
) -> str:
    """Send a message that its channel refuses for good; return its trace."""
    channel = {"platform": "mock", "external_id": phone}
    rui = await ana.post("contacts", {"display_name": "Rui", "channels": [channel]})
    talk = await ana.post("conversations", {"type": "private", "member_ids": [rui["id"]]})
    await ana.patch(f"mock/phones/{phone}", {"fail": "permanent"})
    message = {"conversation_id": talk["id"], "payload": {"type": "text", "text": "Good day"}}
    headers = {"traceparent": f"00-{trace}-{CALLER}-01"}
    answer = await ana.ask("POST", "/v1/messages", json=message, headers=headers)
    assert answer.status_code == 202
    return trace


async def _metrics(scene: Scene) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(scene.collector.metrics)).text


async def _collected(scene: Scene, pattern: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not re.search(pattern, await _metrics(scene)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
