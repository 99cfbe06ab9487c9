"""Imported chats: the right people, places and times, once, and sent to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.directory import Account, Channel, ConversationType, User, UserKind
from chat4all.domain.errors import InvalidInput, Unavailable, UserNotFound
from chat4all.domain.events import Event, Position
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.payload import MAX_TEXT
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, Record, outbound
from chat4all.ports.tracing import Traces
from chat4all.router.failover import Failover
from chat4all.router.planner import Planner
from chat4all.router.worker import Router
from chat4all.services.audit.whole_check import stored_findings
from chat4all.services.chat_export import (
    ChatKind,
    ExportedChat,
    ExportedMessage,
    ExportedParticipant,
    ExportedReaction,
    ExportFormat,
    MessageKind,
    read_export,
)
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.import_history import (
    HIGH_WATER,
    ImportBatch,
    ImportHistory,
    ImportOutcome,
    import_message_id,
)
from chat4all.services.last_channel import LastChannels
from chat4all.services.people import People
from chat4all.services.watched_directory import WatchedDirectory

FIXTURES = Path(__file__).parent / "chat_export" / "fixtures"
NOON = datetime(2024, 12, 31, 12, 0, tzinfo=UTC)
ANA = ExportedParticipant(key="telegram:user1", name="Ana")
BIA = ExportedParticipant(key="telegram:user2", name="Bia")
CAI = ExportedParticipant(key="whatsapp:phone:+5562900000003", name="Cai")
PAIR = ExportedChat(
    source=ExportFormat.TELEGRAM,
    key="telegram:user2",
    title="Bia",
    kind=ChatKind.PRIVATE,
    participants=(ANA, BIA),
    message_count=0,
)
TRIO = replace(
    PAIR, key="telegram:chat9", title="Hiking", kind=ChatKind.GROUP, participants=(ANA, BIA, CAI)
)


class _Silent:
    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        del events

    def stored(self, events: Sequence[Event]) -> None:
        del events

    def done(self, positions: Collection[Position]) -> None:
        del positions


@dataclass
class World:
    owner: User
    log: MemoryEventLog
    store: MemoryMessageStore
    directory: WatchedDirectory
    imports: ImportHistory

    async def bring(
        self, *messages: ExportedMessage, chat: ExportedChat = PAIR, me: str = "Ana"
    ) -> ImportOutcome:
        batch = ImportBatch(owner="ana", me=me, chat=chat, messages=messages)
        outcome = await self.imports(batch)
        await self.settle()
        return outcome

    async def settle(self) -> None:
        """Let the router do all that is waiting."""
        async with asyncio.timeout(30):
            while True:
                await asyncio.sleep(0)
                if not self.log.backlog(COMMANDS, "router"):
                    return

    async def read(self, conversation: ConversationId) -> Sequence[Message]:
        return await self.store.page(conversation, viewer=self.owner.id, after_seq=0, limit=1000)

    async def user(self, name: UserId) -> User:
        return (await self.directory.users.get_many([name]))[name]


def said(order: int, words: str, author: ExportedParticipant | None = BIA) -> ExportedMessage:
    return ExportedMessage(
        key=f"{PAIR.key}:{order}",
        author_key=author.key if author else None,
        author_name=author.name if author else None,
        sent_at=NOON + timedelta(minutes=order),
        order=order,
        kind=MessageKind.TEXT,
        text=words,
        raw_line_number=order + 1,
    )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    log, store, ephemeral = MemoryEventLog(), MemoryMessageStore(), MemoryEphemeral()
    plain = MemoryDirectory()
    cache = DirectoryCache(plain)
    directory = WatchedDirectory(plain, cache)
    people = People(directory, cache)
    owner = User(
        id=UserId(new_id()),
        kind=UserKind.PERSON,
        display_name="Ana",
        username="ana",
        created_at=NOON,
    )
    await directory.users.add(owner)
    failover = Failover(directory.failovers, store, {})
    planner = Planner(people, store, LastChannels(ephemeral.leases), directory.routes, failover)
    router = Router(log, store, planner, _Silent())
    working = asyncio.create_task(router.run())
    try:
        yield World(owner, log, store, directory, ImportHistory(log, store, directory))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_messages_keep_their_authors_times_and_order(world: World) -> None:
    outcome = await world.bring(said(1, "oi"), said(2, "olá", ANA), said(3, "tudo bem?"))
    messages = await world.read(outcome.conversation_id)
    assert [one.seq for one in messages] == [1, 2, 3]
    assert [one.created_at for one in messages] == [
        NOON + timedelta(minutes=minute) for minute in (1, 2, 3)
    ]
    bia = await world.user(messages[0].sender)
    assert (bia.display_name, bia.kind, bia.owner_id) == ("Bia", UserKind.CONTACT, world.owner.id)
    assert messages[1].sender == world.owner.id
    assert {one.channel for one in messages} == {"import"}


async def test_importing_again_adds_nothing(world: World) -> None:
    first = await world.bring(said(1, "oi"), said(2, "olá", ANA))
    again = await world.bring(said(1, "oi"), said(2, "olá", ANA), said(3, "more"))
    assert (first.added, first.existing) == (2, 0)
    assert (again.added, again.existing) == (1, 2)
    assert again.conversation_id == first.conversation_id
    assert len(await world.read(first.conversation_id)) == 3
    contacts = await world.directory.users.search("", owner=world.owner.id, limit=10)
    assert len(contacts) == 1


async def test_the_same_batch_sent_twice_before_the_router_ran_is_kept_once(world: World) -> None:
    batch = ImportBatch(owner="ana", me="Ana", chat=PAIR, messages=[said(1, "oi")])
    outcome, _ = await asyncio.gather(world.imports(batch), world.imports(batch))
    await world.settle()
    assert len(await world.read(outcome.conversation_id)) == 1
    assert await world.log.ends(DEAD_LETTERS) == []


async def test_nothing_is_sent_to_anybody_who_could_be_reached(world: World) -> None:
    bot = Account(
        id=AccountId(new_id()),
        platform="telegram",
        name="bot",
        owner_id=world.owner.id,
        config={},
        created_at=NOON,
        updated_at=NOON,
    )
    await world.directory.accounts.put(bot)
    outcome = await world.bring(said(1, "oi", ANA), said(2, "olá"))
    assert await world.log.ends(outbound("telegram")) == []
    messages = await world.read(outcome.conversation_id)
    assert await world.store.statuses([one.message_id for one in messages]) == []


async def test_the_owner_has_read_it_all(world: World) -> None:
    outcome = await world.bring(said(1, "oi"), said(2, "olá"))
    summaries = await world.store.summaries(world.owner.id, [outcome.conversation_id])
    assert summaries[outcome.conversation_id].unread == 0


async def test_an_existing_contact_with_the_address_is_the_author(world: World) -> None:
    bia = User(
        id=UserId(new_id()),
        kind=UserKind.CONTACT,
        display_name="Bia from work",
        owner_id=world.owner.id,
        created_at=NOON,
    )
    await world.directory.users.add(bia)
    await world.directory.channels.link(_channel(bia.id, "telegram", "2"))
    outcome = await world.bring(said(1, "oi"))
    [message] = await world.read(outcome.conversation_id)
    assert message.sender == bia.id


async def test_an_author_whose_key_is_an_address_can_be_reached_there(world: World) -> None:
    outcome = await world.bring(said(1, "oi", CAI), chat=TRIO)
    [message] = await world.read(outcome.conversation_id)
    channel = await world.directory.channels.resolve("whatsapp", None, "+5562900000003")
    assert channel is not None
    assert channel.user_id == message.sender


async def test_an_address_of_somebody_elses_contact_is_left_to_them(world: World) -> None:
    stranger = UserId(new_id())
    await world.directory.users.add(
        User(id=stranger, kind=UserKind.CONTACT, display_name="Bia", created_at=NOON)
    )
    await world.directory.channels.link(_channel(stranger, "telegram", "2"))
    outcome = await world.bring(said(1, "oi"))
    [message] = await world.read(outcome.conversation_id)
    assert message.sender != stranger
    channel = await world.directory.channels.resolve("telegram", None, "2")
    assert channel is not None
    assert channel.user_id == stranger


async def test_the_private_conversation_that_there_is_is_continued(world: World) -> None:
    first = await world.bring(said(1, "oi"))
    longer = await world.bring(said(2, "olá"), chat=replace(PAIR, key="whatsapp:abc"))
    assert longer.conversation_id == first.conversation_id


async def test_a_group_takes_in_people_who_wrote_later(world: World) -> None:
    early = replace(TRIO, participants=(ANA, BIA))
    first = await world.bring(said(1, "oi"), chat=early)
    await world.bring(said(2, "olá", CAI), chat=TRIO)
    group = await world.directory.conversations.get(first.conversation_id)
    assert group is not None
    assert (group.type, group.name, len(group.members)) == (ConversationType.GROUP, "Hiking", 3)
    assert group.metadata == {"import": TRIO.key}


async def test_replies_reactions_and_places_are_kept(world: World) -> None:
    asked = replace(
        said(1, "where?", ANA),
        reactions=(ExportedReaction(emoji="👍", count=3, author_keys=(BIA.key,)),),
    )
    here = replace(
        said(2, "Café"),
        kind=MessageKind.LOCATION,
        latitude=-16.68,
        longitude=-49.25,
        reply_to_key=asked.key,
    )
    outcome = await world.bring(asked, here)
    question, answer = await world.read(outcome.conversation_id)
    assert question.reactions == {"👍": (answer.sender,)}
    assert question.metadata["import"]["reactions"] == {"👍": 3}
    assert answer.reply_to == question.message_id
    assert answer.payload is not None
    assert answer.payload.as_dict() == {
        "type": "location",
        "latitude": -16.68,
        "longitude": -49.25,
        "name": "Café",
    }


async def test_a_file_becomes_a_text_that_names_it(world: World) -> None:
    picture = replace(said(1, "the view"), kind=MessageKind.IMAGE, media_name="photos/1.jpg")
    outcome = await world.bring(picture)
    [message] = await world.read(outcome.conversation_id)
    assert message.payload is not None
    assert message.payload.text == "[image: photos/1.jpg]\nthe view"
    assert message.metadata["import"] == {"kind": "image", "media_name": "photos/1.jpg"}


async def test_a_text_over_the_limit_is_kept_in_parts(world: World) -> None:
    words = "a" * MAX_TEXT + "b" * 10
    outcome = await world.bring(said(1, words), said(2, "next"))
    texts = [one.payload.text for one in await world.read(outcome.conversation_id) if one.payload]
    assert outcome.added == 2
    assert texts == ["a" * MAX_TEXT, "b" * 10, "next"]


async def test_what_says_nothing_is_reported(world: World) -> None:
    outcome = await world.bring(said(1, " "), said(2, "oi"), said(2, "oi"))
    assert [(one.key, one.reason) for one in outcome.skipped] == [
        ("telegram:user2:1", "it says nothing"),
        ("telegram:user2:2", "twice in this batch"),
    ]
    assert outcome.added == 1


async def test_an_edit_since_the_last_import_is_made(world: World) -> None:
    first = await world.bring(said(1, "at 9"))
    edited = replace(said(1, "at 10"), edited=True, edited_at=NOON + timedelta(hours=1))
    await world.bring(edited)
    [message] = await world.read(first.conversation_id)
    assert message.payload is not None
    assert (message.payload.text, message.edited_at) == ("at 10", NOON + timedelta(hours=1))


async def test_a_contact_that_was_deleted_is_made_anew_and_found_again(world: World) -> None:
    first = await world.bring(said(1, "oi"))
    [message] = await world.read(first.conversation_id)
    await world.directory.users.remove(message.sender)
    second = await world.bring(said(2, "olá"))
    third = await world.bring(said(3, "oi de novo"))
    assert second.conversation_id == third.conversation_id
    assert len(await world.directory.users.search("", owner=world.owner.id, limit=10)) == 1


async def test_notices_stand_with_the_owner_and_unnamed_people_with_a_contact(
    world: World,
) -> None:
    notice = replace(said(1, "Ana created the group", None), kind=MessageKind.NOTICE)
    outcome = await world.bring(notice, said(2, "who am I?", None), chat=TRIO)
    told, asked = await world.read(outcome.conversation_id)
    assert told.sender == world.owner.id
    assert told.metadata["import"]["kind"] == "notice"
    assert (await world.user(asked.sender)).display_name == "Deleted account"


async def test_notes_to_oneself_become_a_conversation_with_their_title(world: World) -> None:
    saved = replace(PAIR, key=ANA.key, title="Saved Messages", participants=(ANA,))
    outcome = await world.bring(said(1, "milk", ANA), chat=saved)
    conversation = await world.directory.conversations.get(outcome.conversation_id)
    assert conversation is not None
    [other] = [one for one in conversation.members if one.user_id != world.owner.id]
    assert (await world.user(other.user_id)).display_name == "Saved Messages"


async def test_a_private_chat_without_the_owner_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="nobody in this chat is called Zoe; it has Ana, Bia"):
        await world.bring(said(1, "oi"), me="Zoe")


async def test_a_name_that_two_people_have_asks_for_the_key(world: World) -> None:
    twins = replace(TRIO, participants=(ANA, BIA, replace(CAI, name="Ana")))
    with pytest.raises(InvalidInput, match="telegram:user1, whatsapp:phone"):
        await world.bring(said(1, "oi"), chat=twins)
    outcome = await world.bring(said(1, "oi", ANA), chat=twins, me=ANA.key)
    [message] = await world.read(outcome.conversation_id)
    assert message.sender == world.owner.id


async def test_an_unknown_owner_is_named(world: World) -> None:
    batch = ImportBatch(owner="zoe", me="Ana", chat=PAIR, messages=[])
    with pytest.raises(UserNotFound, match="zoe"):
        await world.imports(batch)


async def test_an_import_waits_for_a_router_that_is_behind() -> None:
    log, store, directory = MemoryEventLog(), MemoryMessageStore(), MemoryDirectory()
    await directory.users.add(
        User(
            id=UserId(new_id()),
            kind=UserKind.PERSON,
            display_name="Ana",
            username="ana",
            created_at=NOON,
        )
    )
    await log.append([Record(COMMANDS, "somewhere", b"{}")] * (HIGH_WATER + 1))
    imports = ImportHistory(log, store, directory, patience=0.01)
    with pytest.raises(Unavailable):
        await imports(ImportBatch(owner="ana", me="Ana", chat=PAIR, messages=[said(1, "oi")]))


@pytest.mark.parametrize(
    ("name", "me"),
    [
        ("telegram-account.json", "Bruno"),
        ("telegram-chat.json", "Bruno"),
        ("whatsapp-android-de.txt", "Jonas"),
        ("whatsapp-android-pt.txt", "Ana"),
        ("whatsapp-ios-en.txt", "Ana"),
    ],
)
async def test_every_record_of_an_export_is_added_or_reported(
    world: World, name: str, me: str
) -> None:
    export = read_export(FIXTURES / name)
    for chat in export.chats:
        records = list(export.messages(chat))
        outcome = await world.bring(*records, chat=chat, me=me)
        assert outcome.added + len(outcome.skipped) == len(records)
        stored = await world.store.find(
            [import_message_id(world.owner.id, one.key) for one in records]
        )
        assert len(stored) == outcome.added
        again = await world.bring(*records, chat=chat, me=me)
        assert (again.added, again.existing) == (0, outcome.added)
    assert await world.log.ends(DEAD_LETTERS) == []
    assert [finding async for finding in stored_findings(world.store)] == []


def _channel(user: UserId, platform: str, external_id: str) -> Channel:
    return Channel(
        id=ChannelId(new_id()),
        user_id=user,
        platform=platform,
        external_id=external_id,
        linked_at=NOON,
    )
