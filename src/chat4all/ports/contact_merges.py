"""Contacts that are one person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.contact_merges import ContactMerge, ContactState
from chat4all.domain.ids import MergeId, UserId


class ContactMerges(Protocol):
    """Which contacts were merged, and how they were before.

    Users and channels are answered accordingly: `Users.get_many` gives a merged contact the
    name and the preferred channel of the one that was kept, `Users.search` leaves it out,
    and `Channels.of_users` gives each contact of a person the channels of all of them.
    """

    async def person(self, user: UserId) -> Sequence[UserId]:
        """Return all ids that are one person with `user`: it alone, when it is not merged.

        The kept one is first.
        """
        ...

    async def states(
        self, owner: UserId, contacts: Collection[UserId]
    ) -> Mapping[UserId, ContactState]:
        """Return those of `contacts` that are the owner's, as they are kept.

        Those that are merged into them come along.
        """
        ...

    async def keep(self, merge: ContactMerge) -> None:
        """Merge: all of it, or nothing.

        Raises `ContactChanged` when one of the contacts is no longer as `merge.before` says,
        or another is merged into one of them: then look at their states again. Forgets what
        the owner merged so long ago that it cannot be undone.
        """
        ...

    async def undo(self, merge: ContactMerge, *, at: datetime) -> None:
        """Make every contact what it was before: all of it, or nothing. A repeat does nothing.

        Raises `ContactChanged` when one of the contacts is no longer as the merge left it, or
        a later merge into the same contact stands.
        """
        ...

    async def get(self, owner: UserId, merge: MergeId) -> ContactMerge | None:
        """Return a merge of the owner's, undone or not."""
        ...

    async def page(
        self,
        owner: UserId,
        *,
        kept: UserId | None = None,
        after: MergeId | None = None,
        limit: int,
    ) -> Sequence[ContactMerge]:
        """Return the owner's merges, or those into `kept` alone, newest first; `after` pages on."""
        ...
