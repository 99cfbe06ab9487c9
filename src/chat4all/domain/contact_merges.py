"""Contacts that are one person: merged, and perhaps taken apart again.

A merge moves nothing. Each contact keeps its id, its channels and its conversations; the
merged ones point to the one that was kept, and are called and reached as that one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chat4all.domain.directory import Channel
from chat4all.domain.errors import Conflict
from chat4all.domain.ids import ChannelId, MergeId, UserId

MAX_MERGED = 20
"""Contacts that one call merges into another."""
MAX_ONE_PERSON = 50
"""Contacts that may be one person, the kept one among them."""
UNDO_FOR = timedelta(days=30)
"""How long a merge can be undone."""


class ContactChanged(Conflict):
    """Contacts are no longer as a merge, or its undoing, found or left them: says how."""

    code = "contact_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """A contact as it is kept, with the channels that are its own, oldest first."""

    id: UserId
    display_name: str
    preferred_channel: str | None = None
    merged_into: UserId | None = None
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMerge:
    """That `owner` said contacts are one person.

    `before` is how each of the person's contacts was, the kept one first; empty once the
    person was deleted. `display_name` and `preferred_channel` are what it gave the kept one.
    """

    id: MergeId
    owner: UserId
    kept: UserId
    before: tuple[ContactState, ...]
    display_name: str
    preferred_channel: str | None
    at: datetime
    undone_at: datetime | None = None

    @property
    def undo_until(self) -> datetime:
        """Return until when it can be undone."""
        return self.at + UNDO_FOR

    @property
    def merged(self) -> Sequence[ContactState]:
        """Return the contacts that this merge took out of the address book."""
        return [one for one in self.before if one.id != self.kept and one.merged_into is None]

    @property
    def after(self) -> Sequence[ContactState]:
        """Return how the merge left each contact."""
        return [
            replace(one, display_name=self.display_name, preferred_channel=self.preferred_channel)
            if one.id == self.kept
            else replace(one, merged_into=self.kept)
            for one in self.before
        ]


def differences(
    expected: Sequence[ContactState], found: Mapping[UserId, ContactState]
) -> Sequence[str]:
    """Return in words how contacts are other than expected; empty when they are not.

    That a channel has become `reachable` is something learned, and no difference.
    """
    told: list[str] = []
    for one in expected:
        now = found.get(one.id)
        if now is None:
            told.append(f"contact {one.id} was deleted")
        else:
            told += [f"contact {one.id} {change}" for change in _changes(one, now)]
    known = {one.id for one in expected}
    told += [f"contact {user} was merged as well" for user in sorted(found.keys() - known)]
    return told


def _changes(before: ContactState, now: ContactState) -> Sequence[str]:
    told = []
    if now.merged_into != before.merged_into:
        into = now.merged_into
        told.append("is not merged any more" if into is None else f"was merged into {into}")
    if now.display_name != before.display_name:
        told.append("was renamed")
    if now.preferred_channel != before.preferred_channel:
        told.append("has another preferred channel")
    had, has = _by_id(before), _by_id(now)
    told += [f"has lost {_shown(had[one])}" for one in had if one not in has]
    told += [f"has a new address, {_shown(has[one])}" for one in has if one not in had]
    told += [f"has changed {_shown(had[one])}" for one in had if has.get(one, had[one]) != had[one]]
    return told


def _by_id(state: ContactState) -> Mapping[ChannelId, Channel]:
    return {one.id: replace(one, reachable=True) for one in state.channels}


def _shown(channel: Channel) -> str:
    return f"{channel.platform}:{channel.external_id}"
