"""One delivery to a group of a platform, reported for each who is in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import ChannelError
from chat4all.domain.failover import FailoverPlan
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment
from chat4all.domain.ids import ConversationId, UserId, new_id
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import Effects
from chat4all.router.failed_deliveries import FailedDeliveries
from chat4all.services.records import decode_task, encode_task
from chat4all.testing.paper import PAPER_ACCOUNT
from tests.unit.router.test_delivery import DAVI, Desk, never

EVA, FAY = UserId("eva"), UserId("fay")
KEY = ChatKey("paper", PAPER_ACCOUNT, "a")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class GroupDesk(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.directory = MemoryDirectory()

    async def work(self) -> None:
        """Do what is asked, and store what is reported."""
        failed = FailedDeliveries(self.directory.failovers, self.directory.group_chats)
        async with self.working(self.worker(failed=failed)):
            await self.done()
        await self.keep_reports()

    async def to_all(self, words: str = "hello", **fields: Any) -> DeliveryTask:
        return await self.put(words, others=(EVA, FAY), **fields)

    async def statuses(self) -> dict[UserId, StatusEntry]:
        return {one.user_id: one for one in await self.reports()}

    async def fails_elsewhere(self, task: DeliveryTask, user: UserId) -> None:
        plan = FailoverPlan(
            message_id=task.message_id,
            user_id=user,
            conversation_id=task.conversation_id,
            channels=("paper", "raven"),
            expires_at=task.expires_at,
        )
        await self.directory.failovers.put(plan)


@pytest.fixture
def desk() -> GroupDesk:
    return GroupDesk()


async def test_one_call_gives_everybody_a_status(desk: GroupDesk) -> None:
    await desk.to_all()
    await desk.work()
    assert desk.paper.texts("a") == ["hello"]
    found = await desk.statuses()
    assert found.keys() == {DAVI, EVA, FAY}
    assert {one.status for one in found.values()} == {Status.SENT}
    assert len({one.external_id for one in found.values()}) == 1


async def test_a_failure_is_everybodys_and_leaves_one_letter(desk: GroupDesk) -> None:
    desk.fail("a", never())
    await desk.to_all()
    await desk.work()
    found = await desk.statuses()
    assert {user: one.error and one.error.code for user, one in found.items()} == dict.fromkeys(
        (DAVI, EVA, FAY), "blocked"
    )
    assert len(await desk.parked()) == 1


async def test_a_letter_is_left_while_somebody_has_no_other_channel(desk: GroupDesk) -> None:
    desk.fail("a", never(), never())
    task = await desk.to_all()
    for user in (DAVI, EVA):
        await desk.fails_elsewhere(task, user)
    await desk.work()
    assert len(await desk.parked()) == 1
    task = await desk.to_all("again")
    for user in task.users:
        await desk.fails_elsewhere(task, user)
    await desk.work()
    assert len(await desk.parked()) == 1, "all of them have another channel to try"


async def test_who_comes_later_is_reported_without_another_call(desk: GroupDesk) -> None:
    task = await desk.put("hello", others=(EVA,))
    await desk.work()
    await desk.ask(replace(task, task_id=new_id(), user_id=FAY, others=()))
    await desk.work()
    assert desk.paper.texts("a") == ["hello"]
    found = await desk.statuses()
    assert found[FAY].status is Status.SENT
    assert found[FAY].external_id == found[DAVI].external_id


async def test_a_worker_that_begins_anew_sends_nothing_to_the_group_again(desk: GroupDesk) -> None:
    task = await desk.to_all()
    await desk.work()
    await desk.ask(task)
    await desk.work()
    assert desk.paper.texts("a") == ["hello"]


async def test_it_is_not_sent_when_all_have_it_by_another_channel(desk: GroupDesk) -> None:
    task = await desk.to_all(unless=Status.DELIVERED)
    brought = [
        StatusEntry(
            message_id=task.message_id,
            conversation_id=task.conversation_id,
            user_id=user,
            channel="raven",
            status=Status.DELIVERED,
            at=desk.now,
        )
        for user in task.users
    ]
    await desk.store.apply(Effects(statuses=brought))
    await desk.work()
    assert desk.paper.texts("a") == []


async def test_a_group_that_has_moved_is_followed(desk: GroupDesk) -> None:
    chat = GroupChat(key=KEY, conversation_id=ConversationId("talk"))
    await desk.directory.group_chats.keep(chat, at=Moment(NOW))
    moved = ChannelError("moved", retry=False, reason="moved", moved_to="b")
    desk.fail("a", moved)
    await desk.to_all()
    await desk.work()
    assert desk.paper.texts("b") == ["hello"]
    assert {one.address for one in (await desk.statuses()).values()} == {"b"}
    found = await desk.directory.group_chats.get(KEY)
    assert found is not None
    assert found.key.address == "b"


async def test_a_chat_that_is_no_group_is_not_followed(desk: GroupDesk) -> None:
    desk.fail("a", ChannelError("moved", retry=False, reason="moved", moved_to="b"))
    await desk.put("hello")
    await desk.work()
    [report] = await desk.reports()
    assert report.error is not None
    assert (report.error.code, desk.paper.sent) == ("moved", [])


async def test_a_task_of_an_earlier_version_reaches_one(desk: GroupDesk) -> None:
    task = await desk.put("hello")
    raw = encode_task(task).replace(b',"others":[]', b"")
    assert b"others" not in raw
    assert decode_task(raw).users == (DAVI,)
