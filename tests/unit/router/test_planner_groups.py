"""A message to a conversation that is a group of a platform goes there once, for all in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chat4all.domain.commands import SubmitMessage
from chat4all.domain.delivery import DeliveryKind
from chat4all.domain.directory import Channel
from chat4all.domain.events import MessageAdded, ReactionChanged, StatusChanged
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import Effects
from chat4all.router.planner import Plan
from tests.unit.router.test_planner import Office, why

NOW = Moment(datetime(2026, 1, 1, tzinfo=UTC))


class Team(Office):
    """Ana's team on Telegram: Davi and Eva are in it, Rita has WhatsApp."""

    async def populate(self) -> None:
        await super().populate()
        self.telegram, self.whatsapp = (
            await self.account("telegram"),
            await self.account("whatsapp"),
        )
        self.davi, self.eva = await self.somebody("davi"), await self.somebody("eva")
        self.rita = await self.contact("whatsapp")
        await self.converse(self.davi, self.eva, self.rita)
        self.key = ChatKey("telegram", self.telegram, "-7")
        chat = GroupChat(key=self.key, conversation_id=self.talk.id)
        await self.directory.group_chats.keep(chat, at=NOW)
        for person, user in (("1", self.davi), ("2", self.eva)):
            await self.directory.group_people.note(self.key, person, user, here=True, at=NOW)

    async def somebody(self, name: str, *, reachable: bool = False) -> UserId:
        user = await self.contact()
        channel = Channel(
            id=ChannelId(new_id()),
            user_id=user,
            platform="telegram",
            external_id=name,
            linked_at=datetime.now(UTC),
            account_id=self.telegram,
            reachable=reachable,
        )
        await self.directory.channels.link(channel)
        return user

    async def from_group(self, sender: UserId) -> tuple[MessageAdded, SubmitMessage]:
        """Let somebody write in the group."""
        event, command = await self.message(sender=sender, channel="telegram")
        return event, replace(
            command,
            sender=sender,
            channel="telegram",
            account_id=self.telegram,
            address="-7",
            external_id="5",
        )

    async def sent(self, message: Message, *users: UserId, external_id: str = "9") -> StatusEntry:
        """Store that the group has the message; return the first entry."""
        entries = [
            StatusEntry(
                message_id=message.message_id,
                conversation_id=self.talk.id,
                user_id=user,
                channel="telegram",
                status=Status.SENT,
                at=message.created_at,
                account_id=self.telegram,
                address="-7",
                external_id=external_id,
            )
            for user in users
        ]
        await self.store.apply(Effects(statuses=entries))
        return entries[0]

    async def react(self, message: Message, actor: UserId, emoji: str = "👍") -> Plan:
        reactions = {emoji: (*message.reactions.get(emoji, ()), actor)}
        event = ReactionChanged(
            position=self.talk.next_position(),
            conversation_id=self.talk.id,
            message_id=message.message_id,
            user_id=actor,
            emoji=emoji,
            removed=False,
            at=message.created_at,
        )
        changed = replace(message, reactions={**message.reactions, **reactions})
        await self.store.apply(Effects(changed=[changed], journal=[event]))
        return await self.plan(event, (await self.message())[1])


def where(plan: Plan) -> list[tuple[str, str]]:
    return sorted((task.channel, task.address) for task in plan.tasks)


@pytest.fixture
async def team() -> Team:
    made = Team()
    await made.populate()
    return made


async def test_the_group_is_reached_by_one_task_and_the_others_as_usual(team: Team) -> None:
    plan = await team.send()
    assert where(plan) == [("telegram", "-7"), ("whatsapp", "whatsapp address")]
    task = next(one for one in plan.tasks if one.channel == "telegram")
    assert set(task.users) == {team.davi, team.eva}
    assert (task.account_id, task.from_name) == (team.telegram, "Ana")
    assert plan.reports == []


async def test_the_task_keeps_its_id_when_members_come_and_go(team: Team) -> None:
    event, command = await team.message()
    [before] = [one for one in (await team.plan(event, command)).tasks if one.address == "-7"]
    await team.directory.members.remove(team.talk.id, team.davi)
    [after] = [one for one in (await team.plan(event, command)).tasks if one.address == "-7"]
    assert (after.task_id, after.users) == (before.task_id, (team.eva,))


async def test_what_was_written_in_the_group_is_not_sent_there(team: Team) -> None:
    plan = await team.plan(*await team.from_group(team.davi))
    assert where(plan) == [("whatsapp", "whatsapp address")]
    assert plan.tasks[0].from_name == "Davi"
    assert plan.reports == []


async def test_what_a_member_writes_elsewhere_is_seen_in_the_group(team: Team) -> None:
    plan = await team.send(sender=team.rita, channel="whatsapp")
    assert where(plan) == [("telegram", "-7")]
    alone = await team.send(sender=team.davi, channel="telegram")
    assert ("telegram", "-7") in where(alone), "written to the bot alone"


async def test_a_message_for_some_never_goes_to_the_whole_group(team: Team) -> None:
    plan = await team.send(to=(team.davi, team.rita))
    assert where(plan) == [("whatsapp", "whatsapp address")]
    assert why(plan) == [("telegram", "never_wrote")]


async def test_who_was_seen_in_a_group_only_has_to_write_first(team: Team) -> None:
    await team.converse(team.davi, private=True)
    for asked in ((), ("telegram",), ("all",)):
        plan = await team.send(*asked)
        assert (plan.tasks, why(plan)) == ([], [("telegram", "never_wrote")])
    [channel] = (await team.directory.channels.of_users([team.davi]))[team.davi]
    await team.directory.channels.set_reachable(channel.id)
    assert where(await team.send()) == [("telegram", "davi")]


