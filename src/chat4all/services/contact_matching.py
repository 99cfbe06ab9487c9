"""Who in an address book an entry of a file is, and what it adds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.ids import AccountId, ChannelId, UserId, new_id
from chat4all.ports.contacts import ContactBatch, PlatformAddress
from chat4all.services.addresses import Address
from chat4all.services.contact_entries import MAX_CHANNELS, Entry
from chat4all.services.contact_files import one_line


class RowStatus(StrEnum):
    """What became of an entry."""

    CREATED = "created"
    MERGED = "merged"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of the entry on `line`; `detail` is why it was refused, or what it lost."""

    line: int
    status: RowStatus
    contact: UserId | None = None
    detail: str | None = None


@dataclass(slots=True)
class _Known:
    name: str
    places: set[PlatformAddress]


@dataclass(slots=True)
class Matching:
    """What is known of one address book, with what the entries so far add to it."""

    owner: UserId
    at: datetime
    seen: set[PlatformAddress] = field(default_factory=set)
    _known: dict[UserId, _Known] = field(default_factory=dict)
    _holders: dict[PlatformAddress, set[UserId]] = field(default_factory=dict)
    _taken: set[tuple[PlatformAddress, AccountId | None]] = field(default_factory=set)
    _new: dict[UserId, User] = field(default_factory=dict)
    _names: dict[UserId, str] = field(default_factory=dict)
    _channels: list[Channel] = field(default_factory=list)

    def unseen(self, entries: Sequence[Entry]) -> Collection[PlatformAddress]:
        """Return the addresses of which nobody has said yet whose they are."""
        return {place_of(one) for entry in entries for one in entry.addresses} - self.seen

    def see(
        self,
        places: Collection[PlatformAddress],
        holders: Sequence[tuple[Channel, User]],
        channels: Mapping[UserId, Sequence[Channel]],
    ) -> None:
        """Learn who has `places`, and all the `channels` of those who are the owner's."""
        self.seen.update(places)
        for channel, user in holders:
            place = PlatformAddress(channel.platform, channel.external_id)
            if self.owner in (user.id, user.owner_id):
                self._holders.setdefault(place, set()).add(user.id)
                every = {
                    PlatformAddress(one.platform, one.external_id)
                    for one in channels.get(user.id, ())
                }
                self._known.setdefault(user.id, _Known(user.display_name, every))
            else:
                self._taken.add((place, channel.account_id))

    def decide(self, entry: Entry) -> Row:
        """Add an entry, and tell what became of it."""
        places = {place_of(one): one for one in entry.addresses}
        found = {user for place in places for user in self._holders.get(place, ())}
        if any((place, one.account_id) in self._taken for place, one in places.items()):
            return _refused(entry, "an address belongs to somebody else's contact")
        if self.owner in found:
            return _refused(entry, "an address is your own")
        if len(found) > 1:
            ids = ", ".join(sorted(found)[:3])
            return _refused(entry, f"its addresses are of several of your contacts: {ids}")
        if not found:
            return self._create(entry, places)
        return self._extend(entry, found.pop(), places)

    def batch(self) -> ContactBatch | None:
        """Return what is to be kept; None for nothing."""
        if not (self._new or self._names or self._channels):
            return None
        return ContactBatch(
            owner=self.owner,
            contacts=list(self._new.values()),
            names=self._names,
            channels=self._channels,
        )

    def is_new(self, contact: UserId | None) -> bool:
        """Return whether an entry made this contact."""
        return contact in self._new

    def _create(self, entry: Entry, places: Mapping[PlatformAddress, Address]) -> Row:
        contact = User(
            id=UserId(new_id()),
            kind=UserKind.CONTACT,
            display_name=entry.name,
            owner_id=self.owner,
            created_at=self.at,
            preferred_channel=entry.preferred,
        )
        self._new[contact.id] = contact
        self._known[contact.id] = _Known(entry.name, set())
        self._link(contact.id, places)
        return _row(entry, RowStatus.CREATED, contact.id)

    def _extend(
        self, entry: Entry, contact: UserId, places: Mapping[PlatformAddress, Address]
    ) -> Row:
        known = self._known[contact]
        added = {place: one for place, one in places.items() if place not in known.places}
        if len(known.places) + len(added) > MAX_CHANNELS:
            return _refused(entry, f"the contact would have more than {MAX_CHANNELS} channels")
        is_other = entry.name not in (known.name, one_line(known.name))
        renamed = self._is_nameless(known) and is_other and not _numeric(entry.name)
        if renamed:
            self._rename(contact, entry.name)
        self._link(contact, added)
        changed = added or renamed
        return _row(entry, RowStatus.MERGED if changed else RowStatus.UNCHANGED, contact)

    def _is_nameless(self, known: _Known) -> bool:
        """Return whether a stranger wrote without a name, and is called by an address."""
        ids = {place.external_id.lstrip("+") for place in known.places}
        return known.name.lstrip("+") in ids

    def _rename(self, contact: UserId, name: str) -> None:
        self._known[contact].name = name
        if contact in self._new:
            self._new[contact] = replace(self._new[contact], display_name=name)
        else:
            self._names[contact] = name

    def _link(self, contact: UserId, places: Mapping[PlatformAddress, Address]) -> None:
        for place, address in places.items():
            self._known[contact].places.add(place)
            self._holders.setdefault(place, set()).add(contact)
            self._channels.append(
                Channel(
                    id=ChannelId(new_id()),
                    user_id=contact,
                    platform=address.platform,
                    external_id=address.external_id,
                    account_id=address.account_id,
                    linked_at=self.at,
                )
            )


def place_of(address: Address) -> PlatformAddress:
    """Return an address without its account."""
    return PlatformAddress(address.platform, address.external_id)


def _numeric(name: str) -> bool:
    return name.lstrip("+").isdecimal()


def _row(entry: Entry, status: RowStatus, contact: UserId) -> Row:
    return Row(line=entry.line, status=status, contact=contact, detail=entry.lost)


def _refused(entry: Entry, detail: str) -> Row:
    return Row(line=entry.line, status=RowStatus.REFUSED, detail=detail)
