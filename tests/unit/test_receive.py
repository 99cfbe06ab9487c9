"""What platforms say becomes commands: once, in order, in the conversation it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.conversations import MemoryChannels
from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import (
    AnnounceChange,
    Command,
    DeleteMessage,
    EditMessage,
    React,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.directory import (
    Account,
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.errors import ChannelError, Unavailable
from chat4all.domain.events import Position
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, MessageId, UserId, new_id
from chat4all.domain.inbound import (
    Attachment,
    EarlyReceipt,
    Inbound,
    IncomingDeletion,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    IncomingTyping,
    Receipt,
)
from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, EARLY_RECEIPTS, Record
from chat4all.router.processor import Placed, Processor
from chat4all.router.state import Known
from chat4all.services.file_intake import incoming_file_id
from chat4all.services.receive import NOWHERE, Hooks, ReceiveInbound
from chat4all.services.records import decode_command, decode_receipt, encode_command

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BRUNO, CARLA = UserId("bruno"), UserId("carla")
ACCOUNT = Account(
    id=AccountId("shop"),
    platform="telegram",
    name="Shop",
    owner_id=BRUNO,
    config={},
    created_at=NOW,
    updated_at=NOW,
)


class FailingLog(MemoryEventLog):
    failures = 0

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        if self.failures:
            self.failures -= 1
            raise Unavailable("not now")
        return await super().append(records)


class AskedStore(MemoryMessageStore):
    """Says when somebody looked for a message by the platform's id."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        self.asked.set()
        return await super().status_of(account, address, external_id)


class World:
    """Receiving over storage in memory, with the router's decisions made on request."""

    def __init__(self, *, patience: float = 0.0) -> None:
        self.state = DirectoryState()
        self.directory = MemoryDirectory(self.state)
        self.log = FailingLog()
        self.store = AskedStore()
        self.told: list[tuple[str, str]] = []
        self.typing: list[tuple[ConversationId, UserId]] = []
        self.ignored: list[str] = []
        self.announced: list[tuple[str, ConversationId, UserId]] = []
        self._read = 0
        self.receive = self.receiver(patience=patience)

    async def announce(self, attachment: Attachment, /, **where: Any) -> File:
        self.announced.append((attachment.reference, where["conversation"], where["owner"]))
        assert not await self.log.read(COMMANDS, after=None, limit=1), "before the message"
        return File(
            id=incoming_file_id(where["account"], where["address"], where["external_id"]),
            owner_id=where["owner"],
            conversation_id=where["conversation"],
            name="sea.png",
            size=3,
            mime_type="image/png",
            state=FileState.RECEIVING,
            created_at=NOW,
        )

    def receiver(self, *, patience: float = 0.0, **more: Any) -> ReceiveInbound:
        """Return a process of its own over the same storage."""
        return ReceiveInbound(
            self.directory,
            self.log,
            self.store,
            Hooks(
                tell=self._tell,
                typing=self._typing,
                ignored=self.ignored.append,
                windowed=["telegram"],
                waiting=["telegram"],
                **more,
            ),
            now=lambda: NOW,
            patience=patience,
        )

    async def _tell(self, account: Account, address: str, words: str) -> None:
        assert account.id == ACCOUNT.id
        self.told.append((address, words))
        if address == "blocked":
            raise ChannelError("blocked", retry=False)

    async def _typing(self, conversation: ConversationId, user: UserId) -> None:
        self.typing.append((conversation, user))

    async def add_person(self, user: UserId) -> None:
        person = User(
            id=user, kind=UserKind.PERSON, display_name=user.title(), username=user, created_at=NOW
        )
        await self.directory.users.add(person)

    async def hears(self, *events: Inbound) -> list[Command]:
        """Take events in; return the commands that the log has more of."""
        await self.receive(ACCOUNT, events)
        return await self.commands()

    async def commands(self) -> list[Command]:
        """Return the commands since the last call, and let them have their effects."""
        after = Position(0, self._read - 1) if self._read else None
        records = await self.log.read(COMMANDS, after=after, limit=1_000)
        self._read += len(records)
        placed = [Placed(record.position, decode_command(record.value)) for record in records]
        found = [one.command for one in placed]
        decision = Processor(await Known(self.store).snapshot(found)).decide(placed)
        assert not decision.refused, decision.refused
        await self.store.apply(decision.effects)
        return found

    async def sent(self, conversation: ConversationId, to: UserId, external_id: str) -> MessageId:
        """Let Bruno write, and the message be sent to Ana's chat."""
        message_id = MessageId(new_id())
        entry = StatusEntry(
            message_id=message_id,
            conversation_id=conversation,
            user_id=to,
            channel="telegram",
            status=Status.SENT,
            at=NOW,
            account_id=ACCOUNT.id,
            address="501",
            external_id=external_id,
        )
        submit = SubmitMessage(
            message_id=message_id,
            conversation_id=conversation,
            sender=BRUNO,
            payload=text("hello"),
            accepted_at=NOW,
            digest="d",
        )
        report = ReportStatus(conversation_id=conversation, entry=entry)
        await self.log.append(
            [Record(COMMANDS, conversation, encode_command(one)) for one in (submit, report)]
        )
        await self.commands()
        return message_id

    async def group(self, *members: UserId) -> ConversationId:
        conversation = Conversation(
            id=ConversationId(new_id()),
            type=ConversationType.GROUP,
            created_by=BRUNO,
            created_at=NOW,
            members=tuple(Member(user_id=one, role=Role.MEMBER, joined_at=NOW) for one in members),
        )
        return (await self.directory.conversations.create(conversation)).id

    async def ana(self) -> UserId:
        channel = await self.directory.channels.resolve("telegram", ACCOUNT.id, "501")
        assert channel is not None
        return channel.user_id

    async def messages(self, conversation: ConversationId) -> Sequence[Message]:
        return await self.store.page(conversation, viewer=BRUNO, limit=100)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_person(BRUNO)
    await world.add_person(CARLA)
    return world


