"""The product with a number of a simulated WhatsApp."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat4all.testing.whatsapp import Number, SimulatorServer, WhatsAppSimulator
from tests.e2e.account import Account
from tests.e2e.product import running_server


@dataclass(frozen=True)
class Shop:
    """The product with a number, its owner, and the WhatsApp it is connected to."""

    url: str
    owner: Account
    whatsapp: SimulatorServer
    number: Number
    callback_url: str


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[Shop]:
    """Run both until the block ends; Olga owns the number."""
    simulator = WhatsAppSimulator()
    number = simulator.add_number("Shop")
    async with simulator.serve() as whatsapp:
        settings = {"CHAT4ALL_WHATSAPP_API": whatsapp.url}
        async with (
            running_server(folder, settings) as url,
            Account(url, "olga").signed_up("Olga Teles") as olga,
        ):
            account = await olga.post("admin/connectors/accounts", _account(number, olga))
            callback_url = f"{url}/v1/webhooks/whatsapp/{account['id']}"
            await simulator.subscribe(number, callback_url)
            yield Shop(url, olga, whatsapp, number, callback_url)


def _account(number: Number, owner: Account) -> dict[str, Any]:
    return {
        "platform": "whatsapp",
        "name": "Shop",
        "owner_id": owner.user_id,
        "config": {
            "access_token": number.access_token,
            "app_secret": number.app_secret,
            "verify_token": number.verify_token,
            "phone_number_id": number.phone_number_id,
            "business_account_id": number.business_account_id,
        },
    }
