"""An auditor that cannot keep up and is made faster: `scripts/test -m chaos tests/deploy`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.deploy.test_alerts_fire import OPS, Pager
from tests.deploy.test_alerts_fire_late import HURRIED
from tests.e2e.account import Account
from tests.e2e.roles import Role
from tests.servers.listener import listening
from tests.servers.prometheus import alertmanager, prometheus

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.embedded("one process with a pace of its auditor"),
]

DAY = 20
"""Seconds after which a proof is as old as it may be."""
MESSAGES = 300
BEHIND = ("tickets", "Chat4AllAuditBehind")
PATIENCE = 240.0


async def test_it_is_told_and_a_faster_pace_takes_it_back(tmp_path: Path) -> None:
    server, pager = Role(("serve",), tmp_path, {"CHAT4ALL_AUDIT_RATE": "1"}), Pager()
    target = server.url.removeprefix("http://")
    with (
        listening(pager.take) as webhook,
        alertmanager(tmp_path, OPS / "alertmanager/alertmanager.yml", webhook) as manager,
        prometheus(
            tmp_path, OPS / "prometheus", target, alertmanager=manager, hurried=HURRIED, day=DAY
        ) as watchers,
    ):
        try:
            await server.start()
            async with (
                Account(server.url, "ana").signed_up("Ana") as ana,
                Account(server.url, "bia").signed_up("Bia") as bia,
            ):
                await ana.say(await ana.chat_with(bia), [str(n) for n in range(MESSAGES)])
            await _comes_to(pager, "firing", watchers)
            await server.stop()
            server.settings["CHAT4ALL_AUDIT_RATE"] = "100000"
            await server.start()
            await _comes_to(pager, "resolved", watchers)
        finally:
            await server.stop()


async def _comes_to(pager: Pager, status: str, watchers: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while pager.state.get(BEHIND) != status:  # noqa: ASYNC110 - told by a thread
                await asyncio.sleep(0.2)
    except TimeoutError:
        async with httpx.AsyncClient(base_url=watchers, trust_env=False) as http:
            asked = {"query": "chat4all_integrity_proven_age_seconds"}
            told = (await http.get("/api/v1/query", params=asked)).text
        raise AssertionError(f"not {status}: {pager.state}; {told}") from None
