"""A receipt that a platform was thanked for survives a kill before our own record is there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from chat4all.testing.whatsapp import SIGNATURE_HEADER, Number, WhatsAppSimulator, signature
from chat4all.testing.whatsapp.errors import ChallengeFailed
from tests.chaos.killed_server import Server
from tests.e2e.account import Account
from tests.e2e.cluster import Engines, engines, running

PATIENCE = 120.0
ANA = "5571990000001"
EARLY = "wamid.of-a-message-to-come"


def config(number: Number) -> dict[str, str]:
    return {
        "access_token": number.access_token,
        "app_secret": number.app_secret,
        "verify_token": number.verify_token,
        "phone_number_id": number.phone_number_id,
    }


def is_read(number: Number) -> bytes:
    """Return a callback that says that Ana has read the message `EARLY`."""
    status = {
        "id": EARLY,
        "status": "read",
        "timestamp": str(int(time.time())),
        "recipient_id": ANA,
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "5511900000000",
            "phone_number_id": number.phone_number_id,
        },
        "statuses": [status],
    }
    change = {"field": "messages", "value": value}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": [change]}]}
    return json.dumps(body).encode()


async def post(url: str, number: Number, body: bytes) -> None:
    """Call back until it is taken: another process may not know the account yet."""
    proof = {SIGNATURE_HEADER: signature(number.app_secret, body)}

    async def taken() -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as http:
            return (await http.post(url, content=body, headers=proof)).is_success

    await until(taken)


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await met():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)


async def only_chat(account: Account) -> str:
    async def found() -> bool:
        return bool((await account.get("conversations"))["items"])

    await until(found)
    return str((await account.get("conversations"))["items"][0]["id"])


async def is_told(account: Account, message: str) -> None:
    """Wait until the sender sees that the message was read."""

    async def read() -> bool:
        told = await account.get(f"messages/{message}/status")
        return bool(told["status"] == "read")

    await until(read)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_receipt_that_was_acknowledged_is_counted_in_after_a_kill(tmp_path: Path) -> None:
    simulator = WhatsAppSimulator()
    number, ana = simulator.add_number("Shop"), simulator.add_person("Ana", phone=ANA)
    async with simulator.serve() as platform:
        server = Server(tmp_path / "data", {"CHAT4ALL_WHATSAPP_API": platform.url})
        await server.start()
        try:
            async with Account(server.url, "olga").signed_up("Olga") as olga:
                shop = {"platform": "whatsapp", "name": "Shop", "config": config(number)}
                account = (await olga.post("admin/connectors/accounts", shop))["id"]
                url = f"{server.url}/v1/webhooks/whatsapp/{account}"
                await simulator.subscribe(number, url)
                ana.write("Hello")
                chat = await only_chat(olga)
                await post(url, number, is_read(number))
                await server.kill()
                await server.start()
                simulator.network.new_id = lambda: EARLY  # type: ignore[method-assign]
                [message] = await olga.say(chat, ["Hello Ana"])
                await is_told(olga, message)
        finally:
            await server.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with engines(tmp_path_factory.mktemp("engines")) as found:
        yield found


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_another_process_counts_in_what_a_killed_gateway_was_told(
    tmp_path: Path, shared: Engines
) -> None:
    simulator = WhatsAppSimulator()
    number, ana = simulator.add_number("Shop"), simulator.add_person("Ana", phone=ANA)
    names = ["gateway", "gateway", "router", "notifier", "connector --channel whatsapp"]
    async with simulator.serve() as platform:
        settings = {**await shared.settings("early"), "CHAT4ALL_WHATSAPP_API": platform.url}
        async with (
            running(tmp_path, settings, *names) as (here, there, *_),
            Account(here.url, "olga").signed_up("Olga") as olga,
        ):
            shop = {"platform": "whatsapp", "name": "Shop", "config": config(number)}
            account = (await olga.post("admin/connectors/accounts", shop))["id"]
            path = f"/v1/webhooks/whatsapp/{account}"

            async def subscribed() -> bool:
                with suppress(ChallengeFailed):  # while the account begins anew
                    await simulator.subscribe(number, here.url + path)
                    return True
                return False

            await until(subscribed)
            ana.write("Hello")
            chat = await only_chat(olga)
            await post(there.url + path, number, is_read(number))
            await there.kill()
            simulator.network.new_id = lambda: EARLY  # type: ignore[method-assign]
            [message] = await olga.say(chat, ["Hello Ana"])
            await is_told(olga, message)
