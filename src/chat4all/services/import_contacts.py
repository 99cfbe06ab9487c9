"""Take a file of contacts into an address book; the same file again changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chat4all.domain.errors import (
    ChannelTaken,
    Conflict,
    InvalidInput,
    RateLimited,
    Unavailable,
    UserNotFound,
)
from chat4all.domain.ids import UserId
from chat4all.ports.contacts import ContactBatches
from chat4all.ports.conversations import Channels
from chat4all.services.addresses import Addresses
from chat4all.services.clock import Clock, utc_now
from chat4all.services.contact_entries import Entry, EntryReader, Unusable
from chat4all.services.contact_files import Card, FileFormat, read_cards
from chat4all.services.contact_matching import Matching, Row, RowStatus
from chat4all.services.phone_numbers import REGIONS

BATCH = 200
"""Entries that are kept in one transaction, so that other writers wait for none of them long."""
TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsReport:
    """What an import did, or a dry run would do; `ignored` are columns that mean nothing here."""

    dry_run: bool
    rows: Sequence[Row]
    ignored: Sequence[str]

    @property
    def counts(self) -> Mapping[RowStatus, int]:
        """Return how many entries had each end."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in RowStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsFile:
    """A file, and what it does not say itself.

    `region` is the country of its national numbers, `platform` where its numbers are reached.
    """

    body: bytes
    format: FileFormat
    charset: str = ""
    region: str | None = None
    platform: str | None = None


class ImportContacts:
    """Imports for address books, one at a time for each owner."""

    def __init__(
        self,
        batches: ContactBatches,
        channels: Channels,
        addresses: Addresses,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._batches = batches
        self._channels = channels
        self._addresses = addresses
        self._now = now
        self._running: set[UserId] = set()

    async def __call__(self, owner: UserId, file: ContactsFile, *, dry_run: bool) -> ContactsReport:
        """Import `file` for `owner`; a `dry_run` tells what that would do, and does nothing.

        Raises `InvalidInput` before anything is changed, and `RateLimited` while another
        import of the owner runs. Raises `Unavailable` in the middle, when the storage does
        not answer: send the file again, and the rest follows.
        """
        reader = EntryReader(self._addresses, self._platform(file), self._region(file))
        if owner in self._running:
            raise RateLimited("an import of yours is running; wait for its end", retry_after=5)
        self._running.add(owner)
        try:
            cards = await asyncio.to_thread(read_cards, file.body, file.format, file.charset)
            future = self._matching(owner) if dry_run else None
            rows: list[Row] = []
            for start in range(0, len(cards.items), BATCH):
                part = cards.items[start : start + BATCH]
                read = await asyncio.to_thread(_read, reader, part)
                rows += await self._take(owner, read, future)
        finally:
            self._running.discard(owner)
        return ContactsReport(dry_run=dry_run, rows=rows, ignored=cards.ignored)

    def _platform(self, file: ContactsFile) -> str | None:
        """Return where numbers are reached; None where no platform knows people by them."""
        known = self._addresses.phone_platforms
        if file.platform is not None and file.platform not in known:
            there = ", ".join(known) or "none"
            raise InvalidInput(
                f"{file.platform} does not know people by their numbers; those that do: {there}",
                [("/platform", "no platform of phone numbers")],
            )
        if file.platform is None and len(known) > 1:
            raise InvalidInput(
                f"say where the phone numbers are reached: {', '.join(known)}",
                [("/platform", "is needed")],
            )
        return file.platform or next(iter(known), None)

    def _region(self, file: ContactsFile) -> str | None:
        region = None if file.region is None else file.region.upper()
        if region is not None and region not in REGIONS:
            raise InvalidInput(
                f"{file.region} is no country; write one such as BR",
                [("/region", "not of ISO 3166-1 alpha-2")],
            )
        return region or self._addresses.region

    def _matching(self, owner: UserId) -> Matching:
        return Matching(owner, self._now())

    async def _take(
        self, owner: UserId, read: Sequence[Entry | Row], future: Matching | None
    ) -> Sequence[Row]:
        """Match and keep a batch; matched anew when somebody changed one of the contacts.

        A dry run goes on with the same `future`, in which what would be kept is.
        """
        for _ in range(TRIES):
            matching = future or self._matching(owner)
            await self._look(matching, [one for one in read if isinstance(one, Entry)])
            rows = [one if isinstance(one, Row) else matching.decide(one) for one in read]
            if future is not None:
                return [
                    replace(row, contact=None) if future.is_new(row.contact) else row
                    for row in rows
                ]
            batch = matching.batch()
            try:
                if batch is not None:
                    await self._batches.keep(batch)
            except (ChannelTaken, UserNotFound, Conflict):
                continue
            return rows
        raise Unavailable("your contacts are being changed; send the file again")

    async def _look(self, matching: Matching, entries: Sequence[Entry]) -> None:
        places = matching.unseen(entries)
        holders = await self._batches.holders(places)
        channels = await self._channels.of_users([user.id for _, user in holders])
        matching.see(places, holders, channels)


def _read(reader: EntryReader, cards: Sequence[Card]) -> list[Entry | Row]:
    found: list[Entry | Row] = []
    for card in cards:
        try:
            found.append(reader(card))
        except Unusable as error:
            found.append(Row(line=card.line, status=RowStatus.REFUSED, detail=str(error)))
    return found
