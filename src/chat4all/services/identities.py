"""Who stands behind an address on a platform: found, created, or linked by a code."""

from __future__ import annotations

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
from chat4all.domain.inbound import IncomingMessage
from chat4all.ports.directory import Directory

log = structlog.get_logger(__name__)

_MAX_NAME = 200  # characters of a name that a stranger chose


class Identities:
    """The people that write to connector accounts."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def known(self, account: Account, address: str) -> UserId | None:
        """Return the user with this address, or None."""
        channel = await self._channel(account, address)
        return None if channel is None else channel.user_id

    async def author(self, account: Account, event: IncomingMessage, *, at: datetime) -> UserId:
        """Return who wrote; a stranger becomes a contact of the account's owner."""
        return await self.known(account, event.address) or await self._admit(account, event, at)

    async def private(self, account: Account, user: UserId, *, at: datetime) -> Conversation | None:
        """Return the private conversation of `user` and the owner, or None when there is none.

        An account of a person is theirs alone. One of a service serves everybody, so there a
        contact writes to the person in whose address book they stand, and a person to nobody.
        """
        owner = await self._owner(account, user)
        if user == owner:
            return None
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
        return await self._directory.conversations.create(conversation)

    async def link(self, account: Account, event: IncomingMessage, *, at: datetime) -> str:
        """Tie the address to the user of the event's code; return what to tell its person."""
        code = event.link_code or ""
        user = await self._directory.link_codes.take(code, platform=account.platform, at=at)
        channel = await self._channel(account, event.address)
        if user is None:
            return await self._why_not(channel)
        if channel is None:
            await self._directory.channels.link(_identity(account, event.address, user, at))
        elif channel.user_id != user:
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

    async def _admit(self, account: Account, event: IncomingMessage, at: datetime) -> UserId:
        # The id follows from the message, so that a repeat after a crash makes nobody twice.
        name = (event.title or event.author_name).strip()[:_MAX_NAME] or event.address
        contact = User(
            id=UserId(
                derived_id(
                    "contact", account.platform, account.id, event.address, event.external_id
                )
            ),
            kind=UserKind.CONTACT,
            display_name=name,
            owner_id=account.owner_id,
            created_at=at,
        )
        users = self._directory.users
        if contact.id not in await users.get_many([contact.id]):
            try:
                await users.add(contact)
            except Conflict:  # a contact that was removed leaves its id reserved
                contact = replace(contact, id=UserId(new_id()))
                await users.add(contact)
        try:
            linked = await self._directory.channels.link(
                _identity(account, event.address, contact.id, at)
            )
        except ChannelTaken:  # by another callback of the same stranger, in this moment
            await users.remove(contact.id)
            winner = await self.known(account, event.address)
            if winner is None:
                raise
            return winner
        return linked.user_id


def _identity(account: Account, address: str, user: UserId, at: datetime) -> Channel:
    return Channel(
        id=ChannelId(new_id()),
        user_id=user,
        platform=account.platform,
        external_id=address,
        account_id=account.id,
        linked_at=at,
    )
