"""Who asks for much waits; who asks for little does not wait for them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.errors import ChannelError
from chat4all.domain.events import Position
from chat4all.router.delivery import GROUP
from chat4all.router.lanes import AT_HAND, Held, Lane
from chat4all.router.turns import Turns
from chat4all.services.records import decode_task
from chat4all.testing.virtual_time import run_in_virtual_time
from tests.unit.router.post_office import STREAM, PostOffice, now

MANY = 3_000


class Dead:
    """Trouble for some chats until they are well again."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = set(addresses)

    def __call__(self, address: str) -> None:
        if address in self.addresses:
            raise ChannelError("nobody is there", retry=True, reason="unavailable")


def test_a_dead_chat_with_thousands_of_messages_holds_up_nobody_and_loses_nothing() -> None:
    async def main() -> None:
        office = PostOffice("one")
        account = office["one"]
        account.trouble = dead = Dead("dead")
        await office.put("one", "dead", times=MANY)
        for number in range(50):
            await office.put("one", f"c{number}")
        async with office.open():
            await asyncio.sleep(5)
            assert {chat for _, chat, _ in account.taken} == {f"c{one}" for one in range(50)}
            assert office.log.backlog(STREAM, GROUP) > MANY, "committed past an unfinished task"
            dead.addresses.clear()
            await office.done()
        assert account.of_chat("dead") == office.expected("one", "dead")

    run_in_virtual_time(main())


def test_a_stop_while_most_of_a_chat_is_only_remembered_loses_and_reorders_nothing() -> None:
    async def main() -> None:
        office = PostOffice("one", per_chat_per_second=10.0)
        account = office["one"]
        await office.put("one", "a", times=300)
        for _ in range(4):
            async with office.open():
                await asyncio.sleep(5)
        async with office.open():
            await office.done()
        seen = list(dict.fromkeys(account.of_chat("a")))
        assert seen == office.expected("one", "a")

    run_in_virtual_time(main())


def test_a_lane_keeps_only_the_next_few_tasks_in_memory() -> None:
    async def main() -> None:
        office = PostOffice("one")
        await office.put("one", "a", times=100)
        lane = Lane(office.log, STREAM)
        async with office.log.consume(STREAM, "test") as consumer:
            seen = 0
            while seen < 100:
                for record in await consumer.next(limit=100):
                    lane.add(Held(record, decode_task(record.value)))
                    seen += 1
                    assert lane.at_hand <= AT_HAND
        words = []
        while lane:
            held = await lane.first()
            assert lane.at_hand <= AT_HAND
            assert held.task.payload is not None
            words.append(held.task.payload.text)
            lane.drop_first()
        assert words == office.expected("one", "a")

    run_in_virtual_time(main())


@given(st.lists(st.sampled_from([True, True, True, False]), min_size=30, max_size=150))
def test_a_lane_gives_tasks_in_the_order_they_came_however_adding_and_taking_mix(
    adds: list[bool],
) -> None:
    async def main() -> None:
        office = PostOffice("one")
        await office.put("one", "a", times=max(1, sum(adds)))
        start = Position((await office.log.ends(STREAM))[0].partition, -1)
        records = iter(await office.log.read(STREAM, after=start, limit=1_000))
        lane, taken = Lane(office.log, STREAM), 0
        for add in adds:
            if add:
                record = next(records)
                lane.add(Held(record, decode_task(record.value)))
            elif lane:
                assert (await lane.first()).position.offset == taken
                lane.drop_first()
                taken += 1
            assert lane.at_hand <= AT_HAND

    run_in_virtual_time(main())


def test_a_message_to_a_large_group_does_not_delay_a_private_one() -> None:
    async def main() -> None:
        office = PostOffice("one", per_second=10.0, burst=1)
        async with office.open():
            for number in range(300):
                await office.put("one", f"member{number}", talk="group")
            await asyncio.sleep(2)
            asked = now()
            await office.put("one", "friend", talk="private")
            await office.done()
        [at] = [at for at, chat, _ in office["one"].taken if chat == "friend"]
        assert at - asked < 0.5
        assert len(office["one"].taken) == 301

    run_in_virtual_time(main())


async def test_turns_go_round_the_groups_and_keep_the_order_within_one() -> None:
    turns, order = Turns(), []

    async def go(group: str, number: int) -> None:
        await turns.acquire(group)
        order.append((group, number))
        await asyncio.sleep(0)
        turns.release()

    await turns.acquire("first")
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(go("big", number))
        tasks.create_task(go("small", 0))
        await asyncio.sleep(0)
        turns.release()
    assert order == [("big", 0), ("small", 0), ("big", 1), ("big", 2), ("big", 3)]
    assert turns.idle


@pytest.mark.parametrize("late", [False, True])
async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(*, late: bool) -> None:
    turns = Turns()
    await turns.acquire("a")
    gone = asyncio.create_task(turns.acquire("a"))
    after = asyncio.create_task(turns.acquire("b"))
    await asyncio.sleep(0)
    if late:
        turns.release()
        gone.cancel()
    else:
        gone.cancel()
        turns.release()
    await asyncio.wait_for(after, 1)
    turns.release()
    assert turns.idle
    assert gone.cancelled()
