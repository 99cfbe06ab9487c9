"""Each alert is told when its fault is there and taken back when it is gone, by real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chat4all.testing.telegram import TelegramSimulator
from tests.deploy.test_alerts import rules
from tests.e2e.account import Account
from tests.e2e.watched_server import Watched, watched_server
from tests.servers.listener import Answer, listening
from tests.servers.prometheus import alertmanager, prometheus
from tests.servers.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.embedded("locks a SQLite file, and asks one process for its metrics")

OPS = Path(__file__).parents[2] / "ops"
PHONE = "+351910000042"
WRONG_TOKEN = "12:wrong"
PATIENCE = 120.0
HURRIED = 60
"""How many times faster the rules are: 5 minutes are 5 seconds."""
SEVERITY = {one["alert"]: one["labels"]["severity"] for one in rules() if "alert" in one}


@dataclass
class Pager:
    """What the Alertmanager told: each alert at each receiver, and whether it is so now."""

    state: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, path: str, _: Message, body: bytes) -> Answer:
        """Take what the Alertmanager posts."""
        for one in json.loads(body)["alerts"]:
            self.state[path.strip("/"), one["labels"]["alertname"]] = one["status"]
        return Answer()


@dataclass(frozen=True, slots=True)
class Scene:
    """A server with a fault to come, and those who watch it."""

    server: Watched
    redis: RedisServer
    telegram: TelegramSimulator
    ana: Account
    talk: str
    pager: Pager
    watchers: httpx.AsyncClient

    async def comes_to(self, status: str, names: set[str]) -> None:
        """Wait until the receivers were told so of each alert."""
        receivers = {"page": "pager", "ticket": "tickets"}
        wanted = {(receivers[SEVERITY[name]], name) for name in names}
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(self.pager.state.get(one) == status for one in wanted):  # noqa: ASYNC110 - told by a thread
                    await asyncio.sleep(0.2)
        except TimeoutError:
            seen = await self.alerts()
            raise AssertionError(f"{wanted} not {status}: {self.pager.state}; {seen}") from None

    async def alerts(self) -> dict[str, str]:
        """Return what Prometheus says of alerts that fire or are about to."""
        told = (await self.watchers.get("/api/v1/alerts")).json()["data"]["alerts"]
        return {one["labels"]["alertname"]: one["state"] for one in told}

    async def say(self) -> httpx.Response:
        message = {
            "message_id": str(uuid.uuid4()),
            "conversation_id": self.talk,
            "payload": {"type": "text", "text": "Hello"},
        }
        return await self.ana.ask("POST", "/v1/messages", json=message)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path_factory.mktemp("alerted")) as made:
        yield made


@asynccontextmanager
async def a_scene(folder: Path, *, hurried: int = HURRIED, **settings: str) -> AsyncIterator[Scene]:
    """Run the server, and those who watch it; all is well."""
    telegram = TelegramSimulator()
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(redis_server(folder))
        bots = await stack.enter_async_context(telegram.serve())
        told = {"ephemeral_url": redis.url, "telegram_api": bots.url, **settings}
        server = await stack.enter_async_context(watched_server(folder, **told))
        ana = await stack.enter_async_context(Account(server.url, "ana").signed_up("Ana"))
        channel = {"platform": "mock", "external_id": PHONE}
        rui = await ana.post("contacts", {"display_name": "Rui", "channels": [channel]})
        talk = await ana.post("conversations", {"type": "private", "member_ids": [rui["id"]]})
        pager = Pager()
        webhook = stack.enter_context(listening(pager.take))
        manager = stack.enter_context(
            alertmanager(folder, OPS / "alertmanager/alertmanager.yml", webhook)
        )
        target = server.url.removeprefix("http://")
        url = stack.enter_context(
            prometheus(folder, OPS / "prometheus", target, alertmanager=manager, hurried=hurried)
        )
        watchers = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        yield Scene(server, redis, telegram, ana, talk["id"], pager, watchers)


@asynccontextmanager
async def again_and_again(work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Do it a few times a second until the block ends, however long each takes."""

    async def repeat() -> None:
        while True:
            await work()
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(repeat()) for _ in range(8)]
    try:
        yield
    finally:
        assert not any(one.done() for one in tasks), tasks
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def phone_refuses(scene: Scene) -> AsyncIterator[None]:
    await scene.ana.patch(f"mock/phones/{PHONE}", {"fail": "permanent"})
    async with again_and_again(scene.say):
        yield
    await scene.ana.patch(f"mock/phones/{PHONE}", {"fail": None})


@asynccontextmanager
async def strangers_call(scene: Scene) -> AsyncIterator[None]:
    async def forged() -> None:
        answer = await scene.ana.ask("POST", f"/v1/webhooks/telegram/{uuid.uuid4()}", json={})
        assert answer.status_code == 404

    async with again_and_again(forged):
        yield


@asynccontextmanager
async def bot_is_unknown(scene: Scene) -> AsyncIterator[None]:
    body = {"platform": "telegram", "name": "bot", "config": {"token": WRONG_TOKEN}}
    made = await scene.ana.post("admin/connectors/accounts", body)
    yield
    gone = await scene.ana.ask("DELETE", f"/v1/admin/connectors/accounts/{made['id']}")
    assert gone.status_code < 300, gone.text


@asynccontextmanager
async def redis_is_gone(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.redis.stop)
    await scene.say()  # who has no need of it does not miss it
    yield
    await asyncio.to_thread(scene.redis.start)
    await asyncio.sleep(2)
    await scene.say()


@asynccontextmanager
async def process_hangs(scene: Scene) -> AsyncIterator[None]:
    process: int = json.loads((scene.server.data / "operator.json").read_text())["pid"]
    os.kill(process, signal.SIGSTOP)
    yield
    os.kill(process, signal.SIGCONT)


Fault = Callable[[Scene], AbstractAsyncContextManager[None]]
FAULTS: dict[Fault, set[str]] = {
    phone_refuses: {"Chat4AllDeliveriesFail", "Chat4AllDeadLetters"},
    strangers_call: {"Chat4AllCallbacksRefused"},
    bot_is_unknown: {"Chat4AllAccountDeaf"},
    process_hangs: {"Chat4AllProcessDown"},
    redis_is_gone: {"Chat4AllSharedStateLost"},
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
async def test_an_alert_is_told_and_taken_back(scene: Scene, fault: Fault) -> None:
    async with fault(scene):
        await scene.comes_to("firing", FAULTS[fault])
    await scene.comes_to("resolved", FAULTS[fault])
