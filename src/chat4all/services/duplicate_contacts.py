"""Contacts that are probably one person: they have the same number or address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chat4all.domain.directory import Channel
from chat4all.domain.ids import UserId
from chat4all.ports.contacts import ContactBatches, SharedId
from chat4all.ports.conversations import Channels
from chat4all.ports.users import Users
from chat4all.services.addresses import Addresses
from chat4all.services.contacts import ContactCard

MOST = 20
"""Contacts of one suggestion: as many as one merge takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Contacts that have one `address`, by their ids; `key` is where the list goes on."""

    address: str
    contacts: Sequence[ContactCard]
    key: str


class DuplicateContacts:
    """Suggests what to merge."""

    def __init__(
        self, batches: ContactBatches, users: Users, channels: Channels, addresses: Addresses
    ) -> None:
        self._batches = batches
        self._users = users
        self._channels = channels
        self._addresses = addresses

    async def __call__(
        self, owner: UserId, *, after: str = "", limit: int
    ) -> tuple[Sequence[Duplicates], str | None]:
        """Return suggestions, and where the list goes on; None at its end.

        They are looked for in `limit` ids, so there may be fewer. An id that two platforms
        give to whomever they like says nothing: a number does, an address with an @, and the
        same id on one platform by several accounts.
        """
        shared = await self._batches.shared(owner, after=after, limit=limit)
        alike = [(one.key, address, ids) for one in shared for address, ids in self._alike(one)]
        users = await self._users.get_many({user for _, _, ids in alike for user in ids})
        kept = {user: one.merged_into or user for user, one in users.items()}
        cards = await self._cards(set(kept.values()))
        found = []
        for key, address, ids in alike:
            people = sorted({kept[user] for user in ids if user in kept} & cards.keys())
            if len(people) > 1:
                told = [cards[one] for one in people[:MOST]]
                found.append(Duplicates(address=address, contacts=told, key=key))
        return found, shared[-1].key if len(shared) == limit else None

    async def _cards(self, contacts: Collection[UserId]) -> Mapping[UserId, ContactCard]:
        users = await self._users.get_many(contacts)
        channels = await self._channels.of_users(list(contacts))
        return {
            user: ContactCard(user=one, channels=channels.get(user, ()))
            for user, one in users.items()
        }

    def _alike(self, shared: SharedId) -> Sequence[tuple[str, Sequence[UserId]]]:
        groups: dict[str, list[UserId]] = {}
        for one in shared.channels:
            groups.setdefault(self._address(one), []).append(one.user_id)
        return [(address, ids) for address, ids in groups.items() if len(set(ids)) > 1]

    def _address(self, channel: Channel) -> str:
        """Return what is the same for one person, whichever platform it is on."""
        platform, external_id = channel.platform, channel.external_id
        number = self._addresses.number_of(platform, external_id)
        if number is not None or external_id.startswith("+"):
            return number or external_id
        return external_id.lower() if "@" in external_id else f"{platform}:{external_id}"
