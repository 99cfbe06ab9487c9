"""The role `files` as a process of its own beside the server; either may be killed."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.e2e.account import Account
from tests.e2e.roles import Role, server_and_files
from tests.e2e.sender import Sender, sender

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_engines,
    pytest.mark.asyncio(loop_scope="module"),
]

DATA = os.urandom(3_000_000)


@dataclass
class Scene:
    server: Role
    files: Role
    ana: Sender
    bia: Sender
    talk: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("roles")
    async with (
        server_and_files(folder) as (server, files),
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
        sender(server.url, ana) as anas,
        sender(server.url, bia) as bias,
    ):
        yield Scene(server, files, anas, bias, await ana.chat_with(bia))


async def test_an_upload_goes_on_while_the_server_is_killed_and_back(scene: Scene) -> None:
    file_id, url = await scene.ana.begin(scene.talk, DATA)
    assert url == f"{scene.files.url}/v1/files/uploads/{file_id}"
    assert (await scene.ana.append(url, 0, DATA[:1_000_000])).status_code == 204
    await scene.server.kill()
    assert (await scene.ana.append(url, 1_000_000, DATA[1_000_000:])).status_code == 204
    complete = await scene.ana.http.post(f"{scene.files.url}/v1/files/{file_id}/complete")
    assert complete.status_code == 200
    read = await scene.bia.http.get(f"{scene.files.url}/v1/files/{file_id}/content")
    assert read.content == DATA
    await scene.server.start()
    body = {
        "conversation_id": scene.talk,
        "payload": {"type": "document", "file_id": file_id},
    }
    sent = await scene.ana.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"})
    assert sent.status_code == 201
    assert (await scene.bia.http.get(f"/v1/files/{file_id}/content")).content == DATA


async def test_an_upload_goes_on_when_the_role_is_killed_and_back(scene: Scene) -> None:
    file_id, url = await scene.ana.begin(scene.talk, DATA)
    assert (await scene.ana.append(url, 0, DATA[:1_000_000])).status_code == 204
    await scene.files.kill()
    own = url.replace(scene.files.url, scene.server.url)  # the server takes bytes as well
    assert (await scene.ana.append(own, 1_000_000, DATA[1_000_000:2_000_000])).status_code == 204
    await scene.files.start()
    assert await scene.ana.offset(url) == 2_000_000
    assert (await scene.ana.append(url, 2_000_000, DATA[2_000_000:])).status_code == 204
    assert (await scene.ana.complete(file_id)).status_code == 200


async def test_two_processes_never_write_to_one_upload_at_once(scene: Scene) -> None:
    _, url = await scene.ana.begin(scene.talk, DATA)
    own = url.replace(scene.files.url, scene.server.url)

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 300_000):
            yield DATA[start : start + 300_000]
            await asyncio.sleep(0.05)

    answers = await asyncio.gather(
        *(scene.ana.append(where, 0, slowly()) for where in (url, own, url, own))
    )
    statuses = sorted(one.status_code for one in answers)
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {409, 423}
    assert await scene.ana.offset(url) == len(DATA)


async def test_a_revoked_sign_in_ends_at_the_role_too(scene: Scene) -> None:
    async with Account(scene.server.url, "eve").signed_up("Eve") as eve:
        path = f"{scene.files.url}/v1/files/{scene.talk}"
        async with sender(scene.server.url, eve) as eves:
            assert (await eves.http.get(path)).status_code == 404
            form = {"token": eve.token}
            await eves.http.post("/v1/auth/revoke", data=form)
            async with asyncio.timeout(20):
                while True:
                    if (await eves.http.get(path)).status_code == 401:
                        break
                    await asyncio.sleep(0.1)


async def test_the_web_clients_origin_may_use_the_role_and_others_may_not(scene: Scene) -> None:
    file_id = await scene.ana.upload(scene.talk, DATA[:100])
    content = f"{scene.files.url}/v1/files/{file_id}/content"
    asked = {"Origin": scene.server.url, "Access-Control-Request-Method": "PATCH"}
    preflight = await scene.ana.http.options(content, headers=asked)
    assert preflight.headers["access-control-allow-origin"] == scene.server.url
    for name in ("upload-offset", "chat4all-on-behalf-of"):
        assert name in preflight.headers["access-control-allow-headers"]
    ours = await scene.ana.http.get(content, headers={"Origin": scene.server.url})
    assert ours.headers["access-control-allow-origin"] == scene.server.url
    assert "Upload-Offset" in ours.headers["access-control-expose-headers"]
    theirs = await scene.ana.http.get(content, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in theirs.headers
    assert (ours.headers["vary"], theirs.headers["vary"]) == ("Origin", "Origin")


async def test_the_role_says_where_a_ready_file_is_deleted(scene: Scene) -> None:
    file_id = await scene.ana.upload(scene.talk, DATA[:100])
    refused = await scene.ana.http.delete(f"{scene.files.url}/v1/files/{file_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    where = f"{scene.server.url}/v1/files/{file_id}"
    assert refused.json()["detail"].endswith(where)
    assert (await scene.ana.http.delete(where)).status_code == 204
    unfinished, _ = await scene.ana.begin(scene.talk, DATA)
    path = f"{scene.files.url}/v1/files/{unfinished}"
    assert (await scene.ana.http.delete(path)).status_code == 204


async def test_the_role_says_how_it_is(scene: Scene) -> None:
    file_id = await scene.ana.upload(scene.talk, DATA[:100])
    read = await scene.bia.http.get(f"{scene.files.url}/v1/files/{file_id}/content")
    assert read.content == DATA[:100]
    async with httpx.AsyncClient(base_url=scene.files.url, trust_env=False) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert (await http.get("/readyz")).json() == {"status": "ready"}
        metrics = (await http.get("/metrics")).text
        assert "http_server_request_duration_seconds" in metrics
        assert re.search(
            r'^chat4all_file_io_bytes_total\{.*"transmit".*\} \d', metrics, re.MULTILINE
        )
        assert (await http.post("/v1/messages")).status_code == 404
