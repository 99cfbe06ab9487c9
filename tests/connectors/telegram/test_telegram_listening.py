"""A Telegram account in the fleet: polled or called back, switched, and deaf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.bootstrap import fleet as fleet_module
from chat4all.bootstrap.fleet import Fleet, here
from chat4all.bootstrap.fleet_watch import look_at
from chat4all.connectors.telegram import TelegramConfig
from chat4all.connectors.telegram.connector import TelegramConnector
from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound, WebhookRejected
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.ports.connector import Pending
from chat4all.services.account_health import AccountState
from chat4all.services.receive import Hooks, ReceiveInbound
from chat4all.testing.faults import Faults, FaultyLog
from chat4all.testing.listening import listening, read_body
from chat4all.testing.pipeline import Pipeline, add_person
from chat4all.testing.telegram import Backoff, Fault, FaultKind, Phone, TelegramSimulator

BOT = AccountId(new_id())


class Office:
    """One node with one bot, whose people write from simulated phones."""

    def __init__(self, url: str, simulator: TelegramSimulator, token: str) -> None:
        self.simulator = simulator
        self.log = FaultyLog(MemoryEventLog(), Faults())
        self.store = MemoryMessageStore()
        self.directory = MemoryDirectory()
        self.config = {
            "token": token,
            "webhook_secret": "secret-1",
            "api_base": url,
            "timeout": 5,
        }
        self.ana = UserId("")
        self.callback: str | None = None
        self.process: Pipeline
        self.fleet = Fleet(
            self.directory.accounts,
            self.build,
            webhook_address=lambda _: self.callback,
            keep=here,
        )
        self.callbacks = Callbacks(self.fleet)

    def build(self, account: Account) -> TelegramConnector:
        return TelegramConnector(TelegramConfig(**account.config))

    async def open(self) -> None:
        self.ana = await add_person(self.directory, "ana")
        now = datetime.now(UTC)
        await self.directory.accounts.put(
            Account(
                id=BOT,
                platform="telegram",
                name="Shop",
                owner_id=self.ana,
                config=self.config,
                created_at=now,
                updated_at=now,
            )
        )
        self.process = Pipeline(self.log, self.store, self.directory)

    def receive(self) -> ReceiveInbound:
        async def nothing(*_: object) -> None:
            return

        return ReceiveInbound(
            self.directory,
            self.log,
            self.store,
            Hooks(tell=nothing, typing=nothing, ignored=lambda _: None),
        )

    async def switch(self, callback: str | None) -> None:
        self.callback = callback
        await self.fleet.changed(BOT)

    async def texts(self) -> list[str]:
        found: list[str] = []
        for conversation in await self.directory.conversations.of_user(self.ana):
            page = await self.store.page(conversation.id, viewer=self.ana, limit=100_000)
            found += [one.payload.text or "" for one in page if one.payload]
        return found

    async def has(self, count: int) -> list[str]:
        async with asyncio.timeout(30):
            while len(await self.texts()) < count:  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.02)
        await self.process.settle()
        return await self.texts()

    def called_back(self, times: int) -> bool:
        return self.callbacks.taken >= times

    @property
    def state(self) -> AccountState | None:
        health = self.fleet.health.of(BOT)
        return health.state if health else None

    async def comes_to(self, state: AccountState) -> None:
        await until(lambda: self.state is state)


class Callbacks:
    """Answers callbacks as the gateway does."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await read_body(receive, most=1_000_000)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = 200
        try:
            await self._fleet.webhook("telegram", BOT, headers, body or b"")
            self.taken += 1
        except (WebhookRejected, AccountNotFound):
            status = 404  # it does not run just now: Telegram comes again
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - nobody tells when it is so
            await asyncio.sleep(0.01)


@asynccontextmanager
async def an_office() -> AsyncIterator[tuple[Office, str]]:
    simulator = TelegramSimulator(backoff=Backoff(first=0.01, most=0.02))
    token = simulator.add_bot("shop_bot")
    async with simulator.serve() as server:
        office = Office(server.url, simulator, token)
        await office.open()
        async with (
            office.process,
            listening(office.callbacks, host="127.0.0.1", port=0, before_stop=lambda: None) as url,
        ):
            office.fleet.receive_by(office.receive())
            running = asyncio.create_task(office.fleet.run())
            try:
                yield office, f"{url}/hook"
            finally:
                running.cancel()
                await asyncio.wait([running])
                await office.fleet.aclose()


async def write(phones: list[Phone], enough: asyncio.Event) -> list[str]:
    """Write from all phones, a little at a time, until told; return what was written."""
    written: list[str] = []
    while not enough.is_set():
        number = len(written) // len(phones)
        for phone in phones:
            words = f"{phone.owner.id}:{number}"
            phone.write(words)
            written.append(words)
        await asyncio.sleep(0.02)
    return written


