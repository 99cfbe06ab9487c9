"""Processes whose clocks are five minutes apart still serve one conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e import other_clock
from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines
from tests.e2e.roles import Role
from tests.e2e.screen import Screen

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

ROOT = Path(__file__).parents[2]
APART = timedelta(minutes=5)
PATIENCE = 60.0
PHONE = {"platform": "mock", "external_id": "+5511999990001"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


@pytest.mark.parametrize("off", [-APART, APART], ids=["behind", "ahead"])
async def test_a_conversation_over_processes_whose_clocks_are_apart(
    tmp_path: Path, shared: Engines, off: timedelta
) -> None:
    async with (
        _two_clocks(tmp_path, await shared.settings(f"clocks{off.days}"), off) as (wrong, right),
        Account(wrong.url, "ana").signed_up("Ana") as ana,
        Account(right.url, "bia").signed_up("Bia") as bia,
        Screen(ana).on() as ana_sees,
        Screen(bia).on() as bia_sees,
    ):
        chat = await ana.chat_with(bia)
        sent: list[str] = []
        for number in range(10):
            sent += await (ana, bia)[number % 2].say(chat, [str(number)])
        await ana_sees.shows(10)
        await bia_sees.shows(10)
        assert ana_sees.seqs == bia_sees.seqs == list(range(1, 11))
        for gateway, account in ((right, ana), (wrong, bia)):  # a token of the other's clock
            same = Account(gateway.url, account.username)
            async with same.with_token(account.token):
                found = await same.history(chat, 10)
                assert [one["message_id"] for one in found] == sent
        assert _is_off(found[0]["created_at"], off)
        assert _is_off(found[1]["created_at"], timedelta())
        for one, other in ((ana, bia), (bia, ana)):
            await one.ask("PUT", "/v1/presence", json={"status": "away"})
            [told] = (await other.get("presence", user_ids=one.user_id))["items"]
            assert told["status"] == "away"


@pytest.mark.parametrize("off", [-APART, APART], ids=["behind", "ahead"])
async def test_deliveries_and_deadlines_over_processes_whose_clocks_are_apart(
    tmp_path: Path, shared: Engines, off: timedelta
) -> None:
    async with (
        _two_clocks(tmp_path, await shared.settings(f"due{off.days}"), off) as (wrong, right),
        Account(wrong.url, "ana").signed_up("Ana") as ana,
    ):
        rui = await ana.post("contacts", {"display_name": "Rui", "channels": [PHONE]})
        talk = {"type": "private", "member_ids": [rui["id"]]}
        chat = (await ana.post("conversations", talk))["id"]
        order = {"channels": ["mock", "app"], "failover": {"deliver_within": 60}}
        for gateway in (wrong, right):
            same = Account(gateway.url, "ana")
            async with same.with_token(ana.token):
                payload = {"type": "text", "text": "in time"}
                body = {"conversation_id": chat, "payload": payload, **order}
                sent = (await same.post("messages", body))["message_id"]
                told = await _delivered(same, sent)
                assert [(one["channel"], one["status"]) for one in told["recipients"]] == [
                    ("mock", "delivered")
                ]
                assert {one["channel"] for one in told["history"]} == {"mock"}, told


async def _delivered(account: Account, message: str) -> dict[str, list[dict[str, str]]]:
    async with asyncio.timeout(PATIENCE):
        while True:
            told: dict[str, list[dict[str, str]]] = await account.get(f"messages/{message}/status")
            if {one["status"] for one in told["recipients"]} & {"delivered", "read", "failed"}:
                return told
            await asyncio.sleep(0.1)


def _is_off(at: str, by: timedelta) -> bool:
    return abs(datetime.fromisoformat(at) - by - datetime.now(UTC)) < timedelta(minutes=2)


@asynccontextmanager
async def _two_clocks(
    folder: Path, settings: dict[str, str], off: timedelta
) -> AsyncIterator[tuple[Role, Role]]:
    """Run two processes, the first with a clock that is `off`; yield both gateways."""
    roles = [
        Role(
            ("run", *words.split()),
            _made(folder / name),
            {**settings, "PYTHONPATH": str(ROOT)},
            name=name,
            program=other_clock.program(apart),
        )
        for name, words, apart in (
            ("wrong", "gateway,connector --channel mock", off),
            ("right", "gateway,router,notifier,presence", timedelta()),
        )
    ]
    async with AsyncExitStack() as stack:
        for role in roles:
            role.settings["CHAT4ALL_PUBLIC_URL"] = roles[0].url
            stack.push_async_callback(role.stop)
        await asyncio.gather(*(role.start() for role in roles))
        yield roles[0], roles[1]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