def wrote(external_id: str = "1", words: str = "Oi", **more: Any) -> IncomingMessage:
    return IncomingMessage(
        external_id=external_id,
        address=more.pop("address", "501"),
        author=more.pop("author", "501"),
        author_name="Ana Lima",
        payload=text(words),
        sent_at=NOW - timedelta(seconds=5),
        **more,
    )


def submitted(commands: list[Command]) -> list[SubmitMessage]:
    return [command for command in commands if isinstance(command, SubmitMessage)]


async def test_a_stranger_becomes_a_contact_with_a_private_conversation(world: World) -> None:
    announced, message = await world.hears(wrote())
    assert isinstance(announced, AnnounceChange)
    assert isinstance(message, SubmitMessage)
    ana = (await world.directory.users.get_many([message.sender]))[message.sender]
    assert (ana.kind, ana.owner_id, ana.display_name) == (UserKind.CONTACT, BRUNO, "Ana Lima")
    conversation = await world.directory.conversations.get(message.conversation_id)
    assert conversation is not None
    assert {member.user_id for member in conversation.members} == {BRUNO, ana.id}
    assert (message.channel, message.address, message.external_id) == ("telegram", "501", "1")
    assert message.accepted_at == NOW - timedelta(seconds=5)


async def test_it_is_kept_when_a_chat_last_wrote_also_when_the_log_has_failed(
    world: World,
) -> None:
    world.log.failures = 1
    with pytest.raises(Unavailable):
        await world.hears(wrote())
    await world.hears(wrote())
    kept = await world.directory.routes.last_inbound("telegram", ACCOUNT.id, "501")
    assert kept is not None
    assert kept <= NOW
    assert await world.directory.routes.last_inbound("telegram", ACCOUNT.id, "502") is None


async def test_the_next_message_goes_to_the_same_place(world: World) -> None:
    first = submitted(await world.hears(wrote("1")))[0]
    [second] = await world.hears(wrote("2"))
    assert isinstance(second, SubmitMessage)
    assert second.conversation_id == first.conversation_id
    assert second.sender == first.sender


