"""An entry of a file of contacts, checked: its name, and addresses in the form of their platforms.

A channel stands in a file as PLATFORM:ID?account=UUID, percent-encoded as a URI is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from chat4all.domain.ids import AccountId
from chat4all.services.addresses import Address, Addresses
from chat4all.services.contact_files import Card
from chat4all.services.phone_numbers import e164

MAX_NAME = 200
MAX_CHANNELS = 20
MAX_ID = 200
_SHOWN = 40
_PLATFORM = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ACCOUNT = re.compile(r"account=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Unusable(ValueError):
    """An entry that cannot become a contact; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody a file names; `lost` says what of the entry could not be read."""

    line: int
    name: str
    addresses: Sequence[Address]
    preferred: str | None
    lost: str | None = None


class EntryReader:
    """Reads cards; numbers are reached on `platform`, national ones are of `region`."""

    def __init__(self, addresses: Addresses, platform: str | None, region: str | None) -> None:
        self._addresses = addresses
        self._platform = platform
        self._region = region

    def __call__(self, card: Card) -> Entry:
        """Return what a card says. Raises `Unusable` when nobody can be reached by it."""
        if card.problem is not None:
            raise Unusable(card.problem)
        found: dict[Address, None] = {}
        lost: list[str] = []
        phones = ((one, self._of_phone) for one in card.phones)
        for written, read in (*phones, *((one, self._of_channel) for one in card.channels)):
            try:
                address = read(written)
            except ValueError as error:
                lost.append(f"{_shown(written)}: {error}")
            else:
                found |= {} if address is None else {address: None}
        if not found:
            raise Unusable("; ".join(lost[:3]) or "no number and no channel: nobody is reached")
        if len(found) > MAX_CHANNELS:
            raise Unusable(f"more than {MAX_CHANNELS} channels")
        return Entry(
            line=card.line,
            name=self._name(card, next(iter(found))),
            addresses=list(found),
            preferred=_platform_of(card.preferred_channel),
            lost=f"left out: {'; '.join(lost[:3])}" if lost else None,
        )

    def _name(self, card: Card, first: Address) -> str:
        name = " ".join(card.name.split())
        if _CONTROL.search(name):
            raise Unusable("the name holds a control character")
        if len(name) > MAX_NAME:
            raise Unusable(f"the name has more than {MAX_NAME} characters")
        number = self._addresses.number_of(first.platform, first.external_id)
        return name or number or first.external_id

    def _of_phone(self, written: str) -> Address:
        if self._platform is None:
            raise ValueError("no connector here reaches phone numbers")
        number = e164(written, self._region)
        external_id = self._addresses.of_number(self._platform, number)
        return Address(platform=self._platform, external_id=external_id)

    def _of_channel(self, written: str) -> Address | None:
        """Return the address; None for a URI of another program on a platform we lack."""
        foreign = written.startswith("?")
        platform, colon, rest = written.removeprefix("?").strip().partition(":")
        if foreign and not self._addresses.knows(platform):
            return None
        text, question, account = rest.partition("?")
        tied = _ACCOUNT.fullmatch(account.lower()) if question else None
        external_id = unquote(text, errors="strict")
        if not colon or not _PLATFORM.fullmatch(platform) or (question and tied is None):
            raise ValueError("write PLATFORM:ID, such as telegram:123456789")
        if not 0 < len(external_id) <= MAX_ID or _CONTROL.search(external_id):
            raise ValueError(f"an id has 1 to {MAX_ID} characters, and no control characters")
        return Address(
            platform=platform,
            external_id=self._addresses.canonical(platform, external_id),
            account_id=None if tied is None else AccountId(tied[1]),
        )


def _platform_of(written: str | None) -> str | None:
    return written if written and _PLATFORM.fullmatch(written) else None


def _shown(written: str) -> str:
    text = _CONTROL.sub(" ", written.removeprefix("?"))
    return f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
