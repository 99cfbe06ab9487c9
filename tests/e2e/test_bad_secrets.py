"""Secrets and messages are in no log line, no metric and no answer to somebody's mistake."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chat4all.bootstrap.server import _as_json
from chat4all.settings import load_settings
from tests.e2e.account import PASSWORD, Account
from tests.e2e.sockets import ended
from tests.e2e.watched_server import Watched, watched_server

in_module_loop = pytest.mark.asyncio(loop_scope="module")

TEXT = "the-treasure-is-under-the-oak"
PHONE = "+351912345678"
WRONG_PASSWORD = "wrong-password-of-ana-4711"
BOT_TOKEN = "987654:AAplanted-token-of-a-bot-000000000000"
CHANNEL = {"platform": "telegram", "external_id": "55512345"}


@dataclass(frozen=True)
class Scene:
    server: Watched
    ana: Account
    http: httpx.AsyncClient
    secrets: dict[str, str]

    def look(self, where: str, text: str) -> None:
        """Require that `text` holds none of the secrets."""
        found = [name for name, secret in self.secrets.items() if secret in text]
        assert found == [], f"{where} tells {found}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["json", "text"])
async def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("secrets")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        api = f"http://127.0.0.1:{closed.getsockname()[1]}"
    settings = {"log_level": "debug", "log_format": request.param, "telegram_api": api}
    async with (
        watched_server(folder, telegram_token=BOT_TOKEN, **settings) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
        refresh = (await http.post("/v1/auth/token", data=form)).json()["refresh_token"]
        http.headers["Authorization"] = f"Bearer {ana.token}"
        secrets = {
            "the message": TEXT,
            "the phone number": PHONE,
            "the password": PASSWORD,
            "the wrong password": WRONG_PASSWORD,
            "the bot's token": BOT_TOKEN,
            "the secret half of it": BOT_TOKEN.partition(":")[2],
            "the access token": ana.token,
            "its signature": ana.token.rpartition(".")[2],
            "the refresh token": refresh,
        }
        yield Scene(server, ana, http, secrets)


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
    await scene.server.says("delivery retried")
    scene.look("the log", scene.server.output())
    scene.look("/metrics", (await scene.http.get("/metrics")).text)


@in_module_loop
async def test_work_that_fails_tells_no_secret(scene: Scene) -> None:
    secrets, http = scene.secrets, scene.http
    form = {"username": "ana", "password": WRONG_PASSWORD}
    refresh = {"grant_type": "refresh_token", "refresh_token": secrets["the refresh token"]}
    assert (await http.post("/v1/auth/token", data=refresh)).status_code == 200  # once, no more
    again = await http.post("/v1/auth/token", data={"grant_type": "password", **form})
    assert again.status_code == 400
    everything = {name: value for name, value in secrets.items() if name != "the phone number"}
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
    scene.look("the log", scene.server.output())
    scene.look("/metrics", (await scene.http.get("/metrics")).text)


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
