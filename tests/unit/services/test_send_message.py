"""Accepting messages."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from chat4all.domain.errors import (
    ConversationNotFound,
    InvalidInput,
    MessageIdConflict,
    RateLimited,
    StorageFull,
    Unavailable,
)
from chat4all.domain.ids import ConversationId, MessageId, new_id
from chat4all.domain.payload import text
from chat4all.ports.event_log import COMMANDS
from chat4all.services.send_message import MESSAGES_A_TURN, Accepted, Limits
from chat4all.services.turns import HOLD_SECONDS
from chat4all.testing.pipeline import NO_LIMITS, Pipeline, add_conversation


async def test_a_stranger_learns_nothing(town: Any, process: Pipeline) -> None:
    with pytest.raises(ConversationNotFound):
        await process.send(town.eve, town.draft())
    with pytest.raises(ConversationNotFound):
        await process.send(town.ana, town.draft(conversation_id=ConversationId("nowhere")))
    assert await town.log.ends(COMMANDS) == []


async def test_somebody_who_left_can_send_no_more(town: Any, process: Pipeline) -> None:
    await process.send(town.bia, town.draft())
    await process.directory.members.remove(town.group, town.bia)
    with pytest.raises(ConversationNotFound):
        await process.send(town.bia, town.draft())


async def test_a_repeat_is_accepted_again_and_has_no_second_effect(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft()
    first = await process.send(town.ana, draft)
    await process.settle()
    again = await process.send(town.ana, draft)
    await process.settle()
    assert first.message_id == again.message_id == draft.message_id
    assert len(await town.store.page(town.group, viewer=town.bia, limit=10)) == 1


@pytest.mark.parametrize("change", ["payload", "metadata", "channels", "sender"])
async def test_a_used_id_with_other_content_is_refused(
    town: Any, process: Pipeline, change: str
) -> None:
    draft = town.draft()
    await process.send(town.ana, draft)
    other = {
        "payload": replace(draft, payload=text("other")),
        "metadata": replace(draft, metadata={"a": 1}),
        "channels": replace(draft, channels=("paper",)),
        "sender": draft,
    }[change]
    sender = town.bia if change == "sender" else town.ana
    with pytest.raises(MessageIdConflict):
        await process.send(sender, other)
    await process.settle()
    process.ephemeral.leases._held._held.clear()  # as after a restart, or an hour
    with pytest.raises(MessageIdConflict):
        await process.send(sender, other)
    await process.send(town.ana, draft)


async def test_of_two_at_once_with_one_id_and_other_content_one_is_refused(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft()
    sends = (process.send(town.ana, draft), process.send(town.ana, replace(draft, metadata={1: 2})))
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Accepted", "MessageIdConflict"]


async def test_without_an_id_each_send_is_a_message_of_its_own(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft(message_id=None)
    first, second = await process.send(town.ana, draft), await process.send(town.ana, draft)
    assert first.message_id != second.message_id


async def test_a_batch_keeps_its_order_and_each_part_stands_for_itself(
    town: Any, process: Pipeline
) -> None:
    good = [town.draft(str(number)) for number in range(5)]
    bad = town.draft(conversation_id=ConversationId("nowhere"))
    clash = replace(good[0], payload=text("other"))
    outcomes = await process.send.many(town.ana, [*good[:2], bad, clash, *good[2:]])
    kinds = [type(one).__name__ for one in outcomes]
    assert (
        kinds == ["Accepted"] * 2 + ["ConversationNotFound", "MessageIdConflict"] + ["Accepted"] * 3
    )
    await process.settle()
    page = await town.store.page(town.group, viewer=town.ana, limit=10)
    assert [one.message_id for one in page] == [one.message_id for one in good]


async def test_a_batch_asks_the_store_once_for_all_its_ids(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    find = town.store.find

    async def counted(messages: Collection[MessageId]) -> Any:
        asked.append(len(messages))
        return await find(messages)

    monkeypatch.setattr(process.send._stored, "_ask_for", counted)
    drafts = [town.draft(str(number)) for number in range(100)]
    with pytest.raises(ConversationNotFound):
        await process.send(town.eve, drafts[0])
    assert asked == []
    await process.send.many(town.ana, drafts)
    assert asked == [100]


async def test_a_recipient_or_a_reply_that_is_not_here_is_named(
    town: Any, process: Pipeline
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await process.send(town.ana, town.draft(to=[town.bia, town.eve]))
    assert caught.value.errors[0][0] == "/to/1"
    elsewhere = await add_conversation(town.directory, town.ana, town.bia)
    there = await process.send(town.ana, town.draft(conversation_id=elsewhere))
    await process.settle()
    for name in (there.message_id, MessageId(new_id())):
        with pytest.raises(InvalidInput):
            await process.send(town.ana, town.draft(reply_to=name))


@pytest.mark.parametrize("whose", ["sender", "conversation"])
async def test_who_sends_too_fast_is_told_when_to_come_back(town: Any, whose: str) -> None:
    slow: dict[str, Any] = {f"{whose}_rate": 0.5, f"{whose}_burst": 2.0}
    async with town.running(replace(NO_LIMITS, **slow)) as process:
        for _ in range(2):
            await process.send(town.ana, town.draft())
        with pytest.raises(RateLimited) as caught:
            await process.send(town.ana, town.draft())
    assert 0 < caught.value.retry_after <= 2


async def test_a_long_backlog_turns_senders_away_for_a_moment(town: Any) -> None:
    stopped = town.process(Limits(backlog=1))
    for _ in range(2):
        await stopped.send(town.ana, town.draft())
    with pytest.raises(Unavailable) as caught:
        await stopped.send(town.ana, town.draft())
    assert caught.value.retry_after == 1


async def test_many_sends_at_once_leave_the_loop_to_others_in_between(
    town: Any, process: Pipeline
) -> None:
    many, laps = 20, 0
    drafts = [town.draft() for _ in range(many * MESSAGES_A_TURN)]
    sending = asyncio.gather(*(process.send(town.ana, one) for one in drafts))
    while not sending.done():
        await asyncio.sleep(0)
        laps += 1
    assert many <= laps <= 2 * many
    assert len(await sending) == len(drafts)


async def test_who_sends_waits_while_the_router_has_enough_to_do(town: Any) -> None:
    stopped = town.process(replace(NO_LIMITS, keep_up=3))
    for _ in range(4):
        await stopped.send(town.ana, town.draft())
    sending = asyncio.create_task(stopped.send(town.ana, town.draft()))
    await asyncio.sleep(HOLD_SECONDS / 5)
    assert not sending.done()
    async with stopped:
        await asyncio.wait_for(sending, HOLD_SECONDS / 2)


async def test_while_nothing_can_be_stored_who_sends_is_held_only_for_a_moment(town: Any) -> None:
    stopped = town.process(replace(NO_LIMITS, keep_up=3))
    sent = asyncio.gather(*(stopped.send(town.ana, town.draft()) for _ in range(40)))
    assert len(await asyncio.wait_for(sent, 3 * HOLD_SECONDS)) == 40


async def test_a_full_disk_accepts_nothing_and_gives_the_id_free_again(
    town: Any, process: Pipeline
) -> None:
    def full(records: object) -> None:
        raise StorageFull("no space")

    town.faults.on_append = full
    draft = town.draft()
    with pytest.raises(StorageFull):
        await process.send(town.ana, draft)
    town.faults.none()
    changed = replace(draft, payload=text("shorter"))
    assert isinstance(await process.send(town.ana, changed), Accepted)


async def test_a_directory_that_fails_within_a_batch_gives_the_ids_free_again(
    town: Any, process: Pipeline
) -> None:
    async def broken(_: object) -> Any:
        raise Unavailable("the directory does not answer")

    draft = town.draft()
    unknown = town.draft(conversation_id=ConversationId("not in the cache"))
    await process.send(town.ana, town.draft())
    process.send._find = broken
    with pytest.raises(Unavailable):
        await process.send.many(town.ana, [draft, unknown])
    assert await process.send(town.ana, replace(draft, payload=text("other")))
