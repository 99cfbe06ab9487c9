"""The accounts of a process, and the work that needs them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.bootstrap.fleet import Fleet, here
from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound, WebhookRejected
from chat4all.domain.ids import AccountId
from chat4all.services.account_health import AccountState
from chat4all.testing.paper import PAPER_ACCOUNT, PaperConnector
from chat4all.testing.pipeline import add_paper_account, add_person


async def test_what_needs_the_accounts_begins_when_they_have_been_started() -> None:
    directory = MemoryDirectory()
    await add_paper_account(directory, await add_person(directory, "ana"))
    asked, loaded = threading.Event(), threading.Event()

    def build(account: Account) -> PaperConnector:
        asked.set()
        loaded.wait()  # as a platform's library does
        return PaperConnector()

    fleet = Fleet(directory.accounts, build, webhook_address=lambda account: None, keep=here)
    found: list[bool] = []

    async def deliver() -> None:
        found.append(fleet.get(PAPER_ACCOUNT) is not None)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(fleet.run())
        delivering = asyncio.ensure_future(fleet.once_started(deliver)())
        await asyncio.to_thread(asked.wait)
        await asyncio.sleep(0)
        loaded.set()
        await delivering
        running.cancel()
    await fleet.aclose()
    assert found == [True]


async def test_a_callback_for_an_account_that_another_process_has_just_added_is_taken() -> None:
    directory = MemoryDirectory()
    taken: list[str] = []

    async def receive(account: Account, events: Sequence[object]) -> None:
        del events
        taken.append(account.id)

    fleet = Fleet(
        directory.accounts,
        lambda account: PaperConnector(),
        webhook_address=lambda account: None,
        keep=None,
    )
    fleet.receive_by(receive)
    with pytest.raises(AccountNotFound):
        await fleet.webhook("paper", PAPER_ACCOUNT, {}, b"")
    await add_paper_account(directory, await add_person(directory, "ana"))
    with pytest.raises(AccountNotFound):
        await fleet.webhook("telegram", PAPER_ACCOUNT, {}, b"")
    with pytest.raises(WebhookRejected):
        await fleet.challenge("paper", PAPER_ACCOUNT, {})
    await fleet.webhook("paper", PAPER_ACCOUNT, {}, b"")
    account = await directory.accounts.get(PAPER_ACCOUNT)
    assert account is not None
    await directory.accounts.put(replace(account, enabled=False))
    await fleet.changed(PAPER_ACCOUNT)
    with pytest.raises(AccountNotFound):
        await fleet.webhook("paper", PAPER_ACCOUNT, {}, b"")
    assert taken == [PAPER_ACCOUNT]


async def test_news_of_what_was_followed_already_starts_nothing_again() -> None:
    directory = MemoryDirectory()
    await add_paper_account(directory, await add_person(directory, "ana"))
    started: list[PaperConnector] = []

    def build(account: Account) -> PaperConnector:
        del account
        started.append(PaperConnector())
        return started[-1]

    async def news() -> AsyncIterator[AccountId]:
        assert await fleet.connector_of(PAPER_ACCOUNT) is started[0]
        yield PAPER_ACCOUNT
        account = await directory.accounts.get(PAPER_ACCOUNT)
        assert account is not None
        assert await fleet.connector_of(PAPER_ACCOUNT) is started[0]
        assert len(started) == 1
        later = account.updated_at + timedelta(seconds=1)
        await directory.accounts.put(replace(account, updated_at=later))
        yield PAPER_ACCOUNT

    fleet = Fleet(directory.accounts, build, webhook_address=lambda account: None, keep=None)
    await asyncio.gather(fleet.changed(PAPER_ACCOUNT), fleet.follow(news()))
    assert await fleet.connector_of(PAPER_ACCOUNT) is started[1]
    assert len(started) == 2
    await fleet.aclose()


@pytest.mark.parametrize("awaited", [(), ("paper",)])
async def test_what_is_not_listened_to_is_made_when_used_or_before_a_call_that_is_awaited(
    awaited: Sequence[str],
) -> None:
    directory = MemoryDirectory()
    await add_paper_account(directory, await add_person(directory, "ana"))
    begun, used = threading.Event(), threading.Event()

    def build(account: Account) -> PaperConnector:
        del account
        begun.set()
        assert awaited or used.is_set()
        return PaperConnector()

    fleet = Fleet(
        directory.accounts,
        build,
        webhook_address=lambda account: None,
        keep=here,
        channels=["pigeon"],
        awaited=awaited,
    )
    await fleet.changed(PAPER_ACCOUNT)
    if awaited:
        assert await asyncio.to_thread(begun.wait, 30)
    await asyncio.sleep(0)
    used.set()
    assert await fleet.connector_of(PAPER_ACCOUNT) is not None
    await fleet.aclose()


async def test_one_connector_is_made_however_many_ask_for_it_at_once_and_give_up() -> None:
    directory = MemoryDirectory()
    await add_paper_account(directory, await add_person(directory, "ana"))
    made: list[str] = []
    loaded = threading.Event()

    def build(account: Account) -> PaperConnector:
        loaded.wait(10)
        made.append(account.id)
        return PaperConnector()

    fleet = Fleet(directory.accounts, build, webhook_address=lambda account: None, keep=None)
    await fleet.changed(PAPER_ACCOUNT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fleet.connector_of(PAPER_ACCOUNT), 0.01)
    asked = asyncio.gather(*(fleet.connector_of(PAPER_ACCOUNT) for _ in range(3)))
    assert fleet.get(PAPER_ACCOUNT) is None
    loaded.set()
    assert set(await asked) == {fleet.get(PAPER_ACCOUNT)}
    await fleet.aclose()
    assert made == [PAPER_ACCOUNT]


async def test_a_connector_that_cannot_be_made_is_that_accounts_trouble_alone() -> None:
    directory = MemoryDirectory()
    ana = await add_person(directory, "ana")
    await add_paper_account(directory, ana)
    account = await directory.accounts.get(PAPER_ACCOUNT)
    assert account is not None
    broken = AccountId("00000000-0000-7000-8000-00000000000b")
    await directory.accounts.put(replace(account, id=broken, name="broken"))

    def build(account: Account) -> PaperConnector:
        if account.id == broken:
            raise ImportError("its library is not what it was")
        return PaperConnector()

    fleet = Fleet(directory.accounts, build, webhook_address=lambda account: None, keep=here)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(fleet.run())
        await fleet.once_started(_nothing)()
        running.cancel()
    assert fleet.get(PAPER_ACCOUNT) is not None
    assert await fleet.connector_of(broken) is None
    health = fleet.health.of(broken)
    assert health is not None
    assert health.state is AccountState.DEGRADED
    await fleet.aclose()


async def _nothing() -> None:
    """Do nothing once all have started."""
