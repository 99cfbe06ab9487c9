"""Address books, many entries at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from chat4all.domain.directory import Channel, User
from chat4all.domain.ids import UserId


class PlatformAddress(NamedTuple):
    """An address on a platform, whichever accounts reach it."""

    platform: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedId:
    """An id that several contacts have: `key` is it in lower case and without a plus."""

    key: str
    channels: Sequence[Channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactBatch:
    """New contacts of `owner`, new names of contacts that there are, and channels of either."""

    owner: UserId
    contacts: Sequence[User] = ()
    names: Mapping[UserId, str] = field(default_factory=dict)
    channels: Sequence[Channel] = ()

    @property
    def changed(self) -> Collection[UserId]:
        """Return the contacts that were there before and get something new."""
        new = {one.id for one in self.contacts}
        return {*self.names, *(one.user_id for one in self.channels)} - new


class ContactBatches(Protocol):
    """Contacts and channels, kept many at a time: for imports."""

    async def holders(
        self, addresses: Collection[PlatformAddress]
    ) -> Sequence[tuple[Channel, User]]:
        """Return the channels with any of these addresses, of whatever account, and whose.

        What is of a merged contact is of the one that was kept.
        """
        ...

    async def shared(self, owner: UserId, *, after: str = "", limit: int) -> Sequence[SharedId]:
        """Return up to `limit` ids that several of the owner's contacts have, by their key.

        On whatever platforms, without regard to case and to a plus before them. Contacts that
        are merged count as one. Those whose key comes after `after`, in the storage's order.
        """
        ...

    async def keep(self, batch: ContactBatch) -> None:
        """Keep all of a batch, or nothing of it.

        Raises `ChannelTaken` when one of its addresses is, on whatever account, a channel of
        another contact of the owner, or on the same account a channel of anybody else, and
        `UserNotFound` when a contact to change is gone or merged into another: then ask for
        the holders again. Raises `Conflict` for an id that was ever used.
        """
        ...
