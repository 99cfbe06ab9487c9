"""Contacts of the caller that are one person."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import MergeId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import MANAGING, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.contact_merges import (
    ContactMergeObject,
    ContactMergePage,
    ContactMergeResult,
    DuplicateContactPage,
    DuplicateContactSet,
    NewContactMerge,
    UndoneContactMerge,
)
from chat4all.gateway.rest.schemas.text import UUID, UuidPath

DryRun = Annotated[bool, QueryParameter(description="Tell what would come of it; do nothing.")]
Kept = Annotated[
    str | None,
    QueryParameter(
        max_length=36, pattern=f"^{UUID}\\Z", description="Only merges into this contact."
    ),
]


Cursor = Annotated[
    str | None,
    QueryParameter(
        max_length=1_100,
        pattern="^[A-Za-z0-9_-]+\\Z",
        description="The `next` of the page before.",
    ),
]


class ContactMerges(Controller):
    """`/v1/contacts/{contact_id}/merge`, `/v1/contacts/merges` and `/v1/contacts/duplicates`."""

    path = "/v1/contacts"
    tags = ("Contacts",)
    opt = MANAGING

    @post(
        "/{contact_id:str}/merge",
        operation_id="mergeContacts",
        status_code=200,
        problems=(409,),
    )
    async def merge(
        self,
        contact_id: UuidPath,
        data: JSONBody[NewContactMerge],
        deps: Deps,
        caller: Caller,
        dry_run: DryRun = False,  # noqa: FBT002 - a parameter of the address
    ) -> ContactMergeResult:
        """Say that other contacts are the same person as this one, which is kept.

        Each keeps its id, its conversations and what it wrote: no message changes its place.
        A repeat answers the same. It can be undone for 30 days.
        """
        view = await deps.merge_contacts(
            caller.user_id,
            UserId(contact_id.lower()),
            [UserId(one) for one in dict.fromkeys(one.lower() for one in data.contact_ids)],
            data.wishes(),
            dry_run=dry_run,
        )
        return ContactMergeResult.of(view, dry_run=dry_run)

    @get("/duplicates", operation_id="listDuplicateContacts", problems=(400,))
    async def duplicates(
        self, deps: Deps, caller: Caller, limit: pages.Limit = 50, cursor: Cursor = None
    ) -> DuplicateContactPage:
        """Return contacts that have the same number or address, to be merged perhaps."""
        found, more = await deps.duplicate_contacts(
            caller.user_id, after="" if cursor is None else _key(cursor), limit=limit
        )
        return DuplicateContactPage(
            items=[DuplicateContactSet.of(one) for one in found],
            next=None if more is None else urlsafe_b64encode(more.encode()).decode().rstrip("="),
        )

    @get("/merges", operation_id="listContactMerges")
    async def list(
        self,
        deps: Deps,
        caller: Caller,
        contact_id: Kept = None,
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> ContactMergePage:
        """Return one's merges, the newest first; those that can be undone are there."""
        found = await deps.merge_contacts.page(
            caller.user_id,
            kept=None if contact_id is None else UserId(contact_id.lower()),
            after=None if cursor is None else MergeId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        return ContactMergePage(
            items=[ContactMergeObject.of(one) for one in page],
            next=page[-1].id if more else None,
        )

    @post(
        "/merges/{merge_id:str}/undo",
        operation_id="undoContactMerge",
        status_code=200,
        problems=(409,),
    )
    async def undo(self, merge_id: UuidPath, deps: Deps, caller: Caller) -> UndoneContactMerge:
        """Make the contacts of a merge what they were before, all of them or none.

        409 `contact_changed` says what was changed since. A repeat answers the same.
        """
        undone = await deps.merge_contacts.undo(caller.user_id, MergeId(merge_id.lower()))
        return UndoneContactMerge.of(undone)


def _key(cursor: str) -> str:
    try:
        key = urlsafe_b64decode(f"{cursor}===").decode()
    except ValueError as error:
        raise InvalidInput("this cursor is not ours", [("/cursor", "unknown")]) from error
    if "\x00" in key:
        raise InvalidInput("this cursor is not ours", [("/cursor", "unknown")])
    return key
