"""Whatever a client sends over HTTP, it gets a problem that names the place, and no one else
notices: nothing of it is a fault in the log."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e import raw_http
from tests.e2e.account import Account
from tests.e2e.watched_server import Watched, until, watched_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIB = 1024


@dataclass(frozen=True)
class Scene:
    """A server, and Ana with a conversation of her own."""

    server: Watched
    ana: Account
    conversation: str

    async def post(self, path: str, body: bytes, **options: Any) -> raw_http.Answer:
        return await raw_http.send(
            self.server.address, f"/v1/{path}", body, token=self.ana.token, **options
        )

    def message(self, **changes: Any) -> dict[str, Any]:
        payload = {"type": "text", "text": "good"}
        return {"conversation_id": self.conversation, "payload": payload, **changes}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("bodies")
    async with (
        watched_server(folder, log_level="debug") as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        yield Scene(server, ana, await ana.chat_with(bia))


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_fault_in_the_log(scene: Scene) -> AsyncIterator[None]:
    yield
    assert scene.server.complaints() == []
    assert (await scene.post("messages", json.dumps(scene.message()).encode())).status == 202


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"conversation_id": 7}, "/conversation_id"),
        ({"conversation_id": "not-a-uuid"}, "/conversation_id"),
        ({"payload": None}, "/payload"),
        ({"payload": []}, "/payload"),
        ({"payload": {"type": "text"}}, "/payload/text"),
        ({"payload": {"type": "text", "text": 1}}, "/payload/text"),
        ({"payload": {"type": "fax", "text": "x"}}, "/payload/type"),
        ({"payload": {"type": "location", "latitude": 91, "longitude": 0}}, "/payload/latitude"),
        ({"payload": {"type": "text", "text": "x", "bold": True}}, "/payload/bold"),
        ({"colour": "red"}, "/colour"),
        ({"to": "everybody"}, "/to"),
        ({"to": [str(uuid.uuid4())]}, "/to/0"),
        ({"channels": ["a", 2]}, "/channels/1"),
        ({"metadata": []}, "/metadata"),
        ({"reply_to": str(uuid.uuid4())}, "/reply_to"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_place(
    scene: Scene, changes: dict[str, Any], pointer: str
) -> None:
    answer = await scene.post("messages", json.dumps(scene.message(**changes)).encode())
    assert answer.status == 400
    assert answer.pointers() == [pointer]


@pytest.mark.parametrize("broken", [b"\\u0000", b"\\ud800", b"\\udfff\\ud800"])
async def test_nul_and_half_characters_are_refused_with_their_place(
    scene: Scene, broken: bytes
) -> None:
    body = json.dumps(scene.message(metadata={"note": ["PLACE"]})).encode()
    answer = await scene.post("messages", body.replace(b"PLACE", b"a" + broken + b"z"))
    assert answer.status == 400
    assert answer.pointers() == ["/metadata/note/0"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe\x00", b'{"conversation_id": "\xff"}', b"null", b"7", b'"text"']
)
async def test_a_body_that_is_no_object_is_refused(scene: Scene, body: bytes) -> None:
    answer = await scene.post("messages", body)
    assert answer.status == 400
    assert answer.problem()["code"] == "validation_failed"


@pytest.mark.parametrize("opened", [b"[", b'{"a":'])
@pytest.mark.parametrize("levels", [33, 5_000])
async def test_deep_json_is_refused(scene: Scene, opened: bytes, levels: int) -> None:
    closed = b"]" if opened == b"[" else b"}"
    deep = opened * levels + b"1" + closed * levels
    body = json.dumps(scene.message(metadata={"deep": "DEEP"})).encode()
    answer = await scene.post("messages", body.replace(b'"DEEP"', deep))
    assert answer.status == 400
    assert answer.problem()["code"] == "validation_failed"


@pytest.mark.parametrize("path", ["messages", "conversations", "contacts", "users/me/channels"])
async def test_a_huge_body_is_refused_before_it_is_read(scene: Scene, path: str) -> None:
    answer = await scene.post(path, b'{"x": "' + b"y" * (300 * KIB) + b'"}')
    assert answer.status == 413
    assert answer.problem()["code"] == "too_large"


async def test_a_promise_of_a_huge_body_is_refused_without_it(scene: Scene) -> None:
    async with raw_http.wire(scene.server.address) as (reader, writer):
        writer.write(raw_http.head("/v1/messages", length=1 << 40, token=scene.ana.token))
        writer.write(b"{")
        assert (await raw_http.read_answer(reader)).status == 413


async def test_chunks_without_end_are_refused(scene: Scene) -> None:
    async with raw_http.wire(scene.server.address) as (reader, writer):
        writer.write(raw_http.head("/v1/messages", token=scene.ana.token))
        for _ in range(5):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert (await raw_http.read_answer(reader)).status == 413


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json"]
)
async def test_another_content_type_is_refused(scene: Scene, media_type: str) -> None:
    body = json.dumps(scene.message()).encode()
    answer = await scene.post("messages", body, media_type=media_type)
    assert answer.status == 415
    assert answer.problem()["code"] == "unsupported_media_type"


async def test_json_where_a_form_is_due_is_refused(scene: Scene) -> None:
    answer = await scene.post("auth/token", b'{"grant_type": "password"}')
    assert answer.status in {400, 415}
    assert answer.problem()["code"] in {"validation_failed", "unsupported_media_type"}


@pytest.mark.parametrize("path", ["messages", "conversations", "auth/token"])
async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_fault(
    scene: Scene, path: str
) -> None:
    words = "the client left in the middle"
    said = scene.server.output().count(words)
    form = path == "auth/token"
    media_type = "application/x-www-form-urlencoded" if form else "application/json"
    async with raw_http.wire(scene.server.address) as (_, writer):
        top = raw_http.head(f"/v1/{path}", length=500, token=scene.ana.token, media_type=media_type)
        writer.write(top + b'{"conversation_id": "')
        await writer.drain()
        await asyncio.sleep(0.2)  # the server has begun to read by now
    await until(lambda: scene.server.output().count(words) > said)


async def test_a_client_that_writes_its_headers_slowly_is_served(scene: Scene) -> None:
    body = json.dumps(scene.message()).encode()
    top = raw_http.head("/v1/messages", length=len(body), token=scene.ana.token)
    async with raw_http.wire(scene.server.address) as (reader, writer):
        for start in range(0, len(top), 100):
            writer.write(top[start : start + 100])
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(body[:10])
        await asyncio.sleep(0.2)
        writer.write(body[10:])
        assert (await raw_http.read_answer(reader)).status == 202


@pytest.mark.slow
async def test_headers_that_never_end_end_the_connection(scene: Scene) -> None:
    async with (
        raw_http.wire(scene.server.address) as (silent, _),
        raw_http.wire(scene.server.address) as (reader, writer),
    ):
        for line in (b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"y", b"\r\nX-Slower: "):
            writer.write(line)
            await writer.drain()
        async with asyncio.timeout(15):
            assert await reader.read() == b""
            assert await silent.read() == b""


async def test_many_clients_with_half_a_request_keep_nobody_waiting(scene: Scene) -> None:
    async with asyncio.TaskGroup() as group:
        opened = [
            group.create_task(asyncio.open_connection(*scene.server.address)) for _ in range(100)
        ]
    writers = [one.result()[1] for one in opened]
    for writer in writers:
        writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nX-Slow")
    async with asyncio.timeout(5):
        await scene.ana.say(scene.conversation, ["still here"])
    for writer in writers:
        writer.transport.abort()


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
    ids=["tls", "version", "negative", "two lengths", "long path", "long header"],
)
async def test_what_is_no_http_ends_the_connection(scene: Scene, bytes_: bytes) -> None:
    async with raw_http.wire(scene.server.address) as (reader, writer):
        writer.write(bytes_)
        async with asyncio.timeout(30):
            try:
                said = await reader.read(4096)
            except ConnectionResetError:
                return
        assert said == b"" or b" 4" in said[:13]


@pytest.mark.parametrize(
    "path", ["/v1/users?query=%00", "/v1/users?query=%ff", "/%00", "/v1/users/%ff"]
)
async def test_a_broken_address_is_refused(scene: Scene, path: str) -> None:
    answer = await raw_http.send(
        scene.server.address, path, b"", token=scene.ana.token, method="GET"
    )
    assert answer.status in {200, 400, 404}


async def test_one_bad_message_of_a_batch_leaves_the_others(scene: Scene) -> None:
    stranger = scene.message(conversation_id=str(uuid.uuid4()))
    messages = [scene.message(), stranger, scene.message()]
    answer = await scene.post("messages/batch", json.dumps({"messages": messages}).encode())
    outcomes = json.loads(answer.body)["items"]
    assert [one["status"] for one in outcomes] == [202, 404, 202]


async def test_a_clients_clock_changes_nothing(scene: Scene) -> None:
    """Times are the server's: a client cannot name one, and its Date header is not read."""
    body = json.dumps(scene.message(created_at="1999-01-01T00:00:00Z")).encode()
    assert (await scene.post("messages", body)).pointers() == ["/created_at"]
    plain = json.dumps(scene.message()).encode()
    top = raw_http.head("/v1/messages", length=len(plain), token=scene.ana.token)
    async with raw_http.wire(scene.server.address) as (reader, writer):
        writer.write(
            top.replace(b"\r\n", b"\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 1) + plain
        )
        answer = await raw_http.read_answer(reader)
    assert answer.status == 202
    assert not json.loads(answer.body)["accepted_at"].startswith("19")
