"""Who stands behind an address on a platform: found, created, or linked by a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import structlog

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
from chat4all.domain.errors import ChannelTaken, Conflict
from chat4all.domain.ids import ChannelId, ConversationId, UserId, derived_id, new_id
from chat4all.domain.inbound import GroupPerson, IncomingMessage
from chat4all.domain.messages import Message
from chat4all.ports.directory import Directory

log = structlog.get_logger(__name__)

_MAX_NAME = 200  # characters of a name that a stranger chose


class Identities:
    """The people that write to connector accounts.

    `waiting` are the platforms on which an account may not write to a person first.
    """

    def __init__(self, directory: Directory, *, waiting: Collection[str] = ()) -> None:
        self._directory = directory
        self._waiting = frozenset(waiting)

    async def known(self, account: Account, address: str) -> UserId | None:
        """Return the user with this address, or None."""
        channel = await self._channel(account, address)
        return None if channel is None else channel.user_id

    async def author(self, account: Account, event: IncomingMessage, *, at: datetime) -> UserId:
        """Return who wrote in private; a stranger becomes a contact of the account's owner."""
        channel = await self._channel(account, event.address)
        if channel is None:
            source = _identity(account, event.address, at)
            return await self._admit(source, account, event.author_name, event.external_id)
        await self._is_reachable(channel)
        return channel.user_id

    async def in_group(
        self, account: Account, person: GroupPerson, address: str, *, at: datetime
    ) -> UserId:
        """Return who a person in the group at `address` is; a stranger becomes a contact.

        Where an account may not write first they cannot be reached in private, and a group
        that speaks itself (an administrator who stays anonymous) never.
        """
        known = await self.known(account, person.author)
        if known is not None:
            return known
        reachable = account.platform not in self._waiting and person.author != address
        source = replace(_identity(account, person.author, at), reachable=reachable)
        return await self._admit(source, account, person.name, address)

    async def speaker(self, conversation: ConversationId, user: UserId) -> UserId | None:
        """Return as whom `user` is in a conversation; None when they are not.

        Contacts that were merged are one person, which may be in it as any of them.
        """
        found = await self._directory.conversations.get(conversation)
        if found is None or found.member(user) is not None:
            return None if found is None else user
        person = await self._directory.contact_merges.person(user)
        return next((one for one in person if found.member(one) is not None), None)

    async def author_of(self, message: Message, user: UserId) -> UserId | None:
        """Return as whom `user` wrote a message; None when it was not theirs."""
        if message.sender == user:
            return user
        person = await self._directory.contact_merges.person(user)
        return message.sender if message.sender in person else None

    async def private(
        self, account: Account, user: UserId, *, at: datetime
    ) -> tuple[Conversation, UserId] | None:
        """Return the private conversation of `user` and the owner, or None when there is none.

        And as whom `user` is in it: where they have none of their own, one that somebody has
        who is the same person is theirs.

        An account of a person is theirs alone. One of a service serves everybody, so there a
        contact writes to the person in whose address book they stand, and a person to nobody.
        """
        owner = await self._owner(account, user)
        if user == owner:
            return None
        there = await self._of_person(owner, user)
        if there is not None:
            return there
        conversation = Conversation(
            id=ConversationId(new_id()),
            type=ConversationType.PRIVATE,
            created_by=owner,
            created_at=at,
            members=(
                Member(user_id=owner, role=Role.OWNER, joined_at=at),
                Member(user_id=user, role=Role.MEMBER, joined_at=at),
            ),
        )
        return await self._directory.conversations.create(conversation), user

    async def _of_person(self, owner: UserId, user: UserId) -> tuple[Conversation, UserId] | None:
        """Return the private conversation that the owner has with one of a merged person."""
        person = await self._directory.contact_merges.person(user)
        for one in dict.fromkeys([user, *person]) if len(person) > 1 else ():
            for talk in await self._directory.conversations.of_user(one):
                if talk.type is ConversationType.PRIVATE and talk.member(owner) is not None:
                    return talk, one
        return None

    async def link(self, account: Account, event: IncomingMessage, *, at: datetime) -> str:
        """Tie the address to the user of the event's code; return what to tell its person."""
        code = event.link_code or ""
        user = await self._directory.link_codes.take(code, platform=account.platform, at=at)
        channel = await self._channel(account, event.address)
        if user is None:
            return await self._why_not(channel)
        if channel is None:
            source = _identity(account, event.address, at)
            await self._directory.channels.link(replace(source, user_id=user))
        else:
            await self._is_reachable(channel)
            if channel.user_id != user:
                await self._directory.channels.relink(channel.id, user)
        log.info("identity linked", platform=account.platform, account=account.id, user=user)
        return f"This chat is now linked to {await self._name(user)} on Chat4All."

    async def _owner(self, account: Account, user: UserId) -> UserId:
        found = await self._directory.users.get_many([account.owner_id, user])
        ours, theirs = found.get(account.owner_id), found.get(user)
        if ours is None or ours.kind is not UserKind.SERVICE or theirs is None:
            return account.owner_id
        return theirs.owner_id or user

    async def _channel(self, account: Account, address: str) -> Channel | None:
        return await self._directory.channels.resolve(account.platform, account.id, address)

    async def _is_reachable(self, channel: Channel) -> None:
        """Keep that somebody who was only seen in groups has written to the account."""
        if not channel.reachable:
            await self._directory.channels.set_reachable(channel.id)

    async def _why_not(self, channel: Channel | None) -> str:
        found = await self._directory.users.get_many([channel.user_id]) if channel else {}
        user = next(iter(found.values()), None)
        if user is not None and user.kind is not UserKind.CONTACT:
            # A platform may repeat a callback whose code was used the first time.
            return f"This chat is linked to {user.display_name} on Chat4All."
        return "This code is not valid. Codes work once and expire: ask for a new one."

    async def _name(self, user: UserId) -> str:
        found = await self._directory.users.get_many([user])
        return found[user].display_name if user in found else "an account"

    async def _admit(self, channel: Channel, account: Account, name: str, source: str) -> UserId:
        """Make a contact that is reached by `channel`; it is for who was met in `source`."""
        # The id follows from the message, so that a repeat after a crash makes nobody twice.
        parts = ("contact", account.platform, account.id, channel.external_id, source)
        contact = User(
            id=UserId(derived_id(*parts)),
            kind=UserKind.CONTACT,
            display_name=name.strip()[:_MAX_NAME] or channel.external_id,
            owner_id=account.owner_id,
            created_at=channel.linked_at,
        )
        users = self._directory.users
        if contact.id not in await users.get_many([contact.id]):
            try:
                await users.add(contact)
            except Conflict:  # a contact that was removed leaves its id reserved
                contact = replace(contact, id=UserId(new_id()))
                await users.add(contact)
        try:
            linked = await self._directory.channels.link(replace(channel, user_id=contact.id))
        except ChannelTaken:  # by another callback of the same stranger, in this moment
            await users.remove(contact.id)
            winner = await self.known(account, channel.external_id)
            if winner is None:
                raise
            return winner
        return linked.user_id


def _identity(account: Account, address: str, at: datetime) -> Channel:
    """Return the channel of an address, which is nobody's yet."""
    return Channel(
        id=ChannelId(new_id()),
        user_id=UserId(""),
        platform=account.platform,
        external_id=address,
        account_id=account.id,
        linked_at=at,
    )