async def test_events_of_one_call_are_appended_in_order_and_at_once(world: World) -> None:
    world.log.failures = 1
    events = [wrote("1", "one"), wrote("2", "two"), wrote("3", "three")]
    with pytest.raises(Unavailable):
        await world.hears(*events)
    assert await world.commands() == []
    commands = await world.hears(*events)
    assert [command.payload.text for command in submitted(commands)] == ["one", "two", "three"]
    assert isinstance(commands[0], AnnounceChange)


async def test_a_repeat_has_no_effect(world: World) -> None:
    await world.hears(wrote())
    assert await world.hears(wrote()) == []
    assert world.ignored == ["repeated"]


async def test_a_repeat_before_the_first_is_stored_has_the_same_id_and_digest(
    world: World,
) -> None:
    await world.receive(ACCOUNT, [wrote()])
    await world.receiver()(ACCOUNT, [wrote()])
    first, second = submitted(await world.commands())
    assert (first.message_id, first.digest) == (second.message_id, second.digest)
    assert len(await world.messages(first.conversation_id)) == 1


class YieldingChannels(MemoryChannels):
    """Lets others run between the question and the answer, as a database does."""

    async def resolve(
        self, platform: str, account: AccountId | None, external_id: str
    ) -> Channel | None:
        found = await super().resolve(platform, account, external_id)
        await asyncio.sleep(0)
        return found


async def test_a_stranger_who_writes_several_at_once_is_one_contact(world: World) -> None:
    world.directory.channels = YieldingChannels(world.state)
    await asyncio.gather(*(world.receive(ACCOUNT, [wrote(str(n))]) for n in range(5)))
    commands = submitted(await world.commands())
    assert len({command.sender for command in commands}) == 1
    assert len({command.conversation_id for command in commands}) == 1
    contacts = await world.directory.users.search("", owner=BRUNO, limit=10)
    assert [contact.id for contact in contacts] == [commands[0].sender]


async def test_a_contact_that_was_removed_before_a_repeat_is_made_anew(world: World) -> None:
    world.log.failures = 1
    with pytest.raises(Unavailable):
        await world.hears(wrote())
    removed = await world.ana()
    await world.directory.users.remove(removed)
    assert submitted(await world.hears(wrote()))[0].sender != removed


async def test_somebody_who_was_removed_and_writes_again_is_a_new_contact(world: World) -> None:
    first = submitted(await world.hears(wrote()))[0]
    await world.directory.users.remove(first.sender)
    again = submitted(await world.hears(wrote("2")))[0]
    assert again.sender != first.sender


async def add_contact_of_carla(world: World) -> UserId:
    contact = User(
        id=UserId("ana"),
        kind=UserKind.CONTACT,
        display_name="Ana",
        owner_id=CARLA,
        created_at=NOW,
    )
    await world.directory.users.add(contact)
    await world.directory.channels.link(
        Channel(
            id=ChannelId("c"),
            user_id=contact.id,
            platform="telegram",
            external_id="501",
            linked_at=NOW,
        )
    )
    return contact.id


async def members(world: World, command: SubmitMessage) -> set[UserId]:
    found = await world.directory.conversations.get(command.conversation_id)
    assert found is not None
    return {member.user_id for member in found.members}


async def test_what_comes_to_a_persons_account_is_theirs_whoever_knows_the_author(
    world: World,
) -> None:
    ana = await add_contact_of_carla(world)
    [message] = submitted(await world.hears(wrote()))
    assert message.sender == ana
    assert await members(world, message) == {ana, BRUNO}