async def test_switching_both_ways_under_load_loses_and_repeats_nothing() -> None:
    async with an_office() as (office, callback):
        phones = [office.simulator.add_person(name, id=500 + n) for n, name in enumerate("ABC")]
        enough = asyncio.Event()
        writing = asyncio.create_task(write(phones, enough))
        for _ in range(2):
            await office.has(len(await office.texts()) + 10)  # they come by polling
            await office.switch(callback)
            before = office.callbacks.taken
            await until(partial(office.called_back, before + 10))
            await office.switch(None)
        enough.set()
        written = await writing
        found = await office.has(len(written))
        assert sorted(found) == sorted(written)
        for phone in phones:
            own = [one for one in written if one.startswith(f"{phone.owner.id}:")]
            assert [one for one in found if one in set(own)] == own, "in the order written"


async def test_what_came_while_nobody_listened_waits_for_either_way() -> None:
    async with an_office() as (office, callback):
        phone = office.simulator.add_person("Davi", id=501)
        await office.comes_to(AccountState.CONNECTED)
        account = await office.directory.accounts.get(BOT)
        assert account is not None
        for number, address in enumerate((callback, None)):
            await office.fleet._stop(BOT)
            phone.write(f"while away {number}")
            await office.switch(address)
            found = await office.has(number + 1)
        assert found == ["while away 0", "while away 1"]


async def test_an_account_is_connected_when_polls_return_and_says_when_it_heard() -> None:
    async with an_office() as (office, _):
        phone = office.simulator.add_person("Davi", id=501)
        await office.comes_to(AccountState.CONNECTED)
        phone.write("hello")
        await office.has(1)
        health = office.fleet.health.of(BOT)
        assert health is not None
        assert health.last_inbound_at is not None


async def test_a_token_that_telegram_does_not_know_is_logged_out_until_it_is_renewed() -> None:
    async with an_office() as (office, _):
        account = await office.directory.accounts.get(BOT)
        assert account is not None
        wrong = {**office.config, "token": "12:wrong"}
        await office.directory.accounts.put(_with(account, wrong))
        await office.fleet.changed(BOT)
        await office.comes_to(AccountState.LOGGED_OUT)
        await office.directory.accounts.put(_with(account, office.config))
        await office.fleet.changed(BOT)
        await office.comes_to(AccountState.CONNECTED)


async def test_the_pause_after_failures_begins_anew_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(fleet_module, "LONGEST_PAUSE", 1_000.0)
    async with an_office() as (office, _):
        phone = office.simulator.add_person("Davi", id=501)
        await office.comes_to(AccountState.CONNECTED)
        for number in range(12):  # 12 pauses that double would last 40 seconds
            kind = FaultKind.SERVER_ERROR
            office.simulator.faults.add(Fault(kind=kind, method="getUpdates", times=2))
            phone.write(f"{number}")
            await office.has(number + 1)
        assert await office.texts() == [f"{number}" for number in range(12)]


async def test_a_webhook_that_brings_nothing_is_deaf_and_set_anew() -> None:
    async with an_office() as (office, callback):
        phone = office.simulator.add_person("Davi", id=501)
        nowhere = callback.replace("/hook", "").rsplit(":", 1)[0] + ":9/hook"
        await office.switch(nowhere)
        await office.comes_to(AccountState.CONNECTED)
        phone.write("hello?")
        bot = office.fleet.get(BOT)
        assert isinstance(bot, TelegramConnector)
        async with asyncio.timeout(30):
            while (await bot.pending()).last_error is None:  # noqa: ASYNC110 - it is asked for
                await asyncio.sleep(0.01)
        office.callback = callback  # somebody repairs the address
        for _ in range(2):
            await look_at(office.fleet)
        assert await office.has(1) == ["hello?"]
        assert office.state is AccountState.CONNECTED


async def test_what_waits_is_told_by_telegram() -> None:
    async with an_office() as (office, _):
        await office.fleet._stop(BOT)
        phone = office.simulator.add_person("Davi", id=501)
        phone.write("one")
        phone.write("two")
        bot = TelegramConnector(TelegramConfig.model_validate(office.config))
        try:
            assert await bot.pending() == Pending(2)
        finally:
            await bot.aclose()


def _with(account: Account, config: dict[str, Any]) -> Account:
    return Account(
        id=account.id,
        platform=account.platform,
        name=account.name,
        owner_id=account.owner_id,
        config=config,
        created_at=account.created_at,
        updated_at=account.updated_at,
    )
