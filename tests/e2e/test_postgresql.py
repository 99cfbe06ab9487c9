"""The product with its directory on PostgreSQL, which is lost and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.watched_server import watched_server
from tests.servers.postgres_server import PostgresServer, postgres_server

PATIENCE = 60.0


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


async def test_the_directory_is_away_for_a_while_and_what_it_had_is_there_again(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = await postgres.new_database()
    async with (
        watched_server(tmp_path, directory_url=url) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        contact = await ana.post(
            "contacts",
            {
                "display_name": "Caio",
                "channels": [{"platform": "mock", "external_id": "+5511999990001"}],
            },
        )
        team = await ana.post(
            "conversations",
            {"type": "group", "name": "team", "member_ids": [bia.user_id, contact["id"]]},
        )
        await ana.patch(f"conversations/{team['id']}/members/{bia.user_id}", {"role": "admin"})
        sent = await ana.say(team["id"], ["one", "two"])

        await postgres.stopped()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as stranger:
            person = {"username": "davi", "password": "correct horse battery"}
            refused = await stranger.post("/v1/auth/register", json=person)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) > 0
            assert "127.0.0.1" not in refused.text
            told = await stranger.get("/readyz")
            assert told.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert "directory" in told.text
            await postgres.started()
            assert (await stranger.get("/readyz")).is_success
            again = await stranger.post("/v1/auth/register", json=person)
            assert again.status_code == httpx.codes.CREATED

        sent += await bia.say(team["id"], ["three"])
        seen = await bia.get(f"conversations/{team['id']}")
        roles = {one["user_id"]: one["role"] for one in seen["members"]}
        assert roles == {ana.user_id: "owner", bia.user_id: "admin", contact["id"]: "member"}
        assert [one["id"] for one in (await ana.get("contacts"))["items"]] == [contact["id"]]
        assert await history(ana, team["id"], len(sent)) == sent
        assert [line for line in server.complaints() if "Traceback" in line] == []
    async with (
        watched_server(tmp_path, directory_url=url) as server,
        Account(server.url, "bia").signed_in() as bia,
    ):
        seen = await bia.get(f"conversations/{team['id']}")
        assert {one["user_id"]: one["role"] for one in seen["members"]} == roles
        assert await history(bia, team["id"], len(sent)) == sent


async def history(account: Account, conversation: str, count: int) -> list[str]:
    """Return the messages' ids once there are `count` of them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            items = (await account.get(f"conversations/{conversation}/messages"))["items"]
            if len(items) >= count:
                return [one["message_id"] for one in items]
            await asyncio.sleep(0.1)
