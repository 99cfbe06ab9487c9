"""setWebhook: delivery in order, with the secret, again after errors."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from chat4all.testing.telegram import SECRET_HEADER, Fault, FaultKind, Phone, TelegramSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx


@dataclass(slots=True)
class Receiver:
    """A bot's web server: notes requests, answers what `answers` says, then 200."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def texts(self) -> list[str]:
        return [body["message"]["text"] for body in self.bodies]

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.bodies) < count:
                self._more.clear()
                await self._more.wait()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(": ") for line in head.split("\r\n")[1:]]
        headers = {name.lower(): value for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.secrets.append(headers.get(SECRET_HEADER.lower()))
        answer = self.answers.pop(0) if self.answers else b"200 OK\r\ncontent-length: 0\r\n\r\n"
        self.bodies.append(json.loads(body))
        self._more.set()
        writer.write(b"HTTP/1.1 " + answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    listener = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


REFUSAL = b"503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


async def info(bot: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await bot.get("getWebhookInfo")).json()["result"]
    return found


async def being_polled(simulator: TelegramSimulator) -> None:
    [bot] = simulator.network.bots.values()
    assert await simulator.network.changes.until(lambda: bot.updates.being_polled, within=30)


async def test_updates_come_in_order_with_the_secret(
    bot: httpx.AsyncClient, ana: Phone, receiver: Receiver
) -> None:
    ana.write("before")
    answer = await bot.post("setWebhook", json={"url": receiver.url, "secret_token": "s3cret-_"})
    assert answer.json() == {"ok": True, "result": True}
    for number in range(5):
        ana.write(str(number))
    await receiver.has(6)
    assert receiver.texts == ["before", "0", "1", "2", "3", "4"]
    assert set(receiver.secrets) == {"s3cret-_"}


async def test_a_refused_update_is_repeated_before_the_next_one(
    bot: httpx.AsyncClient, ana: Phone, receiver: Receiver
) -> None:
    receiver.answers = [REFUSAL, REFUSAL]
    await bot.post("setWebhook", json={"url": receiver.url})
    ana.write("one")
    ana.write("two")
    await receiver.has(4)
    assert receiver.texts == ["one", "one", "one", "two"]
    assert receiver.secrets == [None] * 4
    told = await info(bot)
    assert told["last_error_message"] == (
        "Wrong response from the webhook: 503 Service Unavailable"
    )
    assert told["last_error_date"] == 1_800_000_000


async def test_an_unreachable_webhook_keeps_updates_pending(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    async with receiving() as gone:
        url = gone.url
    await bot.post("setWebhook", json={"url": url, "max_connections": 3})
    ana.write("one")
    ana.write("two")
    webhook = next(iter(simulator.network.bots.values())).webhook
    assert webhook is not None
    assert await simulator.network.changes.until(lambda: webhook.failure is not None, within=30)
    told = await info(bot)
    assert told["url"] == url
    assert told["pending_update_count"] == 2
    assert told["max_connections"] == 3
    assert told["last_error_message"] == "Connection refused"


async def test_polling_and_webhooks_exclude_each_other(
    bot: httpx.AsyncClient, ana: Phone, receiver: Receiver, simulator: TelegramSimulator
) -> None:
    poll = asyncio.create_task(bot.post("getUpdates", json={"timeout": 30}))
    await being_polled(simulator)
    await bot.post("setWebhook", json={"url": receiver.url})
    ended = await asyncio.wait_for(poll, 5)
    assert ended.json()["description"] == "Conflict: terminated by setWebhook request"
    refused = await bot.post("getUpdates", json={})
    assert refused.status_code == 409
    assert refused.json()["description"] == (
        "Conflict: can't use getUpdates method while webhook is active;"
        " use deleteWebhook to delete the webhook first"
    )
    assert (await bot.post("deleteWebhook", json={})).json()["result"] is True
    ana.write("polled")
    assert len((await bot.post("getUpdates", json={})).json()["result"]) == 1
    assert receiver.bodies == []


@pytest.mark.parametrize("method", ["setWebhook", "deleteWebhook"])
async def test_pending_updates_can_be_dropped(
    bot: httpx.AsyncClient, ana: Phone, method: str
) -> None:
    ana.write("old")
    assert (await info(bot))["pending_update_count"] == 1
    await bot.post(method, json={"url": "", "drop_pending_updates": True})
    assert await info(bot) == {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": 0,
    }


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "invalid webhook URL specified"),
        ("ftp://127.0.0.1/", "invalid webhook URL specified"),
        ("https://[::1", "invalid webhook URL specified"),
        ("http://example.org/", "bad webhook: An HTTPS URL must be provided for webhook"),
        (
            "https://example.org:8080/",
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
    ],
)
async def test_a_wrong_url_is_refused(bot: httpx.AsyncClient, url: str, reason: str) -> None:
    answer = await bot.post("setWebhook", json={"url": url})
    assert answer.status_code == 400
    assert answer.json()["description"] == f"Bad Request: {reason}"


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("with space", "secret token contains unallowed characters"),
        ("é", "secret token contains unallowed characters"),
        ("x" * 257, "secret token is too long"),
    ],
)
async def test_a_wrong_secret_is_refused(bot: httpx.AsyncClient, secret: str, reason: str) -> None:
    hook = {"url": "http://127.0.0.1:1/", "secret_token": secret}
    answer = await bot.post("setWebhook", json=hook)
    assert answer.status_code == 400
    assert answer.json()["description"] == f"Bad Request: {reason}"
    assert (await info(bot))["url"] == ""


async def test_a_delivery_can_be_duplicated_on_demand(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator, receiver: Receiver
) -> None:
    await bot.post("setWebhook", json={"url": receiver.url})
    simulator.faults.add(Fault(kind=FaultKind.DUPLICATE_WEBHOOK))
    ana.write("one")
    ana.write("two")
    await receiver.has(3)
    assert receiver.texts == ["one", "one", "two"]
    ids = [body["update_id"] for body in receiver.bodies]
    assert ids[0] == ids[1]


async def test_a_bot_may_call_a_method_in_its_answer(
    bot: httpx.AsyncClient, ana: Phone, receiver: Receiver
) -> None:
    call = b'{"method": "sendMessage", "chat_id": 501, "text": "from the answer"}'
    head = b"200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(call)
    receiver.answers = [head + call, head + call.replace(b"501", b"999")]
    await bot.post("setWebhook", json={"url": receiver.url})
    ana.write("one")
    await ana.wait_for(lambda chat: chat.texts == ["one", "from the answer"])
    ana.write("two")
    await receiver.has(2)
