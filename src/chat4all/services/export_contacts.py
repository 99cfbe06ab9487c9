"""An address book as a file; taken in again, it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from chat4all.domain.directory import Channel
from chat4all.domain.ids import UserId
from chat4all.services.addresses import Addresses
from chat4all.services.contact_files import FileFormat, Written, write_cards
from chat4all.services.contacts import ContactCard, Contacts
from chat4all.services.phone_numbers import NotAPhoneNumber

PAGE = 200
"""Contacts that are read and written at once."""


class ExportContacts:
    """Writes address books."""

    def __init__(self, contacts: Contacts, addresses: Addresses) -> None:
        self._contacts = contacts
        self._addresses = addresses

    async def __call__(self, owner: UserId, format_: FileFormat) -> AsyncIterator[bytes]:
        """Yield the file piece by piece, by the contacts' ids; never an empty piece.

        A contact that is added or changed meanwhile is in it as it was when its page was read.
        """
        after: UserId | None = None
        first = True
        while True:
            cards = await self._contacts.search(owner, after=after, limit=PAGE)
            piece = write_cards([self._written(one) for one in cards], format_, first=first)
            if piece:
                yield piece
            if len(cards) < PAGE:
                return
            after, first = cards[-1].user.id, False

    def _written(self, card: ContactCard) -> Written:
        numbers = {one.id: self._phone(one) for one in card.channels}
        return Written(
            id=card.user.id,
            name=card.user.display_name,
            phones=[number for number in numbers.values() if number is not None],
            channels=[self._channel(one) for one in card.channels if numbers[one.id] is None],
            preferred_channel=card.user.preferred_channel,
        )

    def _phone(self, channel: Channel) -> str | None:
        """Return the number where a number alone says this channel: other programs read it."""
        if [channel.platform] != list(self._addresses.phone_platforms):
            return None
        number = self._addresses.number_of(channel.platform, channel.external_id)
        if channel.account_id is not None or number is None:
            return None
        return number if self._says(channel, number) else None

    def _channel(self, channel: Channel) -> str:
        """Return PLATFORM:ID?account=UUID; the plus of a number leaves no country to guess."""
        number = self._addresses.number_of(channel.platform, channel.external_id)
        said = number if number is not None and self._says(channel, number) else None
        text = f"{channel.platform}:{quote(said or channel.external_id, safe='')}"
        return text if channel.account_id is None else f"{text}?account={channel.account_id}"

    def _says(self, channel: Channel, number: str) -> bool:
        """Return whether an import would make of a number what the channel has."""
        try:
            return self._addresses.canonical(channel.platform, number) == channel.external_id
        except NotAPhoneNumber:
            return False
