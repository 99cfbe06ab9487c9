"""The accounts of a process, and the work that needs them."""

import asyncio
import threading

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.bootstrap.fleet import Fleet, here
from chat4all.domain.directory import Account
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
