"""One group of five: at the web, at WhatsApp, at Telegram, at XMPP and at a simulated phone.

The platforms misbehave: of the calls 10 % are refused with 429 and 5 % with 5xx, callbacks
and updates come twice or in another order, WhatsApp is gone for a while and comes back with
what it knows, and the phone fails for a while. Every fault comes *before* the effect: neither
WhatsApp nor Telegram takes an idempotency key, so where an answer is lost after the effect a
message comes twice, which is documented and is not the subject here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chat4all.testing import telegram as tg
from chat4all.testing import whatsapp as wa
from chat4all_xmpp.conformance import PASSWORD, SHOP
from chat4all_xmpp.contact import Contact, connected
from chat4all_xmpp.prosody import running_prosody
from tests.e2e import hasty_product
from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.e2e.test_xmpp import installed

RITA = "+5511987654321"
WELCOME = "Welcome, all of you"
TOO_MANY, BROKEN, ODD = 0.10, 0.05, 0.10  # the parts of calls, and of callbacks
OUTAGE = 3.0  # seconds
ROOT = Path(__file__).parents[2]


@dataclass
class Five:
    """The group, and where each of them sits."""

    data: Path
    olga: Account
    group: str
    whatsapp: wa.WhatsAppSimulator
    telegram: tg.TelegramSimulator
    ana: wa.Phone
    tom: tg.Phone
    zoe: Contact
    outage: WhatsAppServing
    said: dict[str, list[str]] = field(default_factory=dict)

    async def history(self) -> list[dict[str, Any]]:
        """Return all that the web user's history of the group holds."""
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"conversations/{self.group}/messages"
            page = (await self.olga.get(path, after_seq=after, limit=200))["items"]
            if not page:
                return messages
            messages += page

    async def screens(self) -> dict[str, list[str]]:
        """Return what each platform's own record shows of the others' messages, oldest first."""
        rita = (await self.olga.get(f"mock/phones/{RITA}"))["messages"]
        shown: dict[str, list[str | None]] = {
            "Ana": [one.text for one in self.ana.view().messages if not one.mine],
            "Tom": [one.text for one in self.tom.view().messages if not one.mine],
            "Zoe": [str(one) for one in self.zoe.texts],
            "Rita": [one["text"] for one in rita if one["direction"] == "in"],
        }
        return {name: [one or "" for one in texts] for name, texts in shown.items()}

    async def ignored(self) -> str:
        """Return what the product counted as incoming and without effect."""
        lines = (await self.olga.text("/metrics")).splitlines()
        return "; ".join(one for one in lines if one.startswith("chat4all_inbound_ignored"))

    async def names(self) -> dict[str, str]:
        """Return the members' names by their ids."""
        members = (await self.olga.get(f"conversations/{self.group}"))["members"]
        ids = [one["user_id"] for one in members]
        return {one: (await self.olga.get(f"users/{one}"))["display_name"] for one in ids}

    # -- talking

    async def talk(self, times: int) -> None:
        """Have each of them say so many things, WhatsApp fail in the middle, and the phone."""
        self.said = {
            name: [f"{name} {number}" for number in range(times)]
            for name in ("Olga", "Ana", "Tom", "Zoe", "Rita")
        }
        async with asyncio.TaskGroup() as group:
            for work in (self._at_web(), self._at_phones(), self._at_mock()):
                group.create_task(work)
            group.create_task(self._troubles())

    async def _at_web(self) -> None:
        for number in range(0, len(self.said["Olga"]), 10):
            await self.olga.say(self.group, self.said["Olga"][number : number + 10])
            await asyncio.sleep(0.2)

    async def _at_phones(self) -> None:
        for ana, tom, zoe in zip(self.said["Ana"], self.said["Tom"], self.said["Zoe"], strict=True):
            self.ana.write(ana)
            self.tom.write(tom)
            self.zoe.write(SHOP, zoe)
            await asyncio.sleep(0.02)

    async def _at_mock(self) -> None:
        for words in self.said["Rita"]:
            await self.olga.post(f"mock/phones/{RITA}/messages", {"text": words})

    async def _troubles(self) -> None:
        await asyncio.sleep(1.0)
        await self.outage.stop()
        await self.olga.patch(f"mock/phones/{RITA}", {"fail": "temporary"})
        await asyncio.sleep(OUTAGE)
        await self.olga.patch(f"mock/phones/{RITA}", {"fail": None})
        await self.outage.start()


class WhatsAppServing:
    """A WhatsApp that can be gone for a while, and comes back at the same port."""

    def __init__(self, simulator: wa.WhatsAppSimulator) -> None:
        self._simulator = simulator
        self._stack = AsyncExitStack()
        self.url = ""

    async def start(self) -> None:
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        server = await self._stack.enter_async_context(self._simulator.serve(port=port))
        self.url = server.url

    async def stop(self) -> None:
        await self._stack.aclose()


