"""Whoever answers or changes a message that was accepted a moment ago is not refused.

On the distributed column each connection is at another gateway, and the router is a third
process: most of these calls come before the store has what they are about.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e.account import Account

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ROUNDS = 20
_numbers = itertools.count()


@dataclass(frozen=True)
class Talk:
    """A private chat of two, each with a connection of their own."""

    ana: Account
    bia: Account
    chat: str

    def saying(self, words: str, **more: Any) -> dict[str, Any]:
        return {"conversation_id": self.chat, "payload": {"type": "text", "text": words}, **more}

    async def said(self, words: str, **more: Any) -> str:
        """Have Ana say something; return its id as soon as it is accepted."""
        name: str = (await self.ana.post("messages", self.saying(words, **more)))["message_id"]
        return name

    async def replies(self, count: int) -> list[str | None]:
        """Return what each message answers, once there are so many."""
        found = await self.ana.history(self.chat, count)
        assert len(found) == count
        return [one["reply_to"] for one in found]


@pytest_asyncio.fixture(loop_scope="session")
async def talk(server: str) -> AsyncIterator[Talk]:
    names = [f"quick{next(_numbers)}" for _ in range(2)]
    async with (
        Account(server, names[0]).signed_up("Ana") as ana,
        Account(server, names[1]).signed_up("Bia") as bia,
    ):
        yield Talk(ana, bia, await ana.chat_with(bia))


async def test_an_answer_to_what_was_just_accepted(talk: Talk) -> None:
    expected: list[str | None] = []
    for number in range(ROUNDS):
        own: dict[str, Any] = {"message_id": str(uuid.uuid4())} if number % 2 else {}
        about = await talk.said(str(number), **own)
        await talk.bia.post("messages", talk.saying(f"re {number}", reply_to=about))
        expected += [None, about]
    assert await talk.replies(2 * ROUNDS) == expected
    answer = await talk.bia.ask(
        "POST", "/v1/messages", json=talk.saying("to nothing", reply_to=str(uuid.uuid4()))
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/reply_to")


async def test_an_answer_over_the_websocket(talk: Talk) -> None:
    expected: list[str | None] = []
    async with talk.bia.socket() as socket:
        for number in range(ROUNDS):
            about = await talk.said(str(number))
            message = talk.saying(f"re {number}", reply_to=about)
            name = str(number)
            await socket.send(json.dumps({"type": "send", "request_id": name, "message": message}))
            frame = await answer_to(socket, name)
            assert frame["type"] == "accepted", frame
            expected += [None, about]
    assert await talk.replies(2 * ROUNDS) == expected


async def answer_to(socket: Any, request: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame.get("request_id") == request:
                return frame


async def test_a_batch_that_answers_itself(talk: Talk) -> None:
    names: list[str | None] = [None, *(str(uuid.uuid4()) for _ in range(10))]
    messages = [
        talk.saying(str(number), message_id=name, **({"reply_to": before} if before else {}))
        for number, (before, name) in enumerate(itertools.pairwise(names))
    ]
    outcomes = (await talk.ana.post("messages/batch", {"messages": messages}))["items"]
    assert [one["status"] for one in outcomes] == [httpx.codes.ACCEPTED] * 10
    assert await talk.replies(10) == names[:-1]


async def test_an_answer_that_is_to_go_out_later(talk: Talk) -> None:
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for number in range(ROUNDS):
        about = await talk.said(str(number))
        body = talk.saying("later", reply_to=about, send_at=at)
        kept = await talk.bia.post("scheduled-messages", body)
        assert kept["reply_to"] == about


@pytest.mark.parametrize("work", ["read", "status", "edit", "delete", "react"])
async def test_what_was_just_accepted_is_read_and_changed(talk: Talk, work: str) -> None:
    edit = {"payload": {"type": "text", "text": "better"}}
    for number in range(ROUNDS):
        about = await talk.said(str(number))
        path = f"/v1/messages/{about}"
        calls: dict[str, Any] = {
            "read": talk.bia.ask("GET", path),
            "status": talk.bia.ask("GET", f"{path}/status"),
            # From a connection that did not send it, as another device of hers would.
            "edit": other_device(talk.ana, "PATCH", path, json=edit),
            "delete": other_device(talk.ana, "DELETE", path),
            "react": talk.bia.ask("PUT", f"{path}/reactions/👍"),
        }
        answer = await calls.pop(work)
        for one in calls.values():
            one.close()
        assert answer.is_success, answer.text


async def other_device(account: Account, method: str, path: str, **options: Any) -> httpx.Response:
    async with Account(account.url, account.username).with_token(account.token) as other:
        return await other.ask(method, path, **options)


async def test_what_was_just_told_is_marked_as_read(talk: Talk) -> None:
    async with talk.bia.socket() as socket:
        for number in range(1, ROUNDS + 1):
            await talk.said(str(number))
            async with asyncio.timeout(60):
                frame = json.loads(await socket.recv())
                while frame["type"] != "message":
                    frame = json.loads(await socket.recv())
            body = {"up_to_seq": frame["message"]["seq"]}
            marks = await talk.bia.post(f"conversations/{talk.chat}/read", body)
            assert marks["last_read_seq"] == number