async def test_what_comes_to_the_account_of_a_service_is_for_who_has_the_contact(
    world: World,
) -> None:
    operator = UserId("operator")
    await world.directory.users.add(
        User(id=operator, kind=UserKind.SERVICE, display_name="Operator", created_at=NOW)
    )
    ana = await add_contact_of_carla(world)
    shared = replace(ACCOUNT, owner_id=operator)
    await world.receive(shared, [wrote(), wrote("2", address="502")])
    known, stranger = submitted(await world.commands())
    assert await members(world, known) == {ana, CARLA}
    assert await members(world, stranger) == {stranger.sender, operator}
    await add_code(world, "K7", BRUNO)
    linking = wrote("3", address="503", link_code="K7")
    await world.receive(shared, [linking, wrote("4", address="503")])
    assert world.told[-1] == ("503", NOWHERE)


async def test_an_answer_goes_to_the_conversation_of_what_it_answers(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    group = await world.group(BRUNO, CARLA, await world.ana())
    question = await world.sent(group, await world.ana(), "77")
    [answer] = submitted(await world.hears(wrote("2", "at ten", reply_to="77")))
    assert (answer.conversation_id, answer.reply_to) == (group, question)
    [following] = submitted(await world.hears(wrote("3", "sharp")))
    assert following.conversation_id == group
    [back] = submitted(await world.hears(wrote("4", "by the way", reply_to="1")))
    assert back.conversation_id == private


async def test_a_message_goes_where_the_chat_last_heard_from(world: World) -> None:
    await world.hears(wrote())
    group = await world.group(BRUNO, CARLA, await world.ana())
    await world.directory.routes.set("telegram", ACCOUNT.id, "501", group)
    [message] = submitted(await world.hears(wrote("2")))
    assert message.conversation_id == group


async def test_somebody_who_left_a_group_writes_in_private(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    group = await world.group(BRUNO, CARLA, await world.ana())
    await world.sent(group, await world.ana(), "77")
    await world.directory.routes.set("telegram", ACCOUNT.id, "501", group)
    await world.directory.members.remove(group, await world.ana())
    [answer] = submitted(await world.hears(wrote("2", reply_to="77")))
    assert (answer.conversation_id, answer.reply_to) == (private, None)


async def test_an_edit_reaches_the_message_even_in_the_same_call(world: World) -> None:
    edit = IncomingEdit(
        external_id="1", address="501", author="501", payload=text("Oi!"), edited_at=NOW
    )
    commands = await world.hears(wrote(), edit)
    assert isinstance(commands[-1], EditMessage)
    [message] = await world.messages(commands[-1].conversation_id)
    assert message.payload == text("Oi!")


async def test_an_edit_that_is_faster_than_the_store_is_kept(world: World) -> None:
    await world.receive(ACCOUNT, [wrote()])
    edit = IncomingEdit(
        external_id="1", address="501", author="501", payload=text("Oi!"), edited_at=NOW
    )
    commands = await world.hears(edit)
    assert isinstance(commands[-1], EditMessage)


async def test_a_deletion_removes_the_message_for_everyone(world: World) -> None:
    await world.hears(wrote())
    deletion = IncomingDeletion(external_id="1", address="501", author="501", deleted_at=NOW)
    [command] = await world.hears(deletion)
    assert isinstance(command, DeleteMessage)
    [message] = await world.messages(command.conversation_id)
    assert message.deleted_at is not None


@pytest.mark.parametrize(
    "event",
    [
        IncomingEdit(external_id="9", address="501", author="1", payload=text("x"), edited_at=NOW),
        IncomingDeletion(external_id="9", address="501", author="1", deleted_at=NOW),
        IncomingReaction(external_id="9", address="501", author="1", emojis=("👍",), at=NOW),
        Receipt(external_id="9", address="501", status=Status.READ, at=NOW),
        IncomingTyping(address="404", author="404"),
    ],
    ids=lambda event: type(event).__name__,
)
async def test_what_concerns_nothing_we_know_is_ignored(world: World, event: Inbound) -> None:
    await world.hears(wrote())
    assert await world.hears(event) == []
    assert world.typing == []


def reaction(*emojis: str, to: str = "77") -> IncomingReaction:
    return IncomingReaction(external_id=to, address="501", author="501", emojis=emojis, at=NOW)


async def test_reactions_become_exactly_those_of_the_last_event(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    ana = await world.ana()
    await world.sent(private, ana, "77")
    for emojis in (("👍",), ("❤️", "🎉"), ("🎉",), ()):
        commands = await world.hears(reaction(*emojis))
        assert all(isinstance(command, React) for command in commands)
        message = (await world.messages(private))[-1]
        assert {emoji for emoji, users in message.reactions.items() if ana in users} == {*emojis}


async def test_reactions_that_are_faster_than_the_store_end_right(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    await world.sent(private, await world.ana(), "77")
    await world.receive(ACCOUNT, [reaction("👍")])
    await world.receive(ACCOUNT, [reaction("❤️")])
    await world.commands()
    assert set((await world.messages(private))[-1].reactions) == {"❤️"}


async def test_another_process_knows_the_reactions_from_the_store(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    await world.sent(private, await world.ana(), "77")
    await world.hears(reaction("👍"))
    await world.receiver()(ACCOUNT, [reaction()])
    await world.commands()
    assert (await world.messages(private))[-1].reactions == {}


async def test_a_person_can_react_to_a_message_of_their_own(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    await world.hears(reaction("👍", to="1"))
    assert set((await world.messages(private))[0].reactions) == {"👍"}


async def test_a_receipt_moves_the_status_of_what_we_sent(world: World) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    sent = await world.sent(private, await world.ana(), "77")
    failure = Failure(code="refused", text="no")
    await world.hears(
        Receipt(external_id="77", address="501", status=Status.DELIVERED, at=NOW, error=failure)
    )
    entry = (await world.store.statuses([sent]))[-1]
    assert (entry.status, entry.user_id, entry.error) == (
        Status.DELIVERED,
        await world.ana(),
        failure,
    )


async def test_nothing_is_delivered_before_it_was_sent_where_a_platform_tells_whole_seconds(
    world: World,
) -> None:
    private = submitted(await world.hears(wrote()))[0].conversation_id
    sent = await world.sent(private, await world.ana(), "77")
    early = NOW - timedelta(seconds=1)
    await world.hears(Receipt(external_id="77", address="501", status=Status.READ, at=early))
    before, after = await world.store.statuses([sent])
    assert after.at == before.at


async def test_a_receipt_that_is_faster_than_the_store_is_waited_for() -> None:
    world = World(patience=10.0)
    await world.add_person(BRUNO)
    private = submitted(await world.hears(wrote()))[0].conversation_id
    receipt = Receipt(external_id="77", address="501", status=Status.READ, at=NOW)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(world.receive(ACCOUNT, [receipt]))
        await world.store.asked.wait()
        sent = await world.sent(private, await world.ana(), "77")
    await world.commands()
    assert (await world.store.statuses([sent]))[-1].status is Status.READ


async def test_a_receipt_that_comes_first_is_in_the_log_before_the_platform_has_its_answer(
    world: World,
) -> None:
    known = Receipt(external_id="77", address="501", status=Status.DELIVERED, at=NOW)
    unknown = replace(known, external_id="78", status=Status.READ)
    private = submitted(await world.hears(wrote()))[0].conversation_id
    await world.sent(private, await world.ana(), "77")
    world.log.failures = 1
    with pytest.raises(Unavailable):
        await world.hears(known, unknown)
    assert await world.log.read(EARLY_RECEIPTS, after=None, limit=9) == []
    assert world.ignored == []
    [command] = await world.hears(known, unknown)
    assert isinstance(command, ReportStatus)
    [record] = await world.log.read(EARLY_RECEIPTS, after=None, limit=9)
    assert decode_receipt(record.value) == EarlyReceipt(account_id=ACCOUNT.id, receipt=unknown)
    assert world.ignored == ["early_receipt"]


async def test_typing_is_told_where_the_talk_is(world: World) -> None:
    message = submitted(await world.hears(wrote()))[0]
    assert await world.hears(IncomingTyping(address="501", author="501")) == []
    assert world.typing == [(message.conversation_id, message.sender)]


async def add_code(world: World, code: str, user: UserId) -> None:
    await world.directory.link_codes.add(
        code, user, platform="telegram", expires_at=NOW + timedelta(minutes=5)
    )


async def test_a_link_code_ties_a_new_identity_to_its_user(world: World) -> None:
    await add_code(world, "K7", CARLA)
    assert await world.hears(wrote(words="/start K7", link_code="K7")) == []
    assert await world.ana() == CARLA
    assert world.told == [("501", "This chat is now linked to Carla on Chat4All.")]
    message = submitted(await world.hears(wrote("2")))[0]
    assert message.sender == CARLA


async def test_a_link_code_moves_an_identity_from_the_contact_that_was_made_for_it(
    world: World,
) -> None:
    before = submitted(await world.hears(wrote()))[0]
    await add_code(world, "K7", CARLA)
    await world.hears(wrote("2", link_code="K7"))
    after = submitted(await world.hears(wrote("3")))[0]
    assert after.sender == CARLA != before.sender
    assert after.conversation_id != before.conversation_id


async def test_a_wrong_code_is_told(world: World) -> None:
    await world.hears(wrote(link_code="wrong"))
    assert world.told[0][1].startswith("This code is not valid")
    assert await world.directory.channels.resolve("telegram", ACCOUNT.id, "501") is None


async def test_a_repeated_link_is_told_that_it_holds(world: World) -> None:
    await add_code(world, "K7", CARLA)
    for _ in range(2):
        await world.hears(wrote(link_code="K7"))
    assert world.told[1] == ("501", "This chat is linked to Carla on Chat4All.")


async def test_an_answer_that_cannot_be_sent_is_no_error(world: World) -> None:
    commands = await world.hears(
        wrote(address="blocked", link_code="wrong"), wrote("2", address="502")
    )
    assert len(submitted(commands)) == 1


async def test_the_owner_of_the_account_is_asked_where_a_message_belongs(world: World) -> None:
    await add_code(world, "K7", BRUNO)
    await world.hears(wrote(link_code="K7"))
    assert await world.hears(wrote("2")) == []
    assert world.told[-1] == ("501", NOWHERE)
    group = await world.group(BRUNO, CARLA)
    await world.directory.routes.set("telegram", ACCOUNT.id, "501", group)
    [message] = submitted(await world.hears(wrote("3")))
    assert (message.sender, message.conversation_id) == (BRUNO, group)


async def test_a_time_in_the_future_counts_as_now(world: World) -> None:
    event = replace(wrote(), sent_at=NOW + timedelta(days=1))
    assert submitted(await world.hears(event))[0].accepted_at == NOW


def showed(words: str) -> IncomingMessage:
    picture = Payload(type=PayloadType.IMAGE, caption=words)
    return replace(
        wrote(attachment=Attachment(reference="r1", mime_type="image/png")), payload=picture
    )


async def test_a_file_is_announced_before_the_message_that_names_it(world: World) -> None:
    world.receive = world.receiver(announce_file=world.announce)
    [submit] = submitted(await world.hears(showed("Mar")))
    file_id = incoming_file_id(ACCOUNT.id, "501", "1")
    assert submit.payload == Payload(type=PayloadType.IMAGE, caption="Mar", file_id=file_id)
    assert world.announced == [("r1", submit.conversation_id, await world.ana())]


async def test_an_edited_caption_keeps_the_file(world: World) -> None:
    world.receive = world.receiver(announce_file=world.announce)
    edit = IncomingEdit(
        external_id="1",
        address="501",
        author="501",
        payload=Payload(type=PayloadType.IMAGE, caption="Rio"),
        edited_at=NOW,
    )
    commands = await world.hears(showed("Mar"), edit)
    commands += await world.hears(edit)
    [submit] = submitted(commands)
    edits = [one for one in commands if isinstance(one, EditMessage)]
    assert [one.payload for one in edits] == [replace(submit.payload, caption="Rio")] * 2


async def test_where_no_files_are_taken_in_a_text_names_them(world: World) -> None:
    [submit] = submitted(await world.hears(showed("Mar")))
    assert submit.payload == text("[image] Mar")
