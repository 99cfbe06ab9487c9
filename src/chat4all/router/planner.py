"""Decides which channel carries an event to whom: the seed's connector router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chat4all.domain.commands import Command, ReportStatus, SubmitMessage
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import Conversation, ConversationType, User, UserKind
from chat4all.domain.events import (
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.group_chats import ChatKey, GroupChat
from chat4all.domain.ids import AccountId, ConversationId, derived_id
from chat4all.domain.messages import Message
from chat4all.domain.status import Status
from chat4all.ports.message_store import MessageData
from chat4all.ports.routes import Routes
from chat4all.router.changes import EXPIRES_AFTER, Changes
from chat4all.router.choosing import Chooser, LastChannels, People, Way, Ways
from chat4all.router.failover import Failover
from chat4all.router.refusals import unreachable

__all__ = ["EXPIRES_AFTER", "Plan", "Planner"]


@dataclass(slots=True)
class Plan:
    """Tasks for connectors, and failures that are known before any is asked."""

    tasks: list[DeliveryTask] = field(default_factory=list)
    reports: list[ReportStatus] = field(default_factory=list)

    def reach(self, task: DeliveryTask) -> None:
        """Add a task; one that is there already reaches one more user by it."""
        for place, one in enumerate(self.tasks):
            if one.task_id == task.task_id:
                self.tasks[place] = replace(one, others=(*one.others, *task.users))
                return
        self.tasks.append(task)


@dataclass(frozen=True, slots=True)
class _Sending:
    """One message for one recipient by one way."""

    message: Message
    user: User
    way: Way
    conversation: Conversation
    sender: User | None
    why: str | None = None


class Planner:
    """Turns events into delivery tasks."""

    def __init__(
        self,
        people: People,
        store: MessageData,
        last: LastChannels,
        routes: Routes,
        failover: Failover,
    ) -> None:
        self._people = people
        self._store = store
        self._last = last
        self._routes = routes
        self._failover = failover
        self._chooser = Chooser(people, last)
        self._changes = Changes(people, store)

    async def plan(self, event: Event, command: Command, plan: Plan) -> None:
        """Add to `plan` what `event`, which follows from `command`, asks of the channels."""
        if isinstance(event, MessageAdded):
            if isinstance(command, SubmitMessage) and not command.history:
                await self._added(event.message, command, plan)
        elif isinstance(event, StatusChanged):
            plan.tasks += await self._changes.overtaken(event)
            await self._fall_back(event, plan)
        elif isinstance(event, MessageEdited | MessageDeleted | ReactionChanged):
            plan.tasks += await self._changes.of(event)

    async def _added(self, message: Message, command: SubmitMessage, plan: Plan) -> None:
        conversation = await self._people.conversation(message.conversation_id)
        if conversation is None:
            return
        await self._last.remember(message.sender, message.channel)
        recipients = [
            member.user_id
            for member in conversation.members
            if member.user_id != message.sender
            and (message.to is None or member.user_id in message.to)
        ]
        groups = await self._groups(message)
        written = _written_in(command)
        seen = {user for one in groups if one.key == written for user in one.members}
        recipients = [user for user in recipients if user not in seen]
        channels = await self._people.channels(recipients)
        users = await self._people.users([*recipients, message.sender])
        for recipient in recipients:
            user = users.get(recipient)
            known = channels.get(recipient, ())
            if user is not None and user.kind is not UserKind.CONTACT and not known and not groups:
                continue  # most people of ours: no platform knows them
            theirs = Ways.of(recipient, known, groups)
            if user is None or (user.kind is not UserKind.CONTACT and not theirs.open):
                continue
            choice = await self._chooser.choose(user, theirs, command.channels)
            await self._failover.begin(message, user.id, choice.order, command.failover)
            if choice.missing is not None:
                plan.reports.append(unreachable(message, user.id, choice.missing, choice.code))
            for way in choice.ways:
                sending = _Sending(
                    message, user, way, conversation, users.get(message.sender), choice.why
                )
                await self._carry(sending, plan)

    async def _groups(self, message: Message) -> Sequence[GroupChat]:
        """Return the groups of platforms in which everybody may read a message."""
        if message.to is not None:
            return ()
        return await self._people.group_chats(message.conversation_id)

    async def _fall_back(self, event: StatusChanged, plan: Plan) -> None:
        """Begin with the next channel after a failure, and carry what has begun."""
        report = await self._failover.after_failure(event)
        if report is not None:
            plan.reports.append(report)
        entry = event.entry
        unless = await self._failover.started(entry)
        if unless is None:
            return
        kept = (await self._store.find([entry.message_id])).get(entry.message_id)
        conversation = await self._people.conversation(entry.conversation_id)
        if kept is None or kept.message.deleted_at is not None or conversation is None:
            return
        message = kept.message
        users = await self._people.users([entry.user_id, message.sender])
        channels = (await self._people.channels([entry.user_id])).get(entry.user_id, ())
        ways = Ways.of(entry.user_id, channels, await self._groups(message))
        way = ways.open.get(entry.channel)
        if way is None or entry.user_id not in users:
            code = ways.why_not(entry.channel)
            missing = unreachable(message, entry.user_id, entry.channel, code, at=entry.at)
            plan.reports.append(missing)
            return
        sending = _Sending(
            message, users[entry.user_id], way, conversation, users.get(message.sender)
        )
        await self._carry(sending, plan, since=entry.at, unless=unless)

    async def _carry(
        self,
        sending: _Sending,
        plan: Plan,
        *,
        since: datetime | None = None,
        unless: Status | None = None,
    ) -> None:
        message, way = sending.message, sending.way
        conversation, sender = sending.conversation, sending.sender
        at = since or message.created_at
        account = await self._chooser.account(way, conversation)
        if account is None or way.blocked is not None:
            code = way.blocked or "no_account"
            refused = unreachable(message, sending.user.id, way.platform, code, at=at)
            plan.reports.append(refused)
            return
        if way.group is None:
            await self._route(way, account, conversation.id)
        named = conversation.type is ConversationType.GROUP and sender is not None
        plan.reach(
            DeliveryTask(
                task_id=_task_id(sending, account, is_first=since is None),
                kind=DeliveryKind.MESSAGE,
                channel=way.platform,
                account_id=account,
                address=way.address,
                user_id=sending.user.id,
                conversation_id=message.conversation_id,
                message_id=message.message_id,
                expires_at=at + EXPIRES_AFTER,
                payload=message.payload,
                from_name=sender.display_name if named and sender else None,
                reply_to=message.reply_to,
                unless=unless,
                why=sending.why,
            )
        )

    async def _route(self, way: Way, account: AccountId, conversation: ConversationId) -> None:
        """Remember where the talk of this chat now is, so that an answer finds it."""
        known = await self._routes.get(way.platform, account, way.address)
        if known != conversation:
            await self._routes.set(way.platform, account, way.address, conversation)


def _task_id(sending: _Sending, account: AccountId, *, is_first: bool) -> str:
    """Return an id that a repeat has too; into a group a message goes once for all.

    So it goes to an address once, where several members are one person that it is of.
    """
    message, user, way = sending.message.message_id, sending.user.id, sending.way
    if way.channel is not None:
        return derived_id("deliver", message, way.user or user, way.channel)
    whose = () if is_first else (user,)
    return derived_id("deliver", message, account, way.address, *whose)


def _written_in(command: SubmitMessage) -> ChatKey | None:
    """Return the chat that a message was written in, where everybody has seen it."""
    if command.account_id is None or command.address is None:
        return None
    return ChatKey(command.channel, command.account_id, command.address)
