"""A process loads the libraries of the platforms that it speaks to, and no other's."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.cluster import engines, running
from tests.e2e.roles import Role
from tests.e2e.watched_server import until

pytestmark = [pytest.mark.timeout(300), pytest.mark.own_engines]

PATIENCE = 60.0
NOWHERE = "http://127.0.0.1:9"
TOKEN = "123456:abcdefghijklmnopqrstuvwxyzABCDEFGHI"
VERIFY = "agreed"
NUMBER = {
    "access_token": "token",
    "app_secret": "secret",
    "verify_token": VERIFY,
    "phone_number_id": "1",
}


async def test_a_process_loads_what_it_uses_and_a_gateway_is_ready_for_calls(
    tmp_path: Path,
) -> None:
    with engines(tmp_path) as shared:
        settings = {
            **await shared.settings("loaded"),
            "CHAT4ALL_TELEGRAM_API": NOWHERE,
            "CHAT4ALL_WHATSAPP_API": NOWHERE,
            "PYTHONPROFILEIMPORTTIME": "1",  # a line for each module that is loaded
        }
        names = (
            "gateway",
            "router,notifier,presence",
            *(f"connector --channel {one}" for one in ("mock", "telegram", "whatsapp")),
        )
        async with running(tmp_path, settings, *names) as (gateway, core, mock, bots, numbers):
            await _has_loaded(mock, "chat4all.connectors.mock.connector")
            called = await _connect(gateway)
            await _has_loaded(bots, "aiogram")
            await _has_loaded(numbers, "pywa")
            await _has_loaded(gateway, "pywa")  # before anybody calls
            query = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": VERIFY}
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"{gateway.url}{called}", params=query)
            assert answer.text == "42"
        for role, loaded in (
            (gateway, {"pywa"}),
            (core, set()),
            (mock, set()),
            (bots, {"aiogram"}),
            (numbers, {"pywa"}),
        ):
            assert _loaded(role) & {"aiogram", "pywa"} == loaded, role.output


async def _connect(gateway: Role) -> str:
    """Add an account of each; return the path of WhatsApp's callbacks."""
    async with Account(gateway.url, "olga").signed_up("Olga") as olga:
        for platform, config in (("telegram", {"token": TOKEN}), ("whatsapp", NUMBER)):
            account = {"platform": platform, "name": platform, "owner_id": olga.user_id}
            made = await olga.post("admin/connectors/accounts", {**account, "config": config})
        return f"/v1/webhooks/whatsapp/{made['id']}"


def _loaded(role: Role) -> set[str]:
    return set(re.findall(r"^import time:.*\| +(\S+)$", role.output.read_text(), re.MULTILINE))


async def _has_loaded(role: Role, module: str) -> None:
    await until(lambda: module in _loaded(role), within=PATIENCE)
