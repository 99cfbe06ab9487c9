"""The product with its messages in MongoDB; both are stopped while people talk."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.product import PROGRAM
from tests.e2e.sender import sender
from tests.e2e.watched_server import watched_server
from tests.servers.mongo_server import USUAL, MongoServer, mongo_server

PATIENCE = 60.0
BYTES = b"beside the messages" * 1000


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with mongo_server(USUAL, tmp_path_factory.mktemp("mongo")) as server:
        yield server


@asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[tuple[Account, Account]]:
    async with (
        Account(url, "ana").signed_in() as ana,
        Account(url, "bia").signed_in() as bia,
    ):
        yield ana, bia


async def test_what_was_said_is_there_after_a_restart(tmp_path: Path, mongo: MongoServer) -> None:
    url = mongo.url("restart")
    async with (
        watched_server(tmp_path, messages_url=url) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        async with bia.socket() as screen:
            sent = await ana.say(chat, ["Olá", "crème brûlée", "tchau"])
            assert await texts(screen, 3) == ["Olá", "crème brûlée", "tchau"]
        await ana.patch(f"messages/{sent[2]}", {"payload": {"type": "text", "text": "até já"}})
        await bia.history(chat, 3)
        await bia.post(f"conversations/{chat}/read", {"up_to_seq": 2})
        await status(ana, sent[0], "read")
        async with sender(server.url, ana) as files:
            file_id = await files.upload(chat, BYTES)
        assert server.complaints() == []
    async with watched_server(tmp_path, messages_url=url) as server, signed_in(server.url) as both:
        ana, bia = both
        sent += await bia.say(chat, ["de volta"])
        found = await ana.history(chat, 4)
        assert [one["message_id"] for one in found] == sent
        assert [one["seq"] for one in found] == [1, 2, 3, 4]
        assert found[2]["payload"]["text"] == "até já"
        assert await status(ana, sent[1], "read")
        hits = await bia.get("messages/search", q="CREME brulee")
        assert [one["message_id"] for one in hits["items"]] == [sent[1]]
        [mine] = (await bia.get("conversations"))["items"]
        assert (mine["unread_count"], mine["last_message"]["seq"]) == (1, 4)
        async with sender(server.url, bia) as files:
            assert (await files.http.get(f"/v1/files/{file_id}/content")).content == BYTES
        assert checked(tmp_path / "data") == 4
        assert server.complaints() == []


async def test_what_was_accepted_while_the_store_was_away_is_there_once_and_in_order(
    tmp_path: Path, mongo: MongoServer
) -> None:
    async with (
        watched_server(tmp_path, messages_url=mongo.url("away")) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
    ):
        chat = await ana.chat_with(bia)
        sent = await ana.say(chat, [str(number) for number in range(100)])
        mongo.stop()
        waiting = asyncio.create_task(said(ana, chat, ["while it is away"]))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(mongo.start)
        sent += await waiting
        sent += await said(ana, chat, [str(number) for number in range(100, 150)])
        found = await bia.history(chat, len(sent))
        assert [one["message_id"] for one in found] == sent
        assert [one["seq"] for one in found] == list(range(1, len(sent) + 1))
        assert checked(tmp_path / "data") == len(sent)
        assert server.complaints() == []


def test_a_start_without_the_store_says_so_and_tells_no_password(tmp_path: Path) -> None:
    url = "mongodb://ana:se%40cret@127.0.0.1:1/chat?serverSelectionTimeoutMS=300"
    done = subprocess.run(
        [*PROGRAM, "serve", "--port", "0", "--data-dir", str(tmp_path)],
        env={"CHAT4ALL_MESSAGES_URL": url},
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    told = (done.stdout + done.stderr).decode()
    assert done.returncode != 0
    assert "CHAT4ALL_MESSAGES_URL" in told
    assert "127.0.0.1:1" in told
    assert "does not answer" in told
    assert "cret" not in told
    assert "Traceback" not in told


async def said(account: Account, chat: str, texts: list[str]) -> list[str]:
    """Say it until it is accepted: where the store is asked first, the answer is 503."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await account.say(chat, texts)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(0.2)


async def texts(screen: Any, count: int) -> list[str]:
    """Return the texts of the next messages that a socket shows."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            frame = json.loads(await screen.recv())
            if frame["type"] == "message":
                found.append(frame["message"]["payload"]["text"])
    return found


async def status(account: Account, message: str, wanted: str) -> bool:
    """Wait until the one recipient of a message has got this far."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await account.get(f"messages/{message}/status")
            if [one["status"] for one in told["recipients"]] == [wanted]:
                return True
            await asyncio.sleep(0.1)


def checked(data: Path) -> int:
    """Return how many messages there are, once `chat4all check` finds all promises kept."""
    command = [*PROGRAM, "--data-dir", str(data), "check", "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert told["ok"], told
    messages: int = told["counts"]["messages"]
    return messages
