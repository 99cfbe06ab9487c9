"""Address books: people one reaches through channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import ChannelTaken, UserNotFound
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.ports.conversations import Channels
from chat4all.ports.users import Users
from chat4all.services.addresses import AS_WRITTEN, Address, Addresses
from chat4all.services.clock import Clock, utc_now
from chat4all.services.unset import UNSET, Unset


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCard:
    """A contact with its channels, oldest first."""

    user: User
    channels: Sequence[Channel]


class Contacts:
    """One owner's contacts. Another owner's raise `UserNotFound`, as if they were not there."""

    def __init__(
        self,
        users: Users,
        channels: Channels,
        addresses: Addresses = AS_WRITTEN,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._users = users
        self._channels = channels
        self._addresses = addresses
        self._now = now

    async def create(
        self, owner: UserId, *, display_name: str, addresses: Sequence[Address]
    ) -> ContactCard:
        """Add a contact. Raises `ChannelTaken` and keeps nothing when an address is in use."""
        addresses = self._addresses.all(addresses)
        contact = User(
            id=UserId(new_id()),
            kind=UserKind.CONTACT,
            display_name=display_name,
            owner_id=owner,
            created_at=self._now(),
        )
        await self._users.add(contact)
        try:
            await self._link(contact.id, addresses)
        except ChannelTaken:
            await self._users.remove(contact.id)
            raise
        return await self._card(contact)

    async def get(self, owner: UserId, contact: UserId) -> ContactCard:
        """Return one contact."""
        return await self._card(await self._own(owner, contact))

    async def search(
        self, owner: UserId, words: str = "", *, after: UserId | None = None, limit: int
    ) -> Sequence[ContactCard]:
        """Return the contacts whose name contains `words`, by id."""
        found = await self._users.search(
            words, kind=UserKind.CONTACT, owner=owner, after=after, limit=limit
        )
        channels = await self._channels.of_users([one.id for one in found])
        return [ContactCard(user=one, channels=channels.get(one.id, ())) for one in found]

    async def change(
        self,
        owner: UserId,
        contact: UserId,
        *,
        display_name: str | Unset = UNSET,
        preferred_channel: str | Unset | None = UNSET,
        addresses: Sequence[Address] | Unset = UNSET,
    ) -> ContactCard:
        """Change the given fields; `addresses` replaces all channels."""
        user = await self._own(owner, contact)
        if not isinstance(addresses, Unset):
            await self._replace_channels(contact, self._addresses.all(addresses))
        changed = replace(
            user,
            display_name=user.display_name if isinstance(display_name, Unset) else display_name,
            preferred_channel=(
                user.preferred_channel
                if isinstance(preferred_channel, Unset)
                else preferred_channel
            ),
        )
        await self._users.update(changed)
        return await self._card(changed)

    async def delete(self, owner: UserId, contact: UserId) -> None:
        """Forget a contact and its channels; messages keep their author's id."""
        await self._own(owner, contact)
        await self._users.remove(contact)

    async def _own(self, owner: UserId, contact: UserId) -> User:
        user = (await self._users.get_many([contact])).get(contact)
        if user is None or user.kind is not UserKind.CONTACT or user.owner_id != owner:
            raise UserNotFound("no such contact")
        if user.merged_into is not None:
            raise UserNotFound(f"this contact was merged into {user.merged_into}")
        return user

    async def _card(self, user: User) -> ContactCard:
        channels = await self._channels.of_users([user.id])
        return ContactCard(user=user, channels=channels.get(user.id, ()))

    async def _link(self, contact: UserId, addresses: Sequence[Address]) -> Sequence[Channel]:
        return [
            await self._channels.link(
                Channel(
                    id=ChannelId(new_id()),
                    user_id=contact,
                    platform=one.platform,
                    external_id=one.external_id,
                    account_id=one.account_id,
                    linked_at=self._now(),
                )
            )
            for one in addresses
        ]

    async def _replace_channels(self, contact: UserId, addresses: Sequence[Address]) -> None:
        before = (await self._channels.of_users([contact])).get(contact, ())
        kept = {channel.id for channel in await self._link(contact, addresses)}
        for channel in before:
            if channel.id not in kept:
                await self._channels.unlink(contact, channel.id)
