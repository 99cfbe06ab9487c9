"""A file that is damaged while the server runs: who needs it is told, everybody else is served."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import PASSWORD, Account
from tests.e2e.watched_server import watched_server

pytestmark = pytest.mark.embedded("damages a SQLite file")

PAGE = 4096


async def test_damage_that_is_met_while_running(tmp_path: Path) -> None:
    async with (
        watched_server(tmp_path) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        conversation = await ana.chat_with(bia)
        await ana.say(conversation, [f"a treasure at {number}" for number in range(300)])
    async with (
        watched_server(tmp_path) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30.0) as http,
    ):
        form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
        token = (await http.post("/v1/auth/token", data=form)).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        path = server.data / "messages.sqlite3"
        with path.open("r+b") as file:
            file.seek(PAGE)
            file.write(os.urandom(path.stat().st_size - PAGE))

        for asked in (f"conversations/{conversation}/messages", "messages/search?q=treasure"):
            answer = await http.get(f"/v1/{asked}")
            assert answer.status_code in {500, 503}
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] in {"internal_error", "unavailable"}
            assert "Traceback" not in answer.text
            assert str(tmp_path) not in answer.text
        assert (await http.get("/v1/users/me")).status_code == 200
        said = server.output()
        assert "is damaged" in said
        assert "docs/howto/recover-a-corrupt-database.md" in said
        assert "treasure" not in said
