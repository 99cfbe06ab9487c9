"""Five people on five channels hear each other once and in order, whatever the platforms do."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chat4all_xmpp.conformance import require_prosody
from tests.e2e.five_channels import WELCOME, Five, five
from tests.e2e.shell import run

GIVES_RECEIPTS = {"app", "mock", "whatsapp", "xmpp"}
"""Telegram tells bots of no receipt: SENT is as far as a message comes there."""


async def settled(five: Five, expected: int, *, within: float) -> list[dict[str, Any]]:
    """Wait until the history has all, and every screen the rest; return the history."""
    history: list[dict[str, Any]] = []
    screens: dict[str, list[str]] = {}
    try:
        async with asyncio.timeout(within):
            while True:
                history = await five.history()
                screens = await five.screens()
                names = await five.names()
                if len(history) >= expected and all(
                    len(texts) >= len(others(history, names, name))
                    for name, texts in screens.items()
                ):
                    return history
                await asyncio.sleep(1.0)
    except TimeoutError:
        counts = {name: len(texts) for name, texts in screens.items()}
        raise AssertionError(f"{len(history)} of {expected} in the history; {counts}") from None


def others(history: list[dict[str, Any]], names: dict[str, str], name: str) -> list[str]:
    """Return what one of them has to see, in the order of `seq`."""
    return [
        f"{names[one['from']]}: {one['payload']['text']}"
        for one in history
        if names[one["from"]] != name
    ]


async def reached(five: Five, message: str) -> list[tuple[str, str]]:
    told = await five.olga.get(f"messages/{message}/status")
    return [(one["channel"], one["status"]) for one in told["recipients"]]


def good(channel: str, status: str) -> bool:
    if channel in GIVES_RECEIPTS:
        return status in {"delivered", "read"}
    return (channel, status) == ("telegram", "sent")


async def all_reached(five: Five, messages: list[str], *, within: float) -> Counter[Any]:
    """Wait until every recipient of every message is as far as the channel can tell."""
    found: Counter[Any] = Counter()
    left = messages
    try:
        async with asyncio.timeout(within):
            while left:
                again = []
                for message in left:
                    statuses = await reached(five, message)
                    if len(statuses) == 4 and all(good(*one) for one in statuses):
                        found.update(statuses)
                    else:
                        again.append(message)
                left = again
                await asyncio.sleep(0.5)
    except TimeoutError:
        first = await five.olga.get(f"messages/{left[0]}/status")
        ignored = await five.ignored()
        raise AssertionError(f"{len(left)} are not there: {first}; {ignored}") from None
    return found


async def everything_comes_once_and_in_order(folder: Path, times: int, *, within: float) -> str:
    async with five(folder) as group:
        started = time.monotonic()
        await group.talk(times)
        history = await settled(group, 5 * times + 1, within=within)
        took = time.monotonic() - started
        names = await group.names()
        assert [one["seq"] for one in history] == list(range(1, 5 * times + 2))
        told = [(names[one["from"]], one["payload"]["text"]) for one in history]
        for name, texts in group.said.items():
            found = [text for who, text in told if who == name and text != WELCOME]
            if name == "Ana":  # her callbacks come in another order, so it has its own
                found.sort(key=lambda text: int(text.split()[1]))
            assert found == texts
        for name, texts in (await group.screens()).items():
            assert texts == others(history, names, name), name
        body = {"up_to_seq": len(history)}
        await group.olga.post(f"conversations/{group.group}/read", body)
        messages = [one["message_id"] for one in history]
        statuses = await all_reached(group, messages, within=120.0)
        assert (await group.olga.get("admin/dead-letters"))["items"] == []
        checked = run("check", "--json", settings={"data_dir": str(group.data)})
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["ok"] is True
        faults = {
            f"{platform} {kind}": n
            for platform, plan in (
                ("whatsapp", group.whatsapp.faults),
                ("telegram", group.telegram.faults),
            )
            for kind, n in plan.taken.items()
        }
        for platform in ("whatsapp", "telegram"):
            assert [kind for kind in faults if kind.startswith(platform)], "all went well"
        refused = dict(group.whatsapp.limiter.refused)
    lines = [f"{len(history)} messages, {4 * len(history)} deliveries in {took:.0f} s"]
    lines += [f"{channel:<10}{status:<10}{n:>6}" for (channel, status), n in statuses.items()]
    lines += [f"{kind:<30}{n:>6}" for kind, n in faults.items()]
    return "\n".join([*lines, f"refused by WhatsApp's limits: {refused}"])


@pytest.fixture(autouse=True)
def prosody() -> None:
    require_prosody()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_twenty_each_come_to_all_once_and_in_order(tmp_path: Path) -> None:
    said = await everything_comes_once_and_in_order(tmp_path, 20, within=300.0)
    sys.stdout.write(f"\n{said}\n")


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
async def test_two_hundred_each_come_to_all_once_and_in_order(tmp_path: Path) -> None:
    said = await everything_comes_once_and_in_order(tmp_path, 200, within=1_500.0)
    sys.stdout.write(f"\n{said}\n")