async def test_another_way_is_used_when_one_is_closed(team: Team) -> None:
    await team.link(team.davi, "whatsapp", team.whatsapp)
    await team.converse(team.davi, private=True)
    assert where(await team.send()) == [("whatsapp", "whatsapp address")]
    assert where(await team.send("telegram", "whatsapp")) == [("whatsapp", "whatsapp address")]


async def test_a_channel_that_was_asked_for_comes_before_the_group(team: Team) -> None:
    plan = await team.send("whatsapp")
    assert where(plan) == [("whatsapp", "whatsapp address")]
    assert sorted(why(plan)) == [("whatsapp", "no_channel")] * 2
    plan = await team.send("whatsapp", "telegram")
    assert where(plan) == [("telegram", "-7"), ("whatsapp", "whatsapp address")]


async def test_a_group_that_the_account_has_left_fails_for_each_who_is_in_it(team: Team) -> None:
    later = Moment(NOW.at.replace(year=2027))
    await team.directory.group_chats.change(team.key, at=later, present=False)
    plan = await team.send()
    assert where(plan) == [("whatsapp", "whatsapp address")]
    assert why(plan) == [("telegram", "not_in_group")] * 2
    assert {one.entry.user_id for one in plan.reports} == {team.davi, team.eva}


async def test_a_group_is_never_reached_by_another_account(team: Team) -> None:
    account = await team.directory.accounts.get(team.telegram)
    assert account is not None
    await team.account("telegram")
    await team.directory.accounts.put(replace(account, enabled=False))
    assert why(await team.send()) == [("telegram", "no_account")] * 2


async def test_the_next_channel_of_a_member_may_be_the_group(team: Team) -> None:
    await team.link(team.davi, "whatsapp", team.whatsapp)
    event, command = await team.message("whatsapp", "telegram")
    tasks = (await team.plan(event, command)).tasks
    [group] = [one for one in tasks if one.address == "-7"]
    assert group.users == (team.eva,)
    entry = replace(
        await team.sent(event.message, team.eva),
        user_id=team.davi,
        channel="whatsapp",
        status=Status.FAILED,
        error=Failure(code="undeliverable", text="no"),
    )
    await team.store.apply(Effects(statuses=[entry]))
    failed = StatusChanged(position=team.talk.next_position(), entry=entry, sender=team.ana)
    [report] = (await team.plan(failed, command)).reports
    begun = StatusChanged(position=team.talk.next_position(), entry=report.entry, sender=team.ana)
    [task] = (await team.plan(begun, command)).tasks
    assert (task.address, task.users) == ("-7", (team.davi,))
    assert task.task_id != group.task_id


async def test_an_edit_is_carried_to_the_group_once(team: Team) -> None:
    event, command = await team.message()
    await team.sent(event.message, team.davi, team.eva)
    edit = team.talk.edit(event.message, "new")
    await team.store.apply(edit)
    [task] = (await team.plan(edit.journal[0], command)).tasks
    assert (task.kind, task.address, task.payload) == (DeliveryKind.EDIT, "-7", text("new"))
    deletion = team.talk.delete(event.message)
    await team.store.apply(deletion)
    [task] = (await team.plan(deletion.journal[0], command)).tasks
    assert (task.kind, task.address) == (DeliveryKind.DELETE, "-7")


async def test_an_edit_made_in_the_group_is_not_carried_there(team: Team) -> None:
    event, command = await team.from_group(team.davi)
    await team.sent(event.message, team.davi, external_id="5")
    edit = team.talk.edit(event.message, "new")
    await team.store.apply(edit)
    assert (await team.plan(edit.journal[0], command)).tasks == []


async def test_a_change_on_the_way_follows_once_for_all(team: Team) -> None:
    event, command = await team.message()
    edit = team.talk.edit(event.message, "new")
    await team.store.apply(edit)
    first = await team.sent(event.message, team.davi, team.eva)
    tasks = []
    for user in (team.davi, team.eva):
        entry = replace(first, user_id=user)
        told = StatusChanged(position=team.talk.next_position(), entry=entry, sender=team.ana)
        tasks += (await team.plan(told, command)).tasks
    assert [(one.kind, one.address) for one in tasks] == [(DeliveryKind.EDIT, "-7")]


async def test_reactions_of_those_elsewhere_are_shown_in_the_group(team: Team) -> None:
    event, _ = await team.from_group(team.davi)
    await team.sent(event.message, team.davi, external_id="5")
    assert (await team.react(event.message, team.eva)).tasks == [], "made in the group itself"
    kept = (await team.store.find([event.message.message_id]))[event.message.message_id].message
    [task] = (await team.react(kept, team.ana, "🎉")).tasks
    assert (task.kind, task.address, task.emojis) == (DeliveryKind.REACTIONS, "-7", ("🎉",))


async def test_a_copy_at_an_address_that_the_group_had_is_left_alone(team: Team) -> None:
    event, command = await team.message()
    await team.sent(event.message, team.davi, team.eva)
    await team.directory.group_chats.move(team.key, "-1007")
    edit = team.talk.edit(event.message, "new")
    await team.store.apply(edit)
    assert (await team.plan(edit.journal[0], command)).tasks == []
    assert ("telegram", "-1007") in where(await team.send())
