"""A message finds its way by the next channel, and its sender sees one message that tells so.

The product's public API, a simulated WhatsApp and a simulated Telegram.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from chat4all.testing.telegram import Phone as TelegramPhone
from chat4all.testing.telegram import TelegramSimulator
from chat4all.testing.whatsapp import Phone as WhatsAppPhone
from chat4all.testing.whatsapp import WhatsAppSimulator
from tests.e2e.account import Account
from tests.e2e.product import running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 60.0
ORDER = ["whatsapp", "telegram"]
PEOPLE = itertools.count(1)


@dataclass(frozen=True)
class Site:
    """The product, with both platforms connected; `olga` owns the accounts."""

    olga: Account
    whatsapp: WhatsAppSimulator
    telegram: TelegramSimulator

    async def somebody(self) -> Friend:
        """Return a contact who is on both platforms, and has written on Telegram only."""
        name = f"Ana {next(PEOPLE)}"
        here, there = self.whatsapp.add_person(name), self.telegram.add_person(name)
        channels = [
            {"platform": "whatsapp", "external_id": here.owner.phone},
            {"platform": "telegram", "external_id": str(there.owner.id)},
        ]
        contact = {"display_name": name, "channels": channels}
        member = (await self.olga.post("contacts", contact))["id"]
        body = {"type": "private", "member_ids": [member]}
        chat = (await self.olga.post("conversations", body))["id"]
        there.start()
        friend = Friend(self.olga, chat, here, there)
        await friend.until(lambda page: len(page["items"]) == 1, f"conversations/{chat}/messages")
        return friend


@dataclass(frozen=True)
class Friend:
    """One contact with a phone on each platform."""

    olga: Account
    chat: str
    whatsapp: WhatsAppPhone
    telegram: TelegramPhone

    async def send(self, words: str, **failover: float) -> str:
        """Send by WhatsApp first; return the message's id."""
        message = {
            "message_id": str(uuid.uuid4()),
            "conversation_id": self.chat,
            "payload": {"type": "text", "text": words},
            "channels": ORDER,
            **({"failover": failover} if failover else {}),
        }
        return str((await self.olga.post("messages", message))["message_id"])

    async def until(self, wanted: Callable[[Any], bool], path: str) -> Any:
        answer: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    answer = await self.olga.get(path)
                    if wanted(answer):
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not as wanted: {answer}") from None

    async def told(self, message: str, *last: tuple[str, str]) -> dict[str, Any]:
        """Wait until the history has all of these; return the status."""
        answer: dict[str, Any] = await self.until(
            lambda told: set(last) <= set(course(told)), f"messages/{message}/status"
        )
        return answer

    def texts(self) -> tuple[list[str], list[str]]:
        """Return what the phones show of ours: WhatsApp's, Telegram's."""
        here = [one.text or "" for one in self.whatsapp.view().messages if not one.mine]
        there = [one.text or "" for one in self.telegram.view().messages if not one.mine]
        return here, there

    async def shown_once(self, message: str, words: str) -> None:
        """See that the sender's history holds one message, in any number of attempts."""
        page = await self.olga.get(f"conversations/{self.chat}/messages")
        found = [one["message_id"] for one in page["items"] if one["payload"]["text"] == words]
        assert found == [message]


def course(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["channel"], one["status"]) for one in told["history"]]


