"""Secrets and messages are in no log line, no metric and no answer to somebody's mistake."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chat4all.bootstrap.server import _as_json
from chat4all.settings import load_settings
from tests.e2e.account import PASSWORD, Account
from tests.e2e.product import PROGRAM
from tests.e2e.sockets import ended
from tests.e2e.watched_server import PATIENCE, Watched, until, watched_server
from tests.servers.listener import Answer, listening
from tests.servers.otlp import OtlpReceiver, otlp_receiver

in_module_loop = pytest.mark.asyncio(loop_scope="module")

TEXT = "the-treasure-is-under-the-oak"
PHONE = "+351912345678"
WRONG_PASSWORD = "wrong-password-of-ana-4711"
BOT_TOKEN = "987654:AAplanted-token-of-a-bot-000000000000"
ANDROID = {"kind": "fcm", "token": "dQw4w9WgXcQ:APA91b-planted-token-of-an-android-phone"}
IPHONE = {"kind": "apns", "token": "c0ffee" * 10 + "abcd", "topic": "org.example.chat"}
CHANNEL = {"platform": "telegram", "external_id": "55512345"}


@dataclass(frozen=True)
class Scene:
    server: Watched
    ana: Account
    http: httpx.AsyncClient
    secrets: dict[str, str]
    otlp: OtlpReceiver

    def look(self, where: str, text: str) -> None:
        """Require that `text` holds none of the secrets."""
        found = [name for name, secret in self.secrets.items() if secret in text]
        assert found == [], f"{where} tells {found}"

    async def look_everywhere(self) -> None:
        """Require that none is in what the server tells of itself: log, metrics and spans."""
        marked = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        await self.http.get("/v1/users/me", headers={"traceparent": marked})
        await until(lambda: bool(self.otlp.of(marked[3:35])))  # so what was before has come
        self.look("the log", self.server.output())
        self.look("/metrics", (await self.http.get("/metrics")).text)
        self.look("a span", b"".join(self.otlp.raw).decode("latin-1"))


def rudely(path: str, _headers: Message, _body: bytes) -> Answer:
    """Quote whatever there is in an error, as a platform may."""
    words = f"{path} refuses {TEXT} for {PHONE}: {BOT_TOKEN} {PASSWORD} {ANDROID['token']}"
    told = {"ok": False, "error_code": 500, "description": words}
    return Answer(500, json.dumps(told).encode())


@contextmanager
def telegram_api(kind: str) -> Iterator[str]:
    """Give the address of a platform that is not there, or of a rude one."""
    if kind == "gone":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        yield address
        return
    with listening(rudely) as url:
        yield url


def keys_of_phones(folder: Path, api: str) -> dict[str, str]:
    """Write what opens Firebase and Apple to a server; return the settings that name it."""
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    key = rsa.generate_private_key(65_537, 2_048).private_bytes(*form).decode()
    account = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "1",
        "private_key": key,
        "client_email": "sender@a-project.example",
        "token_uri": f"{api}/token",
    }
    (folder / "firebase.json").write_text(json.dumps(account))
    team = ec.generate_private_key(ec.SECP256R1()).private_bytes(*form)
    (folder / "AuthKey.p8").write_bytes(team)
    return {
        "fcm_credentials": str(folder / "firebase.json"),
        "fcm_api": api,
        "apns_key": str(folder / "AuthKey.p8"),
        "apns_key_id": "ABC123DEFG",
        "apns_team_id": "DEF123GHIJ",
        "apns_topics": IPHONE["topic"],
        "apns_api": api,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["json gone", "text rude"])
async def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("secrets")
    form_of_lines, kind = request.param.split()
    with otlp_receiver() as otlp, telegram_api(kind) as api:
        settings = {
            "log_level": "debug",
            "log_format": form_of_lines,
            "telegram_api": api,
            **keys_of_phones(folder, api),
            "otlp_endpoint": otlp.url,
            "trace_ratio": "1",
        }
        async for found in _scene(folder, otlp, settings):
            yield found


async def _scene(
    folder: Path, otlp: OtlpReceiver, settings: Mapping[str, str]
) -> AsyncIterator[Scene]:
    async with (
        watched_server(folder, telegram_token=BOT_TOKEN, **settings) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
        refresh = (await http.post("/v1/auth/token", data=form)).json()["refresh_token"]
        http.headers["Authorization"] = f"Bearer {ana.token}"
        planted = {
            "the message": TEXT,
            "the phone number": PHONE,
            "the password": PASSWORD,
            "the wrong password": WRONG_PASSWORD,
            "the bot's token": BOT_TOKEN,
            "the secret half of it": BOT_TOKEN.partition(":")[2],
            "the access token": ana.token,
            "its signature": ana.token.rpartition(".")[2],
            "the refresh token": refresh,
            "the token of an Android phone": ANDROID["token"],
            "the token of an iPhone": IPHONE["token"],
            "a line of the service account's key": _line(folder / "firebase.json", "\\n"),
            "a line of the key for Apple": _line(folder / "AuthKey.p8", "\n"),
        }
        yield Scene(server, ana, http, planted, otlp)


def _line(file: Path, ending: str) -> str:
    """Return the second line of a key."""
    return file.read_text().split(ending)[1]


@in_module_loop
async def test_work_that_succeeds_tells_no_secret(scene: Scene) -> None:
    await scene.server.says("polling pauses")  # the bot's server cannot be reached
    contact: dict[str, Any] = {
        "display_name": "Carl",
        "channels": [{"platform": "mock", "external_id": PHONE}],
    }
    by_phone = (await scene.ana.post("contacts", contact))["id"]
    by_bot = await scene.ana.post("contacts", {"display_name": "Dora", "channels": [CHANNEL]})
    for member in (by_phone, by_bot["id"]):
        body = {"type": "private", "member_ids": [member]}
        conversation = (await scene.ana.post("conversations", body))["id"]
        texts = {"conversation_id": conversation, "payload": {"type": "text", "text": TEXT}}
        stored = await scene.http.post("/v1/messages", json=texts, headers={"Prefer": "wait=10"})
        message = stored.raise_for_status().json()["message_id"]
        async with scene.ana.socket() as client:
            payload = {"type": "text", "text": TEXT}
            frame = {"conversation_id": conversation, "payload": payload}
            await client.send(json.dumps({"type": "send", "request_id": "r", "message": frame}))
            await client.send(json.dumps({"type": "auth", "token": scene.ana.token}))
            assert json.loads(await client.recv())["type"] == "ready"
        await scene.ana.get("messages/search", q=TEXT)
        await scene.ana.get("users", query=PHONE)
        await scene.ana.patch(f"messages/{message}", {"payload": payload})
    for phone in (ANDROID, IPHONE):
        device = await scene.ana.post("push-subscriptions", phone)
        told = await scene.ana.post(f"push-subscriptions/{device['id']}/test", {})
        assert told["result"] == "later"
        scene.look("a trial", json.dumps([device, told]))
    await scene.server.says("delivery retried")
    await scene.look_everywhere()


@in_module_loop
async def test_work_that_fails_tells_no_secret(scene: Scene) -> None:
    planted, http = scene.secrets, scene.http
    form = {"username": "ana", "password": WRONG_PASSWORD}
    refresh = {"grant_type": "refresh_token", "refresh_token": planted["the refresh token"]}
    assert (await http.post("/v1/auth/token", data=refresh)).status_code == 200  # once, no more
    again = await http.post("/v1/auth/token", data={"grant_type": "password", **form})
    assert again.status_code == 400
    everything = {name: value for name, value in planted.items() if name != "the phone number"}
    changed = {"Authorization": f"Bearer {scene.ana.token[:-3]}xyz"}
    taken = {"username": "ana", "password": WRONG_PASSWORD}
    config = {"token": BOT_TOKEN, "colour": BOT_TOKEN, "timeout": BOT_TOKEN}
    account = {"platform": "telegram", "name": "bot", "config": config}
    nowhere = "00000000-0000-0000-0000-000000000000"
    texts = {"conversation_id": nowhere, "payload": {"type": "text", "text": TEXT}}
    answers = [
        await http.post("/v1/auth/token", data={"grant_type": "password", **form}),
        await http.post("/v1/auth/token", data={"grant_type": WRONG_PASSWORD, **form}),
        await http.post("/v1/auth/token", data=refresh),
        await http.post("/v1/auth/register", json=taken),
        await http.post("/v1/auth/register", json={**taken, "email": WRONG_PASSWORD}),
        await http.post("/v1/auth/register", json={"username": 7, "password": WRONG_PASSWORD}),
        await http.post("/v1/auth/register", json={"username": "x", "password": [WRONG_PASSWORD]}),
        await http.get("/v1/users/me", headers=changed),
        await http.post("/v1/messages", json=texts),
        await http.post("/v1/messages", json={**texts, "to": [PHONE], "metadata": everything}),
        await http.post("/v1/messages", json={**texts, "message_id": TEXT}),
        await http.post("/v1/messages", content=f'{{"payload": "{TEXT}'.encode()),
        await http.post("/v1/contacts", json={"channels": [{"platform": PHONE}]}),
        await http.post("/v1/push-subscriptions", json={**ANDROID, "kind": "apns"}),
        await http.post("/v1/push-subscriptions", json={**IPHONE, "topic": "org.example.x"}),
        await http.post(
            "/v1/push-subscriptions", json={**ANDROID, "token": f"{ANDROID['token']}/"}
        ),
        await http.post("/v1/admin/connectors/accounts", json=account),
        await http.post("/v1/admin/connectors/accounts", json={**account, "platform": BOT_TOKEN}),
        await http.post(f"/v1/webhooks/telegram/{nowhere}", json={"message": TEXT}),
        await http.get("/v1/nothing/here", params={"access_token": scene.ana.token}),
    ]
    for number, answer in enumerate(answers):
        assert answer.status_code >= 400, number
        scene.look(f"answer {number}", answer.text + str(answer.headers))
    async with scene.ana.bare_socket(query=f"?token={scene.ana.token}") as client:
        await client.send(json.dumps({"type": "auth", "token": scene.ana.token + "x"}))
        scene.look("the close", (await ended(client)).reason)
    await scene.look_everywhere()


@in_module_loop
async def test_what_is_planted_in_every_input_is_told_nowhere(scene: Scene) -> None:
    http, nowhere = scene.http, "00000000-0000-0000-0000-000000000000"
    words = f"{TEXT} {PHONE} {BOT_TOKEN} {WRONG_PASSWORD}"
    headers = {
        "User-Agent": words,
        "Referer": f"https://ana:{WRONG_PASSWORD}@example.org/?token={BOT_TOKEN}",
        "Cookie": f"session={scene.ana.token}",
        "X-Forwarded-For": words,
        "X-Telegram-Bot-Api-Secret-Token": BOT_TOKEN,
        "X-Hub-Signature-256": f"sha256={WRONG_PASSWORD}",
        "Idempotency-Key": TEXT,
        "traceparent": words,
        "tracestate": f"a={TEXT}",
        "Accept": TEXT,
    }
    where = (
        "users",
        "users/me",
        f"users/{TEXT}",
        "messages/search",
        TEXT,
        f"webhooks/{TEXT}/{PHONE}",
    )
    for path in where:
        for method in ("GET", "POST", "DELETE"):
            query = {"q": TEXT, "query": PHONE, "access_token": BOT_TOKEN, TEXT: PHONE}
            await http.request(method, f"/v1/{path}", headers=headers, params=query, content=words)
    for platform in ("telegram", "whatsapp", "mock"):
        path = f"/v1/webhooks/{platform}/{nowhere}"
        await http.post(path, headers=headers, json={"message": {"text": words}})
        await http.get(path, params={"hub.verify_token": BOT_TOKEN, "hub.challenge": TEXT})
    async with scene.ana.socket() as client:
        for frame in (
            words,
            json.dumps({"type": words}),
            json.dumps({"type": "send", "message": words}),
        ):
            await client.send(frame)
            await client.send(frame.encode())
        await client.send(json.dumps({"type": "resume", "cursor": words}))
        await client.send(json.dumps({"type": "typing", "conversation_id": words}))
        await client.send(json.dumps({"type": "ping", "request_id": "last"}))
        async with asyncio.timeout(PATIENCE):
            while json.loads(await client.recv()).get("request_id") != "last":
                pass
    await scene.look_everywhere()


async def test_settings_that_hold_a_password_are_refused_without_it(tmp_path: Path) -> None:
    for name, scheme, host in (
        ("directory", "postgresql:", "127.0.0.1:1"),
        ("messages", "mongodb:", "127.0.0.1:1"),
        ("log", "kafka:", "127.0.0.1:1"),
        ("objects", "", "127.0.0.1:1"),
        ("ephemeral", "redis:", "127.0.0.1\u2100"),
    ):
        url = f"{scheme}//ana:{WRONG_PASSWORD}@{host}/db"
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "serve",
            "--port",
            "0",
            "--data-dir",
            str(tmp_path / name),
            env={**os.environ, f"CHAT4ALL_{name.upper()}_URL": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        assert process.returncode != 0, name
        assert WRONG_PASSWORD not in told.decode(), name


@pytest.mark.embedded("reads all that `chat4all serve` prints")
async def test_the_log_is_json_where_there_is_no_terminal(tmp_path: Path) -> None:
    async with watched_server(tmp_path, telegram_token=BOT_TOKEN) as server:
        await server.says("waits for the first person")
        lines = [line for line in server.output().splitlines() if "is ready at" not in line]
    assert {json.loads(line)["level"] for line in lines} == {"info"}


async def test_the_log_is_text_where_that_is_asked_for(tmp_path: Path) -> None:
    async with watched_server(tmp_path, telegram_token=BOT_TOKEN, log_format="text") as server:
        await server.says("waits for the first person")
        assert "{" not in server.output()


@pytest.mark.parametrize(("terminal", "as_json"), [(True, False), (False, True)])
def test_auto_means_text_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, as_json: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    assert _as_json(load_settings({}, {})) is as_json
