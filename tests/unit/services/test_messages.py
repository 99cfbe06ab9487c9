"""Reading and changing: status per recipient, and messages that are not for everybody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat4all.domain.commands import ReportStatus
from chat4all.domain.errors import (
    Conflict,
    ConversationNotFound,
    MessageNotFound,
    NotPermitted,
)
from chat4all.domain.events import SyncCursor
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.payload import text
from chat4all.domain.status import Status, StatusEntry
from chat4all.services.conversation_views import ConversationView, ConversationViews
from chat4all.services.mailbox import Mailbox
from chat4all.services.session_windows import SessionWindows
from chat4all.testing.message_storage import START
from chat4all.testing.pipeline import Pipeline, add_conversation


async def say(town: Any, process: Pipeline, words: str = "hello", **more: Any) -> MessageId:
    accepted = await process.send(town.ana, town.draft(words, **more))
    await process.settle()
    return accepted.message_id


async def statuses(town: Any, process: Pipeline, name: MessageId) -> dict[UserId, Status]:
    view = await process.messages.status(town.ana, name)
    return {one.user_id: one.status for one in view.recipients}


async def mark(town: Any, process: Pipeline, who: UserId, delivered: int, read: int) -> None:
    await process.messages.mark(who, town.group, delivered=delivered, read=read)
    await process.settle()


async def views_of(
    town: Any, process: Pipeline, viewer: UserId, names: Sequence[ConversationId]
) -> Sequence[ConversationView]:
    views = ConversationViews(
        town.directory.users,
        town.directory.channels,
        town.store,
        process.messages,
        SessionWindows(town.directory.routes, town.directory.accounts, {}),
    )
    return await views.of(viewer, [await town.directory.conversations.get(one) for one in names])


async def test_the_status_moves_forward_for_each_recipient_alone(
    town: Any, process: Pipeline
) -> None:
    name = await say(town, process)
    assert await statuses(town, process, name) == {
        town.bia: Status.SENT,
        town.caio: Status.SENT,
        town.davi: Status.SENT,
    }
    await mark(town, process, town.bia, 1, 1)
    await mark(town, process, town.bia, 1, 0)
    found = await statuses(town, process, name)
    assert (found[town.bia], found[town.caio]) == (Status.READ, Status.SENT)
    assert (await process.messages.get(town.ana, name)).status is Status.SENT
    for status in (Status.DELIVERED, Status.SENT):
        entry = StatusEntry(
            message_id=name,
            conversation_id=town.group,
            user_id=town.davi,
            channel="paper",
            status=status,
            at=START,
        )
        await process.command(ReportStatus(conversation_id=town.group, entry=entry))
    await mark(town, process, town.caio, 1, 0)
    found = await statuses(town, process, name)
    assert (found[town.davi], found[town.caio]) == (Status.DELIVERED, Status.DELIVERED)
    assert (await process.messages.get(town.ana, name)).status is Status.DELIVERED
    history = (await process.messages.status(town.ana, name)).history
    steps = [one.status for one in history if one.user_id == town.davi]
    assert sorted(steps) == [Status.SENT, Status.DELIVERED]


async def test_a_private_message_is_hidden_from_the_others_everywhere(
    town: Any, process: Pipeline
) -> None:
    boxes = {user: Mailbox(user) for user in (town.ana, town.bia, town.caio)}
    for box in boxes.values():
        await process.notifier.connect(box)
    await say(town, process, "for all")
    name = await say(town, process, "secret", to=[town.bia])
    await process.messages.edit(town.ana, name, text("secret 2"))
    await process.messages.react(town.bia, name, "👍", removed=False)
    await mark(town, process, town.caio, 2, 2)
    await process.messages.delete(town.ana, name, for_everyone=True)
    await process.settle()
    pushed = {
        user: [json.loads(frame) for _, frame in await box.take()] for user, box in boxes.items()
    }
    for user, sees in ((town.bia, True), (town.caio, False)):
        missed = [page async for page in process.sync.missed(user, SyncCursor({}))]
        frames = [frame for page in missed for _, frame in page.frames]
        assert any(name in str(frame) for frame in frames) is sees
        assert any(name in str(frame) for frame in pushed[user]) is sees
    about = [frame for frame in pushed[town.ana] if name in str(frame)]
    assert not [frame for frame in about if frame.get("user_id") == town.caio], "who may not read"


async def test_a_private_message_is_not_found_by_others(town: Any, process: Pipeline) -> None:
    seen = await say(town, process, "apple for all")
    name = await say(town, process, "apple secret", to=[town.bia])
    with pytest.raises(MessageNotFound):
        await process.messages.get(town.caio, name)
    for user, wanted in ((town.bia, [seen, name]), (town.caio, [seen])):
        page = await process.messages.page(
            user, town.group, after_seq=None, before_seq=None, limit=10
        )
        assert [one.message.message_id for one in page] == wanted
        found = await process.messages.search(user, "apple", limit=10)
        assert {one.message.message_id for one in found} == set(wanted)
        [view] = await views_of(town, process, user, [town.group])
        assert view.last_message is not None
        assert view.last_message.message.message_id == wanted[-1]


async def test_a_list_asks_as_much_of_many_conversations_as_of_one(
    town: Any, process: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [town.group]
    names += [await add_conversation(town.directory, town.ana, town.bia) for _ in range(4)]
    for number, name in enumerate(names):
        await say(town, process, f"number {number}", conversation_id=name)
        await process.messages.mark(town.bia, name, delivered=1, read=number % 2)
    await process.settle()
    asked: list[str] = []
    for method in ("page", "statuses", "cursors", "conversation_cursors", "summaries"):
        original = getattr(town.store, method)

        async def noted(*args: Any, method: str = method, ask: Any = original, **more: Any) -> Any:
            asked.append(method)
            return await ask(*args, **more)

        monkeypatch.setattr(town.store, method, noted)
    await views_of(town, process, town.ana, names[:1])
    of_one, asked[:] = list(asked), []
    views = await views_of(town, process, town.ana, names)
    assert asked == of_one
    for number, view in enumerate(views):
        assert view.last_message is not None
        assert view.last_message.message.payload == text(f"number {number}")
        [bia] = [one for one in view.members if one.member.user_id == town.bia]
        cursor = bia.cursor
        assert (cursor.last_delivered_seq, cursor.last_read_seq) == (1, number % 2)
    assert [one.last_message.status for one in views[1:] if one.last_message] == [
        Status.READ,
        Status.DELIVERED,
        Status.READ,
        Status.DELIVERED,
    ]


async def test_pages_are_full_also_where_private_messages_lie_between(
    town: Any, process: Pipeline
) -> None:
    for number in range(12):
        await process.send(
            town.ana, town.draft(f"apple {number}", to=[] if number % 4 == 0 else [town.bia])
        )
    await process.settle()
    page = process.messages.page
    first = await page(town.caio, town.group, after_seq=0, before_seq=None, limit=2)
    last = await page(town.caio, town.group, after_seq=None, before_seq=None, limit=2)
    assert [one.message.seq for one in first] == [1, 5]
    assert [one.message.seq for one in last] == [5, 9]
    found = await process.messages.search(town.caio, "apple", limit=2)
    assert [one.message.seq for one in found] == [9, 5]


async def test_strangers_read_and_change_nothing(town: Any, process: Pipeline) -> None:
    name = await say(town, process)
    messages = process.messages
    with pytest.raises(ConversationNotFound):
        await messages.page(town.eve, town.group, after_seq=0, before_seq=None, limit=1)
    with pytest.raises(ConversationNotFound):
        await messages.mark(town.eve, town.group, delivered=1, read=1)
    for work in (
        messages.get(town.eve, name),
        messages.status(town.eve, name),
        messages.delete(town.eve, name, for_everyone=False),
        messages.react(town.eve, name, "👍", removed=False),
        messages.edit(town.eve, name, text("x")),
    ):
        with pytest.raises(MessageNotFound):
            await work
    assert await messages.search(town.eve, "hello", limit=10) == []


async def test_only_the_sender_edits_and_only_they_or_an_admin_delete(
    town: Any, process: Pipeline
) -> None:
    draft = town.draft()
    await process.send(town.bia, draft)
    await process.settle()
    with pytest.raises(NotPermitted):
        await process.messages.edit(town.ana, draft.message_id, text("x"))
    with pytest.raises(NotPermitted):
        await process.messages.delete(town.caio, draft.message_id, for_everyone=True)
    await process.messages.delete(town.ana, draft.message_id, for_everyone=True)
    await process.settle()
    with pytest.raises(Conflict):
        await process.messages.edit(town.bia, draft.message_id, text("x"))
    with pytest.raises(Conflict):
        await process.messages.react(town.bia, draft.message_id, "👍", removed=False)


async def test_a_cursor_past_the_end_is_refused_and_one_back_has_no_effect(
    town: Any, process: Pipeline
) -> None:
    await say(town, process)
    with pytest.raises(Conflict):
        await process.messages.mark(town.bia, town.group, delivered=2, read=0)
    await mark(town, process, town.bia, 1, 1)
    marks = await process.messages.mark(town.bia, town.group, delivered=0, read=0)
    assert (marks.last_delivered_seq, marks.last_read_seq, marks.max_seq) == (1, 1, 1)
