"""Say that contacts are one person, look first what comes of it, and take it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chat4all.domain.contact_merges import (
    MAX_ONE_PERSON,
    ContactChanged,
    ContactMerge,
    ContactState,
)
from chat4all.domain.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    UserNotFound,
)
from chat4all.domain.ids import ConversationId, MergeId, UserId, new_id
from chat4all.ports.contact_merges import ContactMerges
from chat4all.ports.conversations import Conversations
from chat4all.services.clock import Clock, utc_now
from chat4all.services.contact_entries import MAX_CHANNELS
from chat4all.services.unset import UNSET, Unset

TRIES = 4
MOST_CONVERSATIONS = 200
"""Conversations that are named; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A conversation in which somebody is called otherwise from then on."""

    conversation: ConversationId
    contact: UserId
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeView:
    """A merge, and which of the owner's conversations show somebody by another name."""

    merge: ContactMerge
    renamed: Sequence[Renamed]

    @property
    def contact(self) -> ContactState:
        """Return the kept contact with the channels of all."""
        kept, *others = self.merge.after
        channels = [*kept.channels, *(one for other in others for one in other.channels)]
        return ContactState(
            id=kept.id,
            display_name=kept.display_name,
            preferred_channel=kept.preferred_channel,
            channels=tuple(channels),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the kept contact shall be called and how it shall be reached; else the rule says."""

    display_name: str | Unset = UNSET
    preferred_channel: str | Unset | None = UNSET


class MergeContacts:
    """Merges in one owner's address book. Another's contacts are as if they were not there."""

    def __init__(
        self, merges: ContactMerges, conversations: Conversations, *, now: Clock = utc_now
    ) -> None:
        self._merges = merges
        self._conversations = conversations
        self._now = now

    async def __call__(
        self,
        owner: UserId,
        kept: UserId,
        others: Sequence[UserId],
        wishes: Wishes,
        *,
        dry_run: bool = False,
    ) -> MergeView:
        """Merge `others` into `kept`; a `dry_run` tells the same and changes nothing.

        A repeat returns the merge that there is. Raises `InvalidInput`, `UserNotFound`, and
        `Conflict` when one of them was merged into another contact or the person would have
        too many contacts or channels.
        """
        if kept in others:
            at = f"/contact_ids/{list(others).index(kept)}"
            raise InvalidInput("a contact is not merged into itself", [(at, "is the kept one")])
        for _ in range(TRIES):
            states = await self._merges.states(owner, [kept, *others])
            new = _not_merged_yet(kept, others, states)
            if not new:
                return await self._again(owner, kept, others, wishes)
            merge = self._plan(owner, _in_order(kept, others, states), wishes)
            view = await self._view(merge)
            if dry_run:
                return view
            try:
                await self._merges.keep(merge)
            except ContactChanged:
                continue
            return view
        raise ContactChanged("the contacts are being changed; look at them again")

    async def undo(self, owner: UserId, merge_id: MergeId) -> ContactMerge:
        """Make every contact what it was before the merge. A repeat returns the same.

        Raises `NotFound`, and `ContactChanged` with what was changed since: then nothing
        was undone. Raises `Conflict` when the merge is too long ago.
        """
        merge = await self._one(owner, merge_id)
        now = self._now()
        if merge.undone_at is None:
            if not merge.before:
                raise ContactChanged(f"contact {merge.kept} was deleted")
            if now > merge.undo_until:
                raise Conflict(f"it could be undone until {merge.undo_until:%Y-%m-%d %H:%M} UTC")
            await self._merges.undo(merge, at=now)
        return await self._one(owner, merge_id)

    async def page(
        self, owner: UserId, *, kept: UserId | None, after: MergeId | None, limit: int
    ) -> Sequence[ContactMerge]:
        """Return merges, newest first."""
        return await self._merges.page(owner, kept=kept, after=after, limit=limit)

    async def _one(self, owner: UserId, merge_id: MergeId) -> ContactMerge:
        merge = await self._merges.get(owner, merge_id)
        if merge is None:
            raise NotFound("no such merge, or too long ago")
        return merge

    def _plan(self, owner: UserId, before: Sequence[ContactState], wishes: Wishes) -> ContactMerge:
        channels = sum(len(one.channels) for one in before)
        if channels > MAX_CHANNELS:
            raise Conflict(
                f"together they have {channels} channels, and a contact at most {MAX_CHANNELS}"
            )
        if len(before) > MAX_ONE_PERSON:
            raise Conflict(f"a person has at most {MAX_ONE_PERSON} contacts")
        name, preferred = wishes.display_name, wishes.preferred_channel
        return ContactMerge(
            id=MergeId(new_id()),
            owner=owner,
            kept=before[0].id,
            before=tuple(before),
            display_name=_name(before) if isinstance(name, Unset) else name,
            preferred_channel=_preferred(before) if isinstance(preferred, Unset) else preferred,
            at=self._now(),
        )

    async def _again(
        self, owner: UserId, kept: UserId, others: Sequence[UserId], wishes: Wishes
    ) -> MergeView:
        """Return the merge that was made before, when it is what is asked for."""
        for merge in await self._merges.page(owner, kept=kept, limit=MAX_ONE_PERSON):
            if merge.undone_at is None and not {one.id for one in merge.merged}.isdisjoint(others):
                name, preferred = wishes.display_name, wishes.preferred_channel
                if name not in (UNSET, merge.display_name) or preferred not in (
                    UNSET,
                    merge.preferred_channel,
                ):
                    raise Conflict(f"merge {merge.id} gave other values; change the contact")
                return await self._view(merge)
        raise Conflict("they were merged before, too long ago to tell how")

    async def _view(self, merge: ContactMerge) -> MergeView:
        mine = set(await self._conversations.ids_of_user(merge.owner))
        renamed = [
            Renamed(
                conversation=conversation,
                contact=one.id,
                before=before,
                after=merge.display_name,
            )
            for one, before in _shown_before(merge)
            if before != merge.display_name
            for conversation in await self._conversations.ids_of_user(one.id)
            if conversation in mine
        ]
        return MergeView(merge=merge, renamed=renamed)


def _not_merged_yet(
    kept: UserId, others: Sequence[UserId], states: Mapping[UserId, ContactState]
) -> Sequence[UserId]:
    for one in (kept, *others):
        if one not in states:
            raise UserNotFound(f"no such contact: {one}")
    if states[kept].merged_into is not None:
        raise Conflict(f"contact {kept} was merged into {states[kept].merged_into}")
    for one in others:
        if states[one].merged_into not in (None, kept):
            raise Conflict(f"contact {one} was merged into {states[one].merged_into}")
    return [one for one in others if states[one].merged_into is None]


def _in_order(
    kept: UserId, others: Sequence[UserId], states: Mapping[UserId, ContactState]
) -> Sequence[ContactState]:
    """Return the kept one, the others as they were named, and whoever comes along."""
    return [states[one] for one in dict.fromkeys([kept, *others, *sorted(states)])]


def _name(before: Sequence[ContactState]) -> str:
    """Return the kept name; the first other one where that is only a number."""
    kept = before[0]
    named = (one.display_name for one in before if one.merged_into is None and not nameless(one))
    return next(named, kept.display_name)


def _preferred(before: Sequence[ContactState]) -> str | None:
    said = (one.preferred_channel for one in before if one.merged_into is None)
    return next((one for one in said if one is not None), None)


def nameless(state: ContactState) -> bool:
    """Return whether somebody wrote without a name, and is called by an address."""
    ids = {one.external_id.lstrip("+") for one in state.channels}
    return state.display_name.lstrip("+") in ids


def _shown_before(merge: ContactMerge) -> Iterable[tuple[ContactState, str]]:
    """Return each contact and what it was called; one merged earlier as who it was merged into."""
    names = {one.id: one.display_name for one in merge.before}
    return [(one, names[one.merged_into or one.id]) for one in merge.before]
