"""Scheduled messages go out at their time, once, also over a kill around it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.killed_server import Server
from tests.e2e.account import Account

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.embedded("it kills the one process that there is"),
]

LATER = "scheduled-messages"
PATIENCE = 60.0


def body_of(chat: str, words: str, at: datetime) -> dict[str, Any]:
    payload = {"type": "text", "text": words}
    return {"conversation_id": chat, "payload": payload, "send_at": at.isoformat()}


async def all_in(account: Account, state: str, count: int) -> list[dict[str, Any]]:
    """Wait until so many of somebody's are in a state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found: list[dict[str, Any]] = (await account.get(LATER, state=state, limit=100))[
                "items"
            ]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.2)


def words_of(messages: list[dict[str, Any]]) -> list[str]:
    return [one["payload"]["text"] for one in messages]


async def test_scheduled_messages_go_out_once_and_in_order_over_kills_around_their_time(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    server = Server(tmp_path / "data")
    await server.start()
    try:
        async with (
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
        ):
            chat = await ana.chat_with(bia)
            first = datetime.now(UTC) + timedelta(seconds=6)
            expected = [str(number) for number in range(60)]
            made = [
                await ana.post(
                    LATER, body_of(chat, words, first + timedelta(milliseconds=50 * number))
                )
                for number, words in enumerate(expected)
            ]
            for number in (0, 30):
                words = f"{number} anew"
                expected[number] = words
                change = {"payload": {"type": "text", "text": words}}
                await ana.patch(f"{LATER}/{made[number]['message_id']}", change)
            gone = expected.pop()
            assert gone == "59"
            path = f"/v1/{LATER}/{made[-1]['message_id']}"
            assert (await ana.ask("DELETE", path)).status_code == 204
            # In the midst of them, and again as soon as it is up, and then for longer.
            await asyncio.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds() + 0.6))
            await server.kill()
            await server.start()
            await asyncio.sleep(0.05)
            await server.kill()
            await asyncio.sleep(1)
            await server.start()
            sent = await all_in(ana, "sent", len(expected))
            history = await bia.history(chat, len(expected))
            assert words_of(history) == expected
            assert words_of(sent) == expected
            assert [one["message_id"] for one in history] == [
                one["message_id"] for one in made[:-1]
            ]
            assert all(one["sent_at"] >= one["send_at"] for one in sent)
            late = await ana.ask("DELETE", f"/v1/{LATER}/{made[0]['message_id']}")
            assert (late.status_code, late.json()["code"]) == (409, "too_late")
    finally:
        await server.kill()


async def test_who_left_sees_that_their_message_failed_and_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    server = Server(tmp_path / "data")
    await server.start()
    try:
        async with (
            Account(server.url, "ana").signed_up("Ana") as ana,
            Account(server.url, "bia").signed_up("Bia") as bia,
        ):
            body = {"type": "group", "name": "Lunch", "member_ids": [bia.user_id]}
            group = (await ana.post("conversations", body))["id"]
            at = datetime.now(UTC) + timedelta(seconds=2)
            made = await bia.post(LATER, body_of(group, "I shall be there", at))
            kept = await ana.post(LATER, body_of(group, "And I", at))
            assert (await bia.ask("POST", f"/v1/conversations/{group}/leave")).is_success
            await all_in(ana, "sent", 1)
            [found] = await all_in(bia, "failed", 1)
            assert found["message_id"] == made["message_id"]
            assert (found["state"], found["error"]["code"]) == ("failed", "conversation_not_found")
            history = await ana.history(group, 1)
            assert [one["message_id"] for one in history] == [kept["message_id"]]
    finally:
        await server.kill()