def notes(told: dict[str, Any]) -> list[str]:
    return [one["note"] for one in told["history"] if one["note"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    whatsapp, telegram = WhatsAppSimulator(), TelegramSimulator()
    number, token = whatsapp.add_number("Shop"), telegram.add_bot("shop_bot")
    async with AsyncExitStack() as stack:
        graph = await stack.enter_async_context(whatsapp.serve())
        bots = await stack.enter_async_context(telegram.serve())
        settings = {"CHAT4ALL_WHATSAPP_API": graph.url, "CHAT4ALL_TELEGRAM_API": bots.url}
        url = await stack.enter_async_context(
            running_server(tmp_path_factory.mktemp("failover"), settings)
        )
        olga = await stack.enter_async_context(Account(url, "olga").signed_up("Olga"))
        config = {
            "access_token": number.access_token,
            "app_secret": number.app_secret,
            "verify_token": number.verify_token,
            "phone_number_id": number.phone_number_id,
        }
        for platform, one in {"telegram": {"token": token}, "whatsapp": config}.items():
            account = {"platform": platform, "name": platform, "config": one}
            made = await olga.post("admin/connectors/accounts", account)
        await whatsapp.subscribe(number, f"{url}/v1/webhooks/whatsapp/{made['id']}")
        yield Site(olga, whatsapp, telegram)


async def test_a_closed_window_leads_to_the_next_channel(site: Site) -> None:
    friend = await site.somebody()
    message = await friend.send("By whichever")
    told = await friend.told(message, ("telegram", "sent"))
    assert course(told) == [
        ("whatsapp", "failed"),
        ("telegram", "accepted"),
        ("telegram", "sent"),
    ]
    refused = told["history"][0]
    assert refused["error"]["code"] == "session_window_closed"
    assert notes(told) == ["instead of whatsapp: session_window_closed"]
    [recipient] = told["recipients"]
    assert (recipient["channel"], recipient["status"]) == ("telegram", "sent")
    assert told["status"] == "sent"
    assert friend.texts() == ([], ["By whichever"])
    await friend.shown_once(message, "By whichever")
    letters = (await site.olga.get("admin/dead-letters"))["items"]
    assert letters == [], "it has arrived: there is nothing to send again"


async def written_on_whatsapp(friend: Friend) -> None:
    friend.whatsapp.write("Hello")
    path = f"conversations/{friend.chat}/messages"
    await friend.until(lambda page: "Hello" in str(page["items"]), path)


async def test_what_is_not_read_in_time_goes_by_the_next_channel_too(site: Site) -> None:
    friend = await site.somebody()
    await written_on_whatsapp(friend)
    message = await friend.send("Read me", deliver_within=60, read_within=2)
    told = await friend.told(message, ("telegram", "sent"))
    assert course(told) == [
        ("whatsapp", "sent"),
        ("whatsapp", "delivered"),
        ("telegram", "accepted"),
        ("telegram", "sent"),
    ]
    assert notes(told) == ["instead of whatsapp: not read within 2 s"]
    assert told["status"] == "delivered", "the best that is known"
    assert friend.texts() == (["Read me"], ["Read me"])
    await friend.shown_once(message, "Read me")

    friend.whatsapp.read()
    told = await friend.told(message, ("whatsapp", "read"))
    # WhatsApp tells whole seconds, so only the order within a channel is sure.
    assert [status for channel, status in course(told) if channel == "whatsapp"] == [
        "sent",
        "delivered",
        "read",
    ]
    assert told["status"] == "read"
    assert friend.texts()[1] == ["Read me"], "nothing more is sent"


async def test_what_is_not_delivered_in_time_goes_by_the_next_channel_and_may_still_arrive(
    site: Site,
) -> None:
    friend = await site.somebody()
    await written_on_whatsapp(friend)
    friend.whatsapp.go_offline()
    message = await friend.send("Are you there?", deliver_within=2)
    told = await friend.told(message, ("telegram", "sent"))
    assert course(told) == [
        ("whatsapp", "sent"),
        ("telegram", "accepted"),
        ("telegram", "sent"),
    ]
    assert notes(told) == ["instead of whatsapp: not delivered within 2 s"]
    assert friend.texts() == ([], ["Are you there?"])
    friend.whatsapp.go_online()
    told = await friend.told(message, ("whatsapp", "delivered"))
    assert told["status"] == "delivered"
    await friend.shown_once(message, "Are you there?")


async def test_what_is_read_in_time_goes_by_one_channel(site: Site) -> None:
    friend = await site.somebody()
    await written_on_whatsapp(friend)
    message = await friend.send("Quick", deliver_within=60, read_within=5)
    await friend.told(message, ("whatsapp", "delivered"))
    friend.whatsapp.read()
    await friend.told(message, ("whatsapp", "read"))
    # Another message's deadline, set later and as long, passes: this one's has passed by then.
    later = await friend.send("Slow", deliver_within=60, read_within=5)
    await friend.told(later, ("telegram", "sent"))
    told = await friend.told(message)
    assert course(told) == [("whatsapp", one) for one in ("sent", "delivered", "read")]
    assert friend.texts() == (["Quick", "Slow"], ["Slow"])