def unreliable(whatsapp: wa.WhatsAppSimulator, telegram: tg.TelegramSimulator) -> None:
    """Plan what goes wrong, for as long as they run."""
    for fault in (
        wa.Fault(
            kind=wa.FaultKind.REFUSED,
            status=429,
            times=None,
            probability=TOO_MANY,
            retry_after=1,  # without it the number rests for 5 seconds
        ),
        wa.Fault(kind=wa.FaultKind.SERVER_ERROR, times=None, probability=BROKEN),
        wa.Fault(kind=wa.FaultKind.DUPLICATE_CALLBACK, times=None, probability=ODD),
        wa.Fault(kind=wa.FaultKind.LATE_CALLBACK, times=None, probability=ODD),
    ):
        whatsapp.faults.add(fault)
    for kind, method, probability in (
        (tg.FaultKind.TOO_MANY_REQUESTS, "sendMessage", TOO_MANY),
        (tg.FaultKind.SERVER_ERROR, "sendMessage", BROKEN),
        # An answer that is lost brings the same updates once more.
        (tg.FaultKind.LOST_ANSWER, "getUpdates", ODD),
    ):
        telegram.faults.add(tg.Fault(kind=kind, method=method, times=None, probability=probability))


@asynccontextmanager
async def five(folder: Path) -> AsyncIterator[Five]:
    """Bring them together, all well; `unreliable` comes after it."""
    whatsapp = wa.WhatsAppSimulator(limits=hasty_product.whatsapp_limits())
    telegram = tg.TelegramSimulator(limits=hasty_product.telegram_limits())
    number, token = whatsapp.add_number("Shop"), telegram.add_bot("shop_bot")
    serving = WhatsAppServing(whatsapp)
    async with AsyncExitStack() as stack:
        await serving.start()
        stack.push_async_callback(serving.stop)
        bots = await stack.enter_async_context(telegram.serve())
        (folder / "prosody").mkdir()
        passwords = {"shop": PASSWORD, "zoe": "zoe"}
        prosody = await stack.enter_async_context(running_prosody(folder / "prosody", passwords))
        site = await asyncio.to_thread(installed, folder / "site")
        settings = {
            "PYTHONPATH": f"{ROOT}:{site}",
            "CHAT4ALL_WHATSAPP_API": serving.url,
            "CHAT4ALL_TELEGRAM_API": bots.url,
            "CHAT4ALL_SENDER_RATE": "100000",
            "CHAT4ALL_CONVERSATION_RATE": "100000",
            "CHAT4ALL_LOG_LEVEL": "warning",
        }
        url = await stack.enter_async_context(
            running_server(folder, settings, program=hasty_product.PROGRAM)
        )
        olga = await stack.enter_async_context(Account(url, "olga").signed_up("Olga"))
        account = await _connect(olga, number, token, prosody.port)
        await whatsapp.subscribe(number, f"{url}/v1/webhooks/whatsapp/{account}")
        ana, tom = whatsapp.add_person("Ana"), telegram.add_person("Tom")
        zoe = await stack.enter_async_context(connected("zoe", "zoe", prosody.port))
        together = Five(folder / "data", olga, "", whatsapp, telegram, ana, tom, zoe, serving)
        await _meet(together)
        unreliable(whatsapp, telegram)
        yield together


async def _connect(olga: Account, number: wa.Number, token: str, port: int) -> str:
    """Add the three accounts; return the id of WhatsApp's."""
    configs: dict[str, dict[str, Any]] = {
        "telegram": {"token": token},
        "xmpp": {
            "jid": SHOP,
            "password": PASSWORD,
            "host": "127.0.0.1",
            "port": port,
            "tls": False,
        },
        "whatsapp": {
            "access_token": number.access_token,
            "app_secret": number.app_secret,
            "verify_token": number.verify_token,
            "phone_number_id": number.phone_number_id,
        },
    }
    account = ""
    for platform, config in configs.items():
        body = {"platform": platform, "name": platform, "config": config}
        account = (await olga.post("admin/connectors/accounts", body))["id"]
    return account


async def _meet(five: Five) -> None:
    """Have everybody write first, as bots and businesses need it, and make the group."""
    phone = {"display_name": "Rita", "channels": [{"platform": "mock", "external_id": RITA}]}
    await five.olga.post("contacts", phone)
    five.ana.write("Hello")
    five.tom.start()
    five.zoe.write(SHOP, "Hello")
    people: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while len(people) < 4:
            listed = (await five.olga.get("contacts"))["items"]
            people = [one for one in listed if one["channels"]]  # a newcomer's come a moment later
            await asyncio.sleep(0.1)
    zoe = next(one for one in people if one["channels"][0]["platform"] == "xmpp")
    if zoe["display_name"] != "Zoe":
        await five.olga.patch(f"contacts/{zoe['id']}", {"display_name": "Zoe"})
    members = [one["id"] for one in people]
    body = {"type": "group", "name": "Five", "member_ids": members}
    five.group = (await five.olga.post("conversations", body))["id"]
    await five.olga.say(five.group, [WELCOME])
    await arrived(five, [f"Olga: {WELCOME}"], within=60.0)


async def arrived(five: Five, last: Sequence[str], *, within: float) -> dict[str, list[str]]:
    """Wait until every screen ends with `last`, what is there before it aside."""
    screens: dict[str, list[str]] = {}
    try:
        async with asyncio.timeout(within):
            while True:
                screens = await five.screens()
                if all(texts[-len(last) :] == list(last) for texts in screens.values()):
                    return screens
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not all has arrived: {screens}") from None
