"""The statuses of messages of many conversations at once are those of each message alone."""

from __future__ import annotations

from typing import Any

import pytest

from chat4all.domain.ids import ConversationId, MessageId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.status import Status
from chat4all.services import statuses_now
from chat4all.testing.message_storage import Talk
from chat4all.testing.pipeline import Pipeline, add_conversation


async def say(town: Any, process: Pipeline, where: ConversationId) -> MessageId:
    accepted = await process.send(town.ana, town.draft(conversation_id=where))
    await process.settle()
    return accepted.message_id


async def kept(town: Any, names: list[MessageId]) -> list[Message]:
    found = await town.store.find(names)
    return [found[name].message for name in names]


@pytest.mark.parametrize("small", [0, 2, 32])
async def test_they_are_those_of_each_message(
    town: Any, process: Pipeline, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses_now, "SMALL", small)
    with_bia = await add_conversation(town.directory, town.ana, town.bia)
    with_caio = await add_conversation(town.directory, town.ana, town.caio)
    names = [await say(town, process, where) for where in (with_bia, with_caio, town.group)]
    names += [await say(town, process, where) for where in (with_bia, town.group)]
    await process.messages.mark(town.bia, with_bia, delivered=2, read=1)
    await process.messages.mark(town.caio, with_caio, delivered=1, read=0)
    await process.settle()
    alone = {name: (await process.messages.get(town.ana, name)).status for name in names}
    assert await process.messages.now(await kept(town, names)) == alone
    read, delivered, _, second, _ = alone.values()
    assert (read, delivered, second) == (Status.READ, Status.DELIVERED, Status.DELIVERED)


async def test_the_store_is_not_asked_for_each_conversation(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [await add_conversation(town.directory, town.ana, town.bia) for _ in range(5)]
    names = [await say(town, process, where) for where in places]
    asked = []
    for name in ("statuses", "cursors", "conversation_cursors"):
        original = getattr(town.store, name)

        async def counted(*given: Any, name: str = name, original: Any = original) -> Any:
            asked.append(name)
            return await original(*given)

        monkeypatch.setattr(town.store, name, counted)
    found = await process.messages.search(town.ana, "hello", limit=10)
    assert {one.message.message_id for one in found} == set(names)
    assert asked == ["statuses", "cursors"]


async def test_a_conversation_that_is_gone_is_left_out(town: Any, process: Pipeline) -> None:
    name = await say(town, process, town.group)
    gone = Talk()
    gone.id = ConversationId(new_id())
    [message] = await kept(town, [name])
    found = await process.messages.now([gone.add("hello").message, message])
    assert list(found) == [name]
    assert await process.messages.now([gone.add("hello").message]) == {}
