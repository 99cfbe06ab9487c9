"""Decides which channel carries an event to whom: the seed's connector router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chat4all.domain.commands import Command, ReportStatus, SubmitMessage
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import (
    Channel,
    Conversation,
    ConversationType,
    User,
    UserKind,
)
from chat4all.domain.events import (
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId, derived_id
from chat4all.domain.messages import Message
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import MessageData
from chat4all.ports.routes import Routes
from chat4all.router.choosing import Chooser, LastChannels, People
from chat4all.router.failover import Failover

EXPIRES_AFTER = timedelta(hours=24)
"""How long a message, or a change of one, is worth delivering."""


@dataclass(slots=True)
class Plan:
    """Tasks for connectors, and failures that are known before any is asked."""

    tasks: list[DeliveryTask] = field(default_factory=list)
    reports: list[ReportStatus] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sending:
    """One message for one recipient by one channel."""

    message: Message
    user: User
    channel: Channel
    conversation: Conversation
    sender: User | None


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

    async def plan(self, event: Event, command: Command, plan: Plan) -> None:
        """Add to `plan` what `event`, which follows from `command`, asks of the channels."""
        if isinstance(event, MessageAdded):
            if isinstance(command, SubmitMessage) and not command.history:
                await self._added(event.message, command, plan)
        elif isinstance(event, StatusChanged):
            await self._overtaken(event, plan)
            await self._fall_back(event, plan)
        elif isinstance(event, MessageEdited):
            await self._changed(event, event.message, event.message.sender, plan)
        elif isinstance(event, MessageDeleted | ReactionChanged):
            if isinstance(event, MessageDeleted) and event.only_for is not None:
                return
            kept = await self._store.find([event.message_id])
            if event.message_id in kept:
                actor = event.actor if isinstance(event, MessageDeleted) else event.user_id
                await self._changed(event, kept[event.message_id].message, actor, plan)

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
        channels = await self._people.channels(recipients)
        users = await self._people.users([*recipients, message.sender])
        for recipient in recipients:
            user = users.get(recipient)
            theirs = channels.get(recipient, ())
            if user is None or (user.kind is not UserKind.CONTACT and not theirs):
                continue
            choice = await self._chooser.choose(user, theirs, command.channels)
            await self._failover.begin(message, user.id, choice.order, command.failover)
            if choice.missing is not None:
                plan.reports.append(_no_channel(message, user.id, choice.missing))
            for channel in choice.channels:
                sending = _Sending(message, user, channel, conversation, users.get(message.sender))
                await self._carry(sending, plan)

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
        channel = next((one for one in channels if one.platform == entry.channel), None)
        if channel is None or entry.user_id not in users:
            missing = _no_channel(message, entry.user_id, entry.channel, at=entry.at)
            plan.reports.append(missing)
            return
        sending = _Sending(
            message, users[entry.user_id], channel, conversation, users.get(message.sender)
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
        message, channel = sending.message, sending.channel
        conversation, sender = sending.conversation, sending.sender
        since = since or message.created_at
        account = await self._chooser.account(channel, conversation)
        if account is None:
            plan.reports.append(_no_account(message, sending.user.id, channel.platform, at=since))
            return
        await self._route(channel, account, conversation.id)
        named = conversation.type is ConversationType.GROUP and sender is not None
        plan.tasks.append(
            DeliveryTask(
                task_id=derived_id("deliver", message.message_id, sending.user.id, channel.id),
                kind=DeliveryKind.MESSAGE,
                channel=channel.platform,
                account_id=account,
                address=channel.external_id,
                user_id=sending.user.id,
                conversation_id=message.conversation_id,
                message_id=message.message_id,
                expires_at=since + EXPIRES_AFTER,
                payload=message.payload,
                from_name=sender.display_name if named and sender else None,
                reply_to=message.reply_to,
                unless=unless,
            )
        )

    async def _route(
        self, channel: Channel, account: AccountId, conversation: ConversationId
    ) -> None:
        """Remember where the talk of this chat now is, so that an answer finds it."""
        known = await self._routes.get(channel.platform, account, channel.external_id)
        if known != conversation:
            await self._routes.set(channel.platform, account, channel.external_id, conversation)

    async def _changed(
        self,
        event: MessageEdited | MessageDeleted | ReactionChanged,
        message: Message,
        actor: UserId,
        plan: Plan,
    ) -> None:
        """Carry an edit, a deletion or a reaction to where the message was sent."""
        kind = _KINDS[type(event)]
        at = (event.message.edited_at if isinstance(event, MessageEdited) else event.at) or (
            message.created_at
        )
        for entry in await self._reached(message.message_id):
            theirs = entry.user_id == message.sender and kind is not DeliveryKind.REACTIONS
            if entry.user_id != actor and not theirs:
                await self._carry_change(event.position, at, kind, message, entry, plan)

    async def _overtaken(self, event: StatusChanged, plan: Plan) -> None:
        """Carry what was changed while the message was on its way to the platform."""
        entry = event.entry
        if entry.status is not Status.SENT or entry.external_id is None or entry.address is None:
            return
        kept = (await self._store.find([entry.message_id])).get(entry.message_id)
        if kept is None:
            return
        kinds = []
        if kept.message.deleted_at is not None:
            kinds.append(DeliveryKind.DELETE)
        elif kept.message.edited_at is not None:
            kinds.append(DeliveryKind.EDIT)
        if kept.message.reactions:
            kinds.append(DeliveryKind.REACTIONS)
        for kind in kinds:
            await self._carry_change(event.position, entry.at, kind, kept.message, entry, plan)

    async def _carry_change(
        self,
        position: Position,
        at: datetime,
        kind: DeliveryKind,
        message: Message,
        entry: StatusEntry,
        plan: Plan,
    ) -> None:
        conversation = await self._people.conversation(message.conversation_id)
        channel = await self._channel(entry)
        if conversation is None or channel is None:
            return
        account = entry.account_id or await self._chooser.account(channel, conversation)
        if account is None:
            return
        group = conversation.type is ConversationType.GROUP
        sender = (await self._people.users([message.sender])).get(message.sender) if group else None
        name = sender.display_name if sender else None
        place = f"{position.partition}.{position.offset}"
        plan.tasks.append(
            DeliveryTask(
                task_id=derived_id("change", place, kind, entry.user_id, entry.channel),
                kind=kind,
                channel=entry.channel,
                account_id=account,
                address=channel.external_id,
                user_id=entry.user_id,
                conversation_id=message.conversation_id,
                message_id=message.message_id,
                expires_at=at + EXPIRES_AFTER,
                payload=message.payload,
                from_name=name,
                emojis=_emojis_of_others(message, entry.user_id),
            )
        )

    async def _reached(self, message: MessageId) -> Sequence[StatusEntry]:
        """Return one entry per recipient and channel the platform has an id for."""
        entries = {
            (entry.user_id, entry.channel): entry
            for entry in reversed(await self._store.statuses([message]))
            if entry.external_id is not None and entry.address is not None
        }
        return list(entries.values())

    async def _channel(self, entry: StatusEntry) -> Channel | None:
        channels = await self._people.channels([entry.user_id])
        return next(
            (
                channel
                for channel in channels.get(entry.user_id, ())
                if (channel.platform, channel.external_id) == (entry.channel, entry.address)
            ),
            None,
        )


_KINDS: dict[type[object], DeliveryKind] = {
    MessageEdited: DeliveryKind.EDIT,
    MessageDeleted: DeliveryKind.DELETE,
    ReactionChanged: DeliveryKind.REACTIONS,
}


def _emojis_of_others(message: Message, user: UserId) -> tuple[str, ...]:
    return tuple(
        emoji for emoji, users in message.reactions.items() if any(one != user for one in users)
    )


def _no_channel(
    message: Message, user: UserId, channel: str, *, at: datetime | None = None
) -> ReportStatus:
    failure = Failure(code="no_channel", text=f"no {channel} channel is known")
    return _refusal(message, user, channel, failure, at or message.created_at)


def _no_account(message: Message, user: UserId, channel: str, *, at: datetime) -> ReportStatus:
    detail = f"no {channel} account is connected; add one to reach this contact"
    return _refusal(message, user, channel, Failure(code="no_account", text=detail), at)


def _refusal(
    message: Message, user: UserId, channel: str, failure: Failure, at: datetime
) -> ReportStatus:
    entry = StatusEntry(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        user_id=user,
        channel=channel,
        status=Status.FAILED,
        at=at,
        error=failure,
    )
    return ReportStatus(conversation_id=message.conversation_id, entry=entry)
