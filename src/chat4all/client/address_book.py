"""The contacts of who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec

from chat4all.client.connection import Connection
from chat4all.client.objects import (
    Contact,
    ContactMerge,
    DuplicateContacts,
    MergeResult,
    UndoneMerge,
)
from chat4all.client.pages import paged


class AddressBook:
    """What a client knows as its `contacts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, words: str = "") -> AsyncIterator[Contact]:
        """Yield the contacts that have `words` in their name; all without any."""
        async for contact in paged(
            self._connection, "/v1/contacts", Contact, query=words, limit=100
        ):
            yield contact

    async def merge(
        self,
        kept: str,
        others: Sequence[str],
        *,
        display_name: str | None = None,
        preferred_channel: str | None = None,
        dry_run: bool = False,
    ) -> MergeResult:
        """Say that contacts are the same person as `kept`; a repeat answers the same.

        A `dry_run` tells what would come of it. Raises `Conflict` when one of them was merged
        into another contact.
        """
        wishes = {"display_name": display_name, "preferred_channel": preferred_channel}
        body: dict[str, Any] = {"contact_ids": list(others)}
        body |= {name: value for name, value in wishes.items() if value is not None}
        answer = await self._connection.call(
            "POST",
            f"/v1/contacts/{kept}/merge",
            body,
            params={"dry_run": "true"} if dry_run else None,
            repeatable=True,
        )
        return msgspec.json.decode(answer, type=MergeResult)

    async def duplicates(self) -> AsyncIterator[DuplicateContacts]:
        """Yield contacts that have the same number or address, to be merged perhaps."""
        path = "/v1/contacts/duplicates"
        async for one in paged(self._connection, path, DuplicateContacts, limit=100):
            yield one

    async def merges(self) -> AsyncIterator[ContactMerge]:
        """Yield what one merged, the newest first."""
        async for one in paged(self._connection, "/v1/contacts/merges", ContactMerge, limit=100):
            yield one

    async def undo_merge(self, merge_id: str) -> UndoneMerge:
        """Make the contacts of a merge what they were; a repeat answers the same.

        Raises `Conflict`, which says what was changed since; then nothing was undone.
        """
        path = f"/v1/contacts/merges/{merge_id}/undo"
        answer = await self._connection.call("POST", path, repeatable=True)
        return msgspec.json.decode(answer, type=UndoneMerge)

    async def export(self, kind: Literal["csv", "vcard"] = "csv") -> bytes:
        """Return all contacts as a file, which an import takes back without a change."""
        return await self._connection.call("GET", "/v1/contacts/export", params={"format": kind})
