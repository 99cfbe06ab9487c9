"""The connectors of this process: one per enabled account that it uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars

from chat4all.bootstrap.lazy_connector import LazyConnector
from chat4all.domain.directory import Account
from chat4all.domain.errors import (
    AccountNotFound,
    ChannelError,
    Chat4AllError,
    Unavailable,
    WebhookRejected,
)
from chat4all.domain.ids import AccountId, MessageId, new_id
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.ports.accounts import Accounts
from chat4all.ports.connector import (
    Connector,
    SupportsChallenge,
    SupportsIdentity,
    SupportsPolling,
    SupportsWebhookSetup,
)
from chat4all.ports.tracing import ACCOUNT_ID, PLATFORM, Tracing, Untraced
from chat4all.ports.tracing import Kind as TraceKind
from chat4all.services.health_board import HealthBoard

log = structlog.get_logger(__name__)

POLL_SECONDS = 25.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

Work = Callable[[], Awaitable[None]]
Keep = Callable[[str, Work], Awaitable[None]]
"""Runs a named work where it should run: here, or in one process of several at a time."""


async def here(name: str, work: Work) -> None:
    """Run a work in this process, the only one. It is a `Keep`."""
    del name
    await work()


Changed = Callable[[AccountId], Awaitable[None]]
"""Has every process follow an account that was added, changed, disabled or removed."""
Build = Callable[[Account], Connector]
Receive = Callable[[Account, Sequence[Inbound]], Awaitable[None]]


class Fleet:
    """Starts, stops and polls connectors as accounts come, change and go.

    `keep` has each account be listened to; without it none is here, and only callbacks
    are taken. With `channels` the accounts of other platforms are not listened to. A
    connector is made at once where its account is listened to, in the background where
    its platform is `awaited` to call, and else at its first use.
    """

    def __init__(
        self,
        accounts: Accounts,
        build: Build,
        *,
        webhook_address: Callable[[Account], str | None],
        keep: Keep | None,
        channels: Collection[str] | None = None,
        awaited: Collection[str] = (),
        health: HealthBoard | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Untraced()
        self.health = health or HealthBoard()
        self._accounts = accounts
        self._build = build
        self._webhook_address = webhook_address
        self._keep = keep
        self._channels = channels
        self._awaited = awaited
        self._running: dict[AccountId, LazyConnector] = {}
        self._polls: dict[AccountId, asyncio.Task[None]] = {}
        self._receive: Receive | None = None
        self._changing = asyncio.Lock()
        self._making = asyncio.Lock()
        self._all_started = asyncio.Event()

    def get(self, account: AccountId, /) -> Connector | None:
        """Return the connector of an account, or None while none has been made."""
        running = self._running.get(account)
        return running.made if running else None

    async def connector_of(self, account: AccountId, /) -> Connector | None:
        """Return the connector of an account, made if need be; None for one that cannot run."""
        running = self._running.get(account)
        return await running.get() if running else None

    @property
    def running(self) -> Sequence[tuple[Account, Connector]]:
        """Return the accounts whose connectors have been made, with these."""
        return [(one.account, made) for one in self._running.values() if (made := one.made)]

    def receive_by(self, receive: Receive) -> None:
        """Say who takes what comes in; before the first account starts."""
        self._receive = receive

    async def run(self) -> None:
        """Start every enabled account, then keep them until cancelled."""
        for account in await self._accounts.list():
            await self._catch_up(account.id)
        self._all_started.set()
        await asyncio.Event().wait()

    def once_started(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return `work` as what begins when every enabled account has been started.

        A delivery that finds no connector tries again later and later, so one that came
        while a platform's library loads would wait for longer than the library takes.
        """

        async def begin() -> None:
            await self._all_started.wait()
            await work()

        return begin

    async def changed(self, account_id: AccountId) -> None:
        """Follow an account that was added, changed, disabled or removed."""
        async with self._changing:
            await self._follow(account_id, await self._accounts.get(account_id))

    async def follow(self, changes: AsyncIterator[AccountId]) -> None:
        """Follow the changes that other processes make; first those that were not heard of."""
        for name in {*(account.id for account in await self._accounts.list()), *self._running}:
            await self._catch_up(name)
        async for name in changes:
            await self._catch_up(name)

    async def _catch_up(self, account_id: AccountId) -> None:
        """Follow what may have been followed already: an account that runs as it is goes on."""
        async with self._changing:
            account, running = await self._accounts.get(account_id), self._running.get(account_id)
            if (
                account is None
                or running is None
                or account.updated_at != running.account.updated_at
            ):
                await self._follow(account_id, account)

    async def _follow(self, account_id: AccountId, account: Account | None) -> None:
        await self._stop(account_id)
        if account is None:
            self.health.gone(account_id)
        elif not account.enabled:
            self.health.disabled(account)
        else:
            self.health.starts(account)
            await self._start(account)

    async def reconnect(self, account_id: AccountId) -> None:
        """Begin anew with one that does not hear its platform any more."""
        async with self._changing:
            running = self._running.get(account_id)
            if running is not None:
                await self._stop(account_id)
                await self._start(running.account)

    async def _start(self, account: Account) -> None:
        running = self._running[account.id] = LazyConnector(account, self._make)
        if self._keep is None or not self._is_ours(account):
            if account.platform in self._awaited:
                running.begin()
            return
        connector = await running.get()
        if connector is not None and self._receive is not None:
            work = partial(self._listen, account, connector, self._receive)
            kept = self._keep(f"account {account.id}", work)
            self._polls[account.id] = asyncio.ensure_future(kept)

    def _is_ours(self, account: Account) -> bool:
        return self._channels is None or account.platform in self._channels

    async def _make(self, account: Account) -> Connector | None:
        """Make a connector in a thread, one at a time: libraries may share what they load."""
        async with self._making:
            try:
                return await asyncio.to_thread(self._build, account)
            except Chat4AllError as error:
                log.warning("account cannot run", account=account.id, detail=str(error))
                self.health.broken(account.id, str(error))
            except Exception as error:  # a library that does not load is one platform's trouble
                log.exception("account cannot run", account=account.id)
                self.health.broken(account.id, type(error).__name__)
        return None

    async def aclose(self) -> None:
        """Stop them all."""
        for account_id in list(self._running):
            await self._stop(account_id)

    async def webhook(
        self, platform: str, account_id: AccountId, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Take one callback of a platform; returns once what it brought is durable.

        Raises `AccountNotFound` for one that cannot run here, `WebhookRejected`.
        """
        account, connector = await self._called(platform, account_id)
        if self._receive is None:
            raise AccountNotFound("no such connector account")
        with bound_contextvars(connector=platform):
            events = connector.on_webhook_event(headers, body)
            self.health.received(account_id)
            await self._receive(account, events)

    async def challenge(
        self, platform: str, account_id: AccountId, query: Mapping[str, str]
    ) -> bytes:
        """Return the answer to a platform that checks the callback address of an account.

        Raises `AccountNotFound` for one that cannot run here, `WebhookRejected`.
        """
        _, connector = await self._called(platform, account_id)
        if not isinstance(connector, SupportsChallenge):
            raise WebhookRejected("this platform does not ask for an answer")
        return connector.answer_challenge(query)

    async def _called(self, platform: str, account_id: AccountId) -> tuple[Account, Connector]:
        """Return the account that a platform calls, and its connector.

        One that another process has just added may not have been heard of here, and the
        platform calls at once.
        """
        if account_id not in self._running:
            account = await self._accounts.get(account_id)
            if account is not None and account.enabled and account.platform == platform:
                await self._catch_up(account_id)
        running = self._running.get(account_id)
        if running is not None and running.account.platform == platform:
            connector = await running.get()
            if connector is not None:
                return running.account, connector
        raise AccountNotFound("no such connector account")

    async def tell(self, account: Account, address: str, words: str) -> None:
        """Send a short text of the system's own; a platform that refuses it is only noted."""
        connector = await self.connector_of(account.id)
        if connector is None:
            return
        try:
            await connector.send_message(
                Outgoing(message_id=MessageId(new_id()), address=address, payload=text(words))
            )
        except ChannelError as error:
            log.info("answer not taken", account=account.id, code=error.reason)

    async def _stop(self, account_id: AccountId) -> None:
        poll = self._polls.pop(account_id, None)
        if poll is not None:
            poll.cancel()
            await asyncio.wait([poll])
        running = self._running.pop(account_id, None)
        if running is not None:
            await running.aclose()

    async def _listen(self, account: Account, connector: Connector, receive: Receive) -> None:
        """Have a webhook where there is a public address for it, else poll."""
        bind_contextvars(connector=account.platform)  # the task is this account's alone
        pause = _Pause()
        while True:
            try:
                address = self._webhook_address(account)
                if isinstance(connector, SupportsWebhookSetup):
                    await connector.set_webhook(address)
                    self.health.answered(account.id)
                elif isinstance(connector, SupportsIdentity):
                    await connector.whoami()
                    self.health.answered(account.id)
                if not isinstance(connector, SupportsPolling):
                    return
                if address is not None and isinstance(connector, SupportsWebhookSetup):
                    return
                await self._poll(account, connector, receive, pause)
            except ChannelError as error:
                self.health.failed(account.id, error.reason, str(error))
                log.warning("polling pauses", account=account.id, code=error.reason)
            except (Unavailable, WebhookRejected) as error:
                log.warning("polling pauses", account=account.id, detail=str(error))
            except Exception as error:  # one account must not end the others
                self.health.failed(account.id, "internal_error", type(error).__name__)
                log.exception("polling failed; it begins anew", account=account.id)
            await pause.wait()

    async def _poll(
        self, account: Account, connector: SupportsPolling, receive: Receive, pause: _Pause
    ) -> None:
        """Poll until something fails; an offset is used only once what it covers is durable."""
        stored = await self._accounts.get(account.id)
        offset = stored.poll_offset if stored else None
        while True:
            self.health.polling(account.id, wait=POLL_SECONDS)
            polled = await connector.poll(offset, wait=POLL_SECONDS)
            self.health.polled(account.id, events=len(polled.events))
            if polled.events:
                attributes = {PLATFORM: account.platform, ACCOUNT_ID: account.id}
                with self._tracing.begin(
                    f"receive {account.platform}", TraceKind.CONSUMER, attributes
                ):
                    await receive(account, polled.events)
            if polled.offset != offset:
                await self._accounts.set_poll_offset(account.id, polled.offset)
                offset = polled.offset
            pause.reset()  # all of it worked: the next failure is a first one


class _Pause:
    """Waits longer each time, until something succeeds."""

    def __init__(self) -> None:
        self._seconds = FIRST_PAUSE

    async def wait(self) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, LONGEST_PAUSE)

    def reset(self) -> None:
        self._seconds = FIRST_PAUSE
