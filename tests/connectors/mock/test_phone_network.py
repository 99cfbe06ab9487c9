"""The simulated phones: what they show, what they report, and that they survive a restart."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.connectors.mock import ContactPhones, MockConfig, MockConnector, PhoneNetwork
from chat4all.connectors.mock.screens import MAX_MESSAGES
from chat4all.connectors.mock.translate import events_of
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import (
    ChannelError,
    ChannelNotFound,
    MessageNotFound,
    Unavailable,
    WebhookRejected,
)
from chat4all.domain.ids import ChannelId, MessageId, UserId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.ports.phones import PhoneNetwork as Phones

ANA = "+5571999990000"


class Heard:
    """Takes events, and refuses them as long as it is told to."""

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []
        self.refusals: list[Exception] = []

    async def __call__(self, body: bytes) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.events.append(json.loads(body))

    def statuses(self) -> list[object]:
        return [event["status"] for event in self.events if event["type"] == "receipt"]


def message(words: str, message_id: str | None = None, **more: str) -> Outgoing:
    return Outgoing(
        message_id=MessageId(message_id or new_id()), address=ANA, payload=text(words), **more
    )


async def test_a_phone_that_is_on_reports_delivery_and_then_reading() -> None:
    heard = Heard()
    async with PhoneNetwork(on_event=heard) as network:
        await network.deliver(message("hello", from_name="Bruno"))
        await network.settled()
        assert heard.statuses() == ["delivered"]
        await network.read_all(ANA)
        await network.read_all(ANA)
        await network.settled()
        assert heard.statuses() == ["delivered", "read"]
        [shown] = network.screen(ANA).seen("Ana").messages
    assert (shown.direction, shown.from_name, shown.status) == ("in", "Bruno", "read")


async def test_a_phone_that_is_off_reports_delivery_once_it_comes_on() -> None:
    heard = Heard()
    async with PhoneNetwork(on_event=heard) as network:
        await network.configure(ANA, online=False, fail=None)
        await network.deliver(message("one"))
        await network.deliver(message("two"))
        await network.read_all(ANA)
        await network.settled()
        assert heard.statuses() == []
        await network.configure(ANA, online=True, fail=None)
        await network.settled()
    assert heard.statuses() == ["delivered", "delivered"]


async def test_a_repeat_is_shown_once_and_a_further_part_as_well() -> None:
    async with PhoneNetwork() as network:
        same = new_id()
        first = await network.deliver(message("part one", same))
        assert await network.deliver(message("part one", same)) == first
        second = await network.deliver(message("part two", same))
        assert await network.deliver(message("part two", same)) == second != first
        assert len(network.screen(ANA).bubbles) == 2


@pytest.mark.parametrize(("fail", "retry"), [("temporary", True), ("permanent", False)])
async def test_a_phone_that_fails_shows_nothing(fail: str, retry: bool) -> None:  # noqa: FBT001 - a table
    async with PhoneNetwork() as network:
        await network.configure(ANA, online=True, fail=fail)
        with pytest.raises(ChannelError) as failed:
            await network.deliver(message("hello"))
        assert failed.value.retry is retry
        await network.configure(ANA, online=True, fail=None)
        await network.deliver(message("hello"))
        assert len(network.screen(ANA).bubbles) == 1


async def test_a_restart_keeps_the_screens(tmp_path: Path) -> None:
    async with PhoneNetwork(tmp_path) as network:
        sent = await network.deliver(message("helo", from_name="Bruno"))
        await network.replace(ANA, sent, text("hello"))
        mine = await network.write(ANA, "hi", reply_to=sent, name="Ana")
        await network.show_reactions(ANA, mine.external_id, ["👍"])
        await network.react(ANA, sent, ["❤️", "🎉"])
        await network.edit(ANA, mine.external_id, "hi!")
        gone = await network.deliver(message("never mind"))
        await network.withdraw(ANA, gone)
        await network.configure(ANA, online=False, fail="temporary")
        before = network.screen(ANA).seen("Ana")
    for _ in range(2):  # from what was appended, then from what was rewritten
        async with PhoneNetwork(tmp_path) as network:
            assert network.screen(ANA).seen("Ana") == before


async def test_a_line_that_was_cut_short_costs_only_itself(tmp_path: Path) -> None:
    async with PhoneNetwork(tmp_path) as network:
        await network.deliver(message("hello"))
    with (tmp_path / "phones.jsonl").open("a") as journal:
        journal.write('{"act":"delete","pho')
    async with PhoneNetwork(tmp_path) as network:
        [shown] = network.screen(ANA).seen("Ana").messages
    assert not shown.deleted


async def test_an_event_that_was_not_taken_comes_again_in_order() -> None:
    heard = Heard()
    heard.refusals = [Unavailable("later"), Unavailable("later")]
    async with PhoneNetwork(on_event=heard) as network:
        await network.write(ANA, "one")
        await network.write(ANA, "two")
        await network.settled()
    assert [event["payload"] for event in heard.events] == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]


async def test_an_event_that_never_will_be_taken_holds_up_nothing() -> None:
    heard = Heard()
    heard.refusals = [WebhookRejected("no")]
    async with PhoneNetwork(on_event=heard) as network:
        await network.write(ANA, "one")
        await network.write(ANA, "two")
        await network.settled()
    assert len(heard.events) == 1


async def test_an_event_that_nobody_took_comes_after_a_restart(tmp_path: Path) -> None:
    async with PhoneNetwork(tmp_path) as network:
        await network.write(ANA, "one")
    heard = Heard()
    async with PhoneNetwork(tmp_path) as network:
        await asyncio.sleep(0)  # it looked, and nobody was there
        network.on_event = heard
        await network.settled()
    async with PhoneNetwork(tmp_path, on_event=heard) as network:
        await network.write(ANA, "two")
        await network.settled()
    assert [event["payload"] for event in heard.events] == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two"},
    ]


def forget_all_after(folder: Path, words: bytes) -> None:
    """Cut the journal after the line that shows a message."""
    [journal] = list(folder.iterdir())
    lines = journal.read_bytes().splitlines(keepends=True)
    [at] = [number for number, line in enumerate(lines) if words in line]
    journal.write_bytes(b"".join(lines[: at + 1]))


async def test_a_repeat_after_a_stop_before_the_receipt_brings_the_receipt(tmp_path: Path) -> None:
    sent, heard = message("hello"), Heard()
    async with PhoneNetwork(tmp_path) as network:
        await network.deliver(sent)
    forget_all_after(tmp_path, b"hello")
    async with PhoneNetwork(tmp_path, on_event=heard) as network:
        await network.deliver(sent)
        await network.settled()
        assert len(network.screen(ANA).bubbles) == 1
    assert [event["type"] for event in heard.events] == ["receipt"]


async def test_a_phone_keeps_its_last_messages_only() -> None:
    async with PhoneNetwork() as network:
        for number in range(MAX_MESSAGES + 2):
            await network.write(ANA, str(number))
        shown = network.screen(ANA).seen("Ana").messages
    assert len(shown) == MAX_MESSAGES
    assert shown[0].payload.text == "2"


async def test_a_person_changes_only_what_they_wrote() -> None:
    async with PhoneNetwork() as network:
        sent = await network.deliver(message("hello"))
        for change in (network.edit(ANA, sent, "x"), network.delete(ANA, sent)):
            with pytest.raises(MessageNotFound):
                await change
        with pytest.raises(MessageNotFound):
            await network.react(ANA, "unknown", ["👍"])


async def test_a_changed_message_that_is_gone_is_an_error() -> None:
    async with PhoneNetwork() as network:
        connector = MockConnector(MockConfig(), network)
        sent = await connector.send_message(message("hello"))
        await connector.delete_message(ANA, sent.external_id)
        with pytest.raises(ChannelError) as gone:
            await connector.edit_message(message("other"), sent.external_id)
    assert (gone.value.reason, gone.value.retry) == ("message_gone", False)


async def test_the_page_shows_the_phones_of_ones_contacts() -> None:
    directory = MemoryDirectory()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    people = [("bruno", "person", None), ("eve", "person", None), ("ana", "contact", "bruno")]
    for name, kind, owner in people:
        await directory.users.add(
            User(
                id=UserId(name),
                kind=UserKind(kind),
                display_name=name.title(),
                owner_id=UserId(owner) if owner else None,
                created_at=now,
            )
        )
    await directory.channels.link(
        Channel(
            id=ChannelId("c"),
            user_id=UserId("ana"),
            platform="mock",
            external_id=ANA,
            linked_at=now,
        )
    )
    async with PhoneNetwork() as network:
        phones: Phones = ContactPhones(network, directory)
        await phones.write(ANA, "hi")
        assert [phone.display_name for phone in await phones.phones(UserId("bruno"))] == ["Ana"]
        assert await phones.phones(UserId("eve")) == []
        assert [one.direction for one in (await phones.phone(ANA)).messages] == ["out"]
        with pytest.raises(ChannelNotFound):
            await phones.phone("+1")


@pytest.mark.parametrize(
    "change",
    [
        {"payload": {"type": "text"}},
        {"payload": {"type": "image", "file_id": None}},
        {"at": "0001-01-01T00:00:00+23:00"},
        {"at": "2026-01-01T00:00:00"},
        {"type": "explosion"},
    ],
)
def test_an_event_that_breaks_a_rule_is_rejected(change: dict[str, object]) -> None:
    event = {
        "type": "message",
        "from": ANA,
        "name": "Ana",
        "id": "m1",
        "payload": {"type": "text", "text": "hi"},
        "at": "2026-01-01T00:00:00Z",
    }
    assert len(events_of(json.dumps(event).encode())) == 1
    with pytest.raises(ValueError, match="not an event"):
        events_of(json.dumps({**event, **change}).encode())
