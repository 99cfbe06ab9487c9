"""Which channel carries what to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import Command, SubmitMessage
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import Account, Channel, ConversationType
from chat4all.domain.events import (
    Event,
    MessageAdded,
    MessageDeleted,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.payload import text
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import Effects
from chat4all.router.failover import Failover
from chat4all.router.planner import EXPIRES_AFTER, Plan, Planner
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.last_channel import LastChannels
from chat4all.services.people import People
from chat4all.testing.message_storage import Talk
from chat4all.testing.pipeline import add_contact, add_conversation, add_person


class Office:
    """A planner over a directory in memory: Ana writes, others are reached."""

    def __init__(self) -> None:
        self.directory = MemoryDirectory()
        self.store = MemoryMessageStore()
        self.last = LastChannels(MemoryEphemeral().leases)
        self.talk = Talk()
        self.ana = UserId("")

    @property
    def planner(self) -> Planner:
        people = People(self.directory, DirectoryCache(self.directory))
        failover = Failover(self.directory.failovers, self.store, {})
        return Planner(people, self.store, self.last, self.directory.routes, failover)

    async def populate(self) -> None:
        self.ana = await add_person(self.directory, "ana")

    async def account(self, platform: str, owner: UserId | None = None) -> AccountId:
        now = datetime.now(UTC)
        account = Account(
            id=AccountId(new_id()),
            platform=platform,
            name=platform,
            owner_id=owner or self.ana,
            config={},
            created_at=now,
            updated_at=now,
        )
        await self.directory.accounts.put(account)
        return account.id

    async def contact(self, *platforms: str) -> UserId:
        contact = await add_contact(self.directory, "davi", self.ana)
        for platform in platforms:
            await self.link(contact, platform)
        return contact

    async def link(self, user: UserId, platform: str, account: AccountId | None = None) -> None:
        channel = Channel(
            id=ChannelId(new_id()),
            user_id=user,
            platform=platform,
            external_id=f"{platform} address",
            linked_at=datetime.now(UTC),
            account_id=account,
        )
        await self.directory.channels.link(channel)

    async def prefer(self, user: UserId, platform: str) -> None:
        found = (await self.directory.users.get_many([user]))[user]
        await self.directory.users.update(replace(found, preferred_channel=platform))

    async def converse(self, *others: UserId, private: bool = False) -> None:
        kind = ConversationType.PRIVATE if private else ConversationType.GROUP
        self.talk.id = await add_conversation(self.directory, self.ana, *others, kind=kind)

    async def send(self, *channels: str, history: bool = False, **fields: Any) -> Plan:
        event, command = await self.message(*channels, history=history, **fields)
        return await self.plan(event, command)

    async def message(
        self, *channels: str, history: bool = False, **fields: Any
    ) -> tuple[MessageAdded, SubmitMessage]:
        new = self.talk.add("hello", **{"sender": self.ana, **fields})
        await self.store.apply(Effects(added=[new]))
        command = SubmitMessage(
            message_id=new.message.message_id,
            conversation_id=self.talk.id,
            sender=new.message.sender,
            payload=text("hello"),
            accepted_at=new.message.created_at,
            digest=new.digest,
            channels=channels,
            history=history,
        )
        return MessageAdded(position=new.position, message=new.message), command

    async def plan(self, event: Event, command: Command) -> Plan:
        plan = Plan()
        await self.planner.plan(event, command, plan)
        return plan

    async def reached(self, message: Message, user: UserId, account: AccountId) -> StatusEntry:
        """Store that Telegram has the message."""
        entry = StatusEntry(
            message_id=message.message_id,
            conversation_id=self.talk.id,
            user_id=user,
            channel="telegram",
            status=Status.SENT,
            at=message.created_at,
            external_id="77",
            address="telegram address",
            account_id=account,
        )
        await self.store.apply(Effects(statuses=[entry]))
        return entry


def where(plan: Plan) -> list[str]:
    return [task.channel for task in plan.tasks]


def why(plan: Plan) -> list[tuple[str, str]]:
    return [
        (report.entry.channel, report.entry.error.code)
        for report in plan.reports
        if report.entry.error is not None
    ]


@pytest.fixture
async def office() -> Office:
    made = Office()
    await made.populate()
    await made.account("telegram")
    await made.account("whatsapp")
    return made


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ((), ["telegram"]),
        (("whatsapp",), ["whatsapp"]),
        (("sms", "whatsapp", "telegram"), ["whatsapp"]),
        (("all",), ["telegram", "whatsapp"]),
    ],
)
async def test_the_channels_asked_for_are_used_else_the_first_of_the_contact(
    office: Office, asked: tuple[str, ...], used: list[str]
) -> None:
    await office.converse(await office.contact("telegram", "whatsapp"))
    plan = await office.send(*asked)
    assert sorted(where(plan)) == used
    assert plan.reports == []


async def test_the_preferred_channel_comes_before_the_last_one(office: Office) -> None:
    contact = await office.contact("telegram", "whatsapp")
    await office.converse(contact)
    await office.last.remember(contact, "whatsapp")
    assert where(await office.send()) == ["whatsapp"]
    await office.prefer(contact, "telegram")
    assert where(await office.send()) == ["telegram"]
    await office.prefer(contact, "sms")
    assert where(await office.send()) == ["whatsapp"], "a preference that cannot be met"


async def test_the_channel_somebody_wrote_by_is_remembered(office: Office) -> None:
    contact = await office.contact("telegram", "whatsapp")
    await office.converse(contact)
    await office.send(sender=contact, channel="whatsapp")
    assert where(await office.send()) == ["whatsapp"]


async def test_a_member_who_signs_in_is_reached_in_the_app(office: Office) -> None:
    bia = await add_person(office.directory, "bia")
    await office.converse(bia)
    plan = await office.send("telegram")
    assert (plan.tasks, plan.reports) == ([], [])
    await office.link(bia, "telegram")
    assert where(await office.send()) == []
    assert where(await office.send("telegram")) == ["telegram"]
    await office.prefer(bia, "telegram")
    assert where(await office.send()) == ["telegram"]
    assert where(await office.send("app")) == []


@pytest.mark.parametrize(
    ("asked", "named"), [((), "app"), (("telegram",), "telegram"), (("all",), "app")]
)
async def test_a_contact_without_a_channel_ends_as_failed(
    office: Office, asked: tuple[str, ...], named: str
) -> None:
    await office.converse(await office.contact())
    plan = await office.send(*asked)
    assert (plan.tasks, why(plan)) == ([], [(named, "no_channel")])
    assert plan.reports[0].entry.status is Status.FAILED


async def test_a_channel_that_the_contact_lacks_is_not_replaced_by_another(
    office: Office,
) -> None:
    await office.converse(await office.contact("telegram"))
    assert why(await office.send("whatsapp")) == [("whatsapp", "no_channel")]


async def test_a_platform_without_an_account_ends_as_failed(office: Office) -> None:
    await office.converse(await office.contact("sms"))
    plan = await office.send()
    assert (plan.tasks, why(plan)) == ([], [("sms", "no_account")])


async def test_the_account_is_the_contacts_own_else_that_of_a_member(office: Office) -> None:
    owner = await add_person(office.directory, "owner")
    theirs = await office.account("telegram", owner)
    contact = await office.contact()
    await office.link(contact, "telegram", theirs)
    await office.converse(contact)
    [task] = (await office.send()).tasks
    assert task.account_id == theirs
    anybodys = await office.contact("telegram")
    await office.converse(anybodys)
    [task] = (await office.send()).tasks
    assert task.account_id != theirs


async def test_only_those_a_message_is_for_are_reached_and_never_its_sender(
    office: Office,
) -> None:
    first, second = await office.contact("telegram"), await office.contact("whatsapp")
    await office.converse(first, second)
    assert [task.user_id for task in (await office.send(to=(second,))).tasks] == [second]
    assert [task.user_id for task in (await office.send(sender=first)).tasks] == [second]


async def test_imported_history_is_sent_to_nobody(office: Office) -> None:
    await office.converse(await office.contact("telegram"))
    plan = await office.send(history=True)
    assert (plan.tasks, plan.reports) == ([], [])


async def test_a_task_says_all_that_a_connector_needs_and_a_repeat_has_the_same_id(
    office: Office,
) -> None:
    contact = await office.contact("telegram")
    await office.converse(contact)
    event, command = await office.message()
    [task] = (await office.plan(event, command)).tasks
    assert (task.kind, task.address, task.user_id) == (
        DeliveryKind.MESSAGE,
        "telegram address",
        contact,
    )
    assert task.expires_at == event.message.created_at + EXPIRES_AFTER
    assert task.from_name == "Ana"
    assert (await office.plan(event, command)).tasks == [task]


async def test_in_a_private_chat_the_text_does_not_say_who_wrote(office: Office) -> None:
    await office.converse(await office.contact("telegram"), private=True)
    [task] = (await office.send()).tasks
    assert task.from_name is None


async def test_the_chat_remembers_in_which_conversation_the_talk_is(office: Office) -> None:
    await office.converse(await office.contact("telegram"))
    [task] = (await office.send()).tasks
    routes = office.directory.routes
    assert await routes.get("telegram", task.account_id, task.address) == office.talk.id


class Sent:
    """A message that Telegram has, and its contact."""

    def __init__(self, office: Office, event: MessageAdded, command: SubmitMessage) -> None:
        self.office, self.event, self.command = office, event, command
        self.message = event.message
        self.contact = UserId("")
        self.account = AccountId("")

    async def tasks(self, effects: Effects) -> list[DeliveryTask]:
        await self.office.store.apply(effects)
        return (await self.office.plan(effects.journal[0], self.command)).tasks


@pytest.fixture
async def sent(office: Office) -> Sent:
    contact = await office.contact("telegram")
    await office.converse(contact)
    event, command = await office.message()
    made = Sent(office, event, command)
    made.contact = contact
    made.account = (await office.plan(event, command)).tasks[0].account_id
    await office.reached(event.message, contact, made.account)
    return made


async def test_an_edit_is_carried_to_where_the_message_was_sent(sent: Sent) -> None:
    [task] = await sent.tasks(sent.office.talk.edit(sent.message, "new"))
    assert (task.kind, task.address, task.account_id) == (
        DeliveryKind.EDIT,
        "telegram address",
        sent.account,
    )
    assert task.payload == text("new")


async def test_a_deletion_is_carried_however_old_the_message_is(sent: Sent) -> None:
    effects = sent.office.talk.delete(sent.message)
    [event] = effects.journal
    assert isinstance(event, MessageDeleted)
    late = sent.message.created_at + timedelta(days=30)
    effects.journal[:] = [replace(event, at=late)]
    [task] = await sent.tasks(effects)
    assert task.kind is DeliveryKind.DELETE
    assert task.expires_at == late + EXPIRES_AFTER


async def test_reactions_show_those_of_the_others(sent: Sent) -> None:
    office = sent.office
    reacted = replace(sent.message, reactions={"👍": (office.ana,), "🎉": (sent.contact,)})
    event = ReactionChanged(
        position=office.talk.next_position(),
        conversation_id=office.talk.id,
        message_id=sent.message.message_id,
        user_id=office.ana,
        emoji="👍",
        removed=False,
        at=sent.message.created_at,
    )
    [task] = await sent.tasks(Effects(changed=[reacted], journal=[event]))
    assert (task.kind, task.emojis) == (DeliveryKind.REACTIONS, ("👍",))
    theirs = replace(event, position=office.talk.next_position(), user_id=sent.contact)
    assert (await office.plan(theirs, sent.command)).tasks == [], "they did it themselves"


async def test_what_is_hidden_from_one_member_stays_on_the_phone(sent: Sent) -> None:
    effects = sent.office.talk.delete(sent.message)
    [event] = effects.journal
    assert isinstance(event, MessageDeleted)
    hidden = replace(event, only_for=sent.office.ana)
    assert (await sent.office.plan(hidden, sent.command)).tasks == []


async def test_a_change_on_the_way_follows_once_the_platform_has_the_message(
    office: Office,
) -> None:
    contact = await office.contact("telegram")
    await office.converse(contact)
    event, command = await office.message()
    [task] = (await office.plan(event, command)).tasks
    edit = office.talk.edit(event.message, "new")
    await office.store.apply(edit)
    assert (await office.plan(edit.journal[0], command)).tasks == []
    entry = await office.reached(event.message, contact, task.account_id)
    told = StatusChanged(position=office.talk.next_position(), entry=entry, sender=office.ana)
    [change] = (await office.plan(told, command)).tasks
    assert (change.kind, change.payload) == (DeliveryKind.EDIT, text("new"))


async def test_a_conversation_that_is_gone_reaches_nobody(office: Office) -> None:
    await office.converse(await office.contact("telegram"))
    event, command = await office.message()
    await office.directory.conversations.delete(ConversationId(office.talk.id))
    assert (await office.plan(event, command)).tasks == []
