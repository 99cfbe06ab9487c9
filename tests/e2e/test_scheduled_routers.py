"""With several routers one sends what was scheduled; another goes on when that one is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running
from tests.e2e.roles import Role
from tests.e2e.screen import Screen
from tests.e2e.test_scheduled import LATER, all_in, body_of, words_of

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

COUNT = 40
"""Messages in each of two conversations, all due within `SPAN`."""
SPAN = timedelta(seconds=8)
SOON = timedelta(seconds=60)
"""After which the last one is out: another router has the duty 10 seconds after the kill."""
TAKEN = '"duty": "scheduled", "event": "duty taken"'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


def holds(router: Role) -> bool:
    """Say whether it was this one that took the duty to send them."""
    return TAKEN in router.output.read_text()


async def holder_of(routers: Sequence[Role]) -> Role:
    async with asyncio.timeout(60):
        while True:
            for one in routers:
                if holds(one):
                    return one
            await asyncio.sleep(0.1)


def at(message: dict[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(message[key])


async def test_a_router_that_is_killed_while_it_sends_leaves_no_gap_and_no_repeat(
    tmp_path: Path, shared: Engines
) -> None:
    settings = await shared.settings("later")
    names = ("gateway", "router", "router", "notifier")
    async with (
        running(tmp_path, settings, *names) as (front, *others),
        Account(front.url, "ana").signed_up("Ana") as ana,
        Account(front.url, "bia").signed_up("Bia") as bia,
        Account(front.url, "caio").signed_up("Caio") as caio,
        Screen(bia).on() as bia_sees,
        Screen(caio).on() as caio_sees,
    ):
        routers = others[:2]
        chats = [await ana.chat_with(bia), await ana.chat_with(caio)]
        first = datetime.now(UTC) + timedelta(seconds=10)
        expected = [str(number) for number in range(COUNT)]
        for words in reversed(expected):  # their time makes the order, not when they were asked for
            due = first + int(words) * SPAN / COUNT
            for chat in chats:
                await ana.post(LATER, body_of(chat, words, due))
        assert datetime.now(UTC) < first, "this machine is too slow for the test"
        holder = await holder_of(routers)
        await asyncio.sleep((first + SPAN / 2 - datetime.now(UTC)).total_seconds())
        killed_at = datetime.now(UTC)
        await holder.kill()

        sent = await all_in(ana, "sent", 2 * COUNT)
        assert len(sent) == 2 * COUNT
        before = [one for one in sent if at(one, "sent_at") < killed_at]
        assert 0 < len(before) < len(sent), "it was not killed in the midst of them"
        assert all(at(one, "sent_at") >= at(one, "send_at") for one in sent)
        assert max(at(one, "sent_at") for one in sent) < first + SPAN + SOON
        for chat, account, screen in ((chats[0], bia, bia_sees), (chats[1], caio, caio_sees)):
            own = [one for one in sent if one["conversation_id"] == chat]
            history = await account.history(chat, COUNT)
            assert words_of(history) == words_of(own) == expected
            assert [one["message_id"] for one in history] == [one["message_id"] for one in own]
            await screen.shows(COUNT)
            assert screen.seqs == list(range(1, COUNT + 1))
        [other] = [one for one in routers if one is not holder]
        assert holds(other)
