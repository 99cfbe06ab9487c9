"""Decides which channel carries an event to whom: the seed's connector router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from chat4all.domain.commands import Command, ReportStatus, SubmitMessage
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.directory import (
    Account,
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
from chat4all.domain.messages import APP, Message
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import MessageData
from chat4all.ports.routes import Routes

EXPIRES_AFTER = timedelta(hours=24)
"""How long a message, or a change of one, is worth delivering."""
ALL = "all"


class People(Protocol):
    """What the planner asks of the directory; answered from a cache."""

    async def conversation(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        ...

    async def users(self, users: Sequence[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        ...

    async def channels(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the external identities of each."""
        ...

    async def accounts(self, platform: str) -> Sequence[Account]:
        """Return the enabled accounts of a platform, oldest first."""
        ...


class LastChannels(Protocol):
    """The channel each person last wrote by."""

    async def remember(self, user: UserId, channel: str) -> None:
        """Keep that `user` wrote by `channel`."""
        ...

    async def last_channel(self, user: UserId) -> str | None:
        """Return it, or None when not known."""
        ...


@dataclass(slots=True)
class Plan:
    """Tasks for connectors, and failures that are known before any is asked."""

    tasks: list[DeliveryTask] = field(default_factory=list)
    reports: list[ReportStatus] = field(default_factory=list)


class Planner:
    """Turns events into delivery tasks."""

    def __init__(
        self, people: People, store: MessageData, last: LastChannels, routes: Routes
    ) -> None:
        self._people = people
        self._store = store
        self._last = last
        self._routes = routes

    async def plan(self, event: Event, command: Command, plan: Plan) -> None:
        """Add to `plan` what `event`, which follows from `command`, asks of the channels."""
        if isinstance(event, MessageAdded):
            if isinstance(command, SubmitMessage) and not command.history:
                await self._added(event.message, command.channels, plan)
        elif isinstance(event, StatusChanged):
            await self._overtaken(event, plan)
        elif isinstance(event, MessageEdited):
            await self._changed(event, event.message, event.message.sender, plan)
        elif isinstance(event, MessageDeleted | ReactionChanged):
            if isinstance(event, MessageDeleted) and event.only_for is not None:
                return
            kept = await self._store.find([event.message_id])
            if event.message_id in kept:
                actor = event.actor if isinstance(event, MessageDeleted) else event.user_id
                await self._changed(event, kept[event.message_id].message, actor, plan)

    async def _added(self, message: Message, wanted: Sequence[str], plan: Plan) -> None:
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
            for choice in await self._choose(user, theirs, wanted):
                await self._carry(message, user, choice, conversation, users, plan)

    async def _choose(
        self, user: User, channels: Sequence[Channel], wanted: Sequence[str]
    ) -> list[Channel | str]:
        """Return the channels to use, or the name of one that was asked for and is not there."""
        by_platform = {channel.platform: channel for channel in reversed(channels)}
        in_app = user.kind is not UserKind.CONTACT
        if ALL in wanted:
            return list(by_platform.values()) or ([] if in_app else [APP])
        for name in wanted:
            if name in by_platform or (name == APP and in_app):
                return [by_platform[name]] if name in by_platform else []
        for usual in (user.preferred_channel, await self._last.last_channel(user.id)):
            if wanted or (usual == APP and in_app):
                break
            if usual in by_platform:
                return [by_platform[usual]]
        if in_app:
            return []
        first = channels[0] if channels and not wanted else None
        return [first or next(iter(wanted), APP)]

    async def _carry(
        self,
        message: Message,
        user: User,
        choice: Channel | str,
        conversation: Conversation,
        users: Mapping[UserId, User],
        plan: Plan,
    ) -> None:
        if isinstance(choice, str):
            plan.reports.append(
                _refusal(message, user.id, choice, "no_channel", f"no {choice} channel is known")
            )
            return
        account = await self._account(choice, conversation)
        if account is None:
            detail = f"no {choice.platform} account is connected; add one to reach this contact"
            plan.reports.append(_refusal(message, user.id, choice.platform, "no_account", detail))
            return
        await self._route(choice, account, conversation.id)
        sender = users.get(message.sender)
        named = conversation.type is ConversationType.GROUP and sender is not None
        plan.tasks.append(
            DeliveryTask(
                task_id=derived_id("deliver", message.message_id, user.id, choice.id),
                kind=DeliveryKind.MESSAGE,
                channel=choice.platform,
                account_id=account,
                address=choice.external_id,
                user_id=user.id,
                conversation_id=message.conversation_id,
                message_id=message.message_id,
                expires_at=message.created_at + EXPIRES_AFTER,
                payload=message.payload,
                from_name=sender.display_name if named and sender else None,
                reply_to=message.reply_to,
            )
        )

    async def _route(
        self, channel: Channel, account: AccountId, conversation: ConversationId
    ) -> None:
        """Remember where the talk of this chat now is, so that an answer finds it."""
        known = await self._routes.get(channel.platform, account, channel.external_id)
        if known != conversation:
            await self._routes.set(channel.platform, account, channel.external_id, conversation)

    async def _account(self, channel: Channel, conversation: Conversation) -> AccountId | None:
        accounts = await self._people.accounts(channel.platform)
        for account in accounts:
            if account.id == channel.account_id:
                return account.id
        owned = (one.id for one in accounts if conversation.member(one.owner_id) is not None)
        return next(owned, accounts[0].id if accounts else None)

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
        account = entry.account_id or await self._account(channel, conversation)
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


def _refusal(message: Message, user: UserId, channel: str, code: str, detail: str) -> ReportStatus:
    return ReportStatus(
        conversation_id=message.conversation_id,
        entry=StatusEntry(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            user_id=user,
            channel=channel,
            status=Status.FAILED,
            at=message.created_at,
            error=Failure(code=code, text=detail),
        ),
    )
