"""Merges of contacts in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.contact_merges import (
    UNDO_FOR,
    ContactChanged,
    ContactMerge,
    ContactState,
    differences,
)
from chat4all.domain.directory import UserKind
from chat4all.domain.ids import MergeId, UserId


class MemoryContactMerges:
    """`ContactMerges` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def person(self, user: UserId) -> Sequence[UserId]:
        """See `ContactMerges.person`."""
        return self._state.person(user)

    async def states(
        self, owner: UserId, contacts: Collection[UserId]
    ) -> Mapping[UserId, ContactState]:
        """See `ContactMerges.states`."""
        return self._states(owner, contacts)

    async def keep(self, merge: ContactMerge) -> None:
        """See `ContactMerges.keep`."""
        self._require(merge, merge.before)
        self._write(merge.after)
        merges = self._state.contact_merges
        forgotten = [
            one.id
            for one in merges.values()
            if one.owner == merge.owner and one.at < merge.at - UNDO_FOR
        ]
        for one in forgotten:
            del merges[one]
        merges[merge.id] = merge

    async def undo(self, merge: ContactMerge, *, at: datetime) -> None:
        """See `ContactMerges.undo`."""
        merges = self._state.contact_merges
        there = sorted(
            one.id for one in merges.values() if one.kept == merge.kept and one.undone_at is None
        )
        if merge.id not in there:
            return
        if there[-1] != merge.id:
            raise ContactChanged(f"merge {there[-1]} came after it: undo that first")
        self._require(merge, merge.after)
        self._write(merge.before)
        merges[merge.id] = replace(merges[merge.id], undone_at=at)

    async def get(self, owner: UserId, merge: MergeId) -> ContactMerge | None:
        """See `ContactMerges.get`."""
        found = self._state.contact_merges.get(merge)
        return None if found is None or found.owner != owner else found

    async def page(
        self,
        owner: UserId,
        *,
        kept: UserId | None = None,
        after: MergeId | None = None,
        limit: int,
    ) -> Sequence[ContactMerge]:
        """See `ContactMerges.page`."""
        found = (
            one
            for one in self._state.contact_merges.values()
            if one.owner == owner and kept in (None, one.kept) and (after is None or one.id < after)
        )
        return sorted(found, key=lambda one: one.id, reverse=True)[:limit]

    def _states(self, owner: UserId, contacts: Collection[UserId]) -> Mapping[UserId, ContactState]:
        asked = {one for one in contacts if self._is_contact(owner, one)}
        found = [
            user
            for user in self._state.users.values()
            if user.id in asked or (user.merged_into in asked and self._is_contact(owner, user.id))
        ]
        return {
            user.id: ContactState(
                id=user.id,
                display_name=user.display_name,
                preferred_channel=user.preferred_channel,
                merged_into=user.merged_into,
                channels=tuple(self._state.own_channels(user.id)),
            )
            for user in found
        }

    def _is_contact(self, owner: UserId, contact: UserId) -> bool:
        user = self._state.users.get(contact)
        return user is not None and user.kind is UserKind.CONTACT and user.owner_id == owner

    def _require(self, merge: ContactMerge, expected: Sequence[ContactState]) -> None:
        found = self._states(merge.owner, [one.id for one in expected])
        if told := differences(expected, found):
            raise ContactChanged("; ".join(told))

    def _write(self, states: Iterable[ContactState]) -> None:
        for one in states:
            self._state.users[one.id] = replace(
                self._state.users[one.id],
                display_name=one.display_name,
                preferred_channel=one.preferred_channel,
                merged_into=one.merged_into,
            )
