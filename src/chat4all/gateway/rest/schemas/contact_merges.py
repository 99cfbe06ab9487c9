"""Contacts that are one person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.contact_merges import MAX_MERGED, ContactMerge, ContactState
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.schemas.text import Name, Platform, Uuid
from chat4all.gateway.rest.schemas.users import Contact, LinkedChannel
from chat4all.services.duplicate_contacts import Duplicates
from chat4all.services.merge_contacts import MOST_CONVERSATIONS, MergeView, Renamed, Wishes

OtherContacts = Annotated[
    list[Uuid], Meta(min_length=1, max_length=MAX_MERGED, description="Contacts of one's own.")
]


class NewContactMerge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contacts that are the same person as the one that is kept.

    `display_name` and `preferred_channel` are given to the kept one; without them it keeps
    its own. Where its name is only its number it takes the first name that another has, and
    where it prefers no channel the first that another prefers.
    """

    contact_ids: OtherContacts
    display_name: Name | UnsetType = UNSET
    preferred_channel: Platform | UnsetType | None = UNSET

    def wishes(self) -> Wishes:
        """Return what is said of the kept contact."""
        return Wishes(
            display_name=given(self.display_name), preferred_channel=given(self.preferred_channel)
        )


class MergedContact(Struct, frozen=True, kw_only=True):
    """A contact of a merge, with the channels that are its own."""

    id: str
    display_name: str
    preferred_channel: str | None
    channels: list[LinkedChannel]

    @classmethod
    def of(cls, state: ContactState) -> Self:
        """Return `state` as the API shows it."""
        return cls(
            id=state.id,
            display_name=state.display_name,
            preferred_channel=state.preferred_channel,
            channels=[LinkedChannel.of(one) for one in state.channels],
        )


class MergeField(Struct, frozen=True, kw_only=True):
    """A field of the kept contact: its `value`, and what `others` had that is not kept."""

    name: str
    value: str | None
    others: list[str]


class RenamedMember(Struct, frozen=True, kw_only=True):
    """A conversation in which a member is called otherwise."""

    conversation_id: str
    user_id: str
    before: str
    after: str

    @classmethod
    def of(cls, renamed: Renamed) -> Self:
        """Return `renamed` as the API shows it."""
        return cls(
            conversation_id=renamed.conversation,
            user_id=renamed.contact,
            before=renamed.before,
            after=renamed.after,
        )


class ContactMergeResult(Struct, frozen=True, kw_only=True):
    """What a merge did, or with `dry_run` would do.

    `contact` is the kept contact with the channels of all; `merged` are the others as they
    were. `conversations` show a member by another name, the first 200 of `conversation_count`;
    conversations and messages stay what they are. `merge_id` undoes it, until `undo_until`.
    """

    dry_run: bool
    merge_id: str | None
    contact: MergedContact
    merged: list[MergedContact]
    fields: list[MergeField]
    conversations: list[RenamedMember]
    conversation_count: int
    undo_until: datetime | None

    @classmethod
    def of(cls, view: MergeView, *, dry_run: bool) -> Self:
        """Return `view` as the API shows it."""
        merge, contact = view.merge, view.contact
        return cls(
            dry_run=dry_run,
            merge_id=None if dry_run else merge.id,
            contact=MergedContact.of(contact),
            merged=[MergedContact.of(one) for one in merge.merged],
            fields=[
                _field("display_name", contact.display_name, _people(merge, "display_name")),
                _field(
                    "preferred_channel",
                    contact.preferred_channel,
                    _people(merge, "preferred_channel"),
                ),
            ],
            conversations=[RenamedMember.of(one) for one in view.renamed[:MOST_CONVERSATIONS]],
            conversation_count=len(view.renamed),
            undo_until=None if dry_run else merge.undo_until,
        )


class ContactMergeObject(Struct, frozen=True, kw_only=True):
    """A merge that was made: into which contact, of which, and whether it was undone.

    `merged` is empty once the contact was deleted.
    """

    id: str
    contact_id: str
    merged: list[MergedContact]
    created_at: datetime
    undo_until: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, merge: ContactMerge) -> Self:
        """Return `merge` as the API shows it."""
        return cls(
            id=merge.id,
            contact_id=merge.kept,
            merged=[MergedContact.of(one) for one in merge.merged],
            created_at=merge.at,
            undo_until=merge.undo_until,
            undone_at=merge.undone_at,
        )


class ContactMergePage(Struct, frozen=True, kw_only=True):
    """Merges, newest first."""

    items: list[ContactMergeObject]
    next: str | None


class UndoneContactMerge(Struct, frozen=True, kw_only=True):
    """A merge that was undone, and the contacts as they were before it and are again."""

    merge_id: str
    undone_at: datetime | None
    contacts: list[MergedContact]

    @classmethod
    def of(cls, merge: ContactMerge) -> Self:
        """Return `merge` as the API shows it."""
        return cls(
            merge_id=merge.id,
            undone_at=merge.undone_at,
            contacts=[MergedContact.of(one) for one in merge.before if one.merged_into is None],
        )


class DuplicateContactSet(Struct, frozen=True, kw_only=True):
    """Contacts that are probably one person: they have one `address`."""

    address: str
    contacts: list[Contact]

    @classmethod
    def of(cls, found: Duplicates) -> Self:
        """Return `found` as the API shows it."""
        return cls(address=found.address, contacts=[Contact.of(one) for one in found.contacts])


class DuplicateContactPage(Struct, frozen=True, kw_only=True):
    """Suggestions, by address; a page may hold fewer than asked for, also none."""

    items: list[DuplicateContactSet]
    next: str | None


def _people(merge: ContactMerge, field: str) -> Sequence[str]:
    """Return what the contacts said of a field that were in the address book."""
    said = [getattr(one, field) for one in merge.before if one.merged_into is None]
    return [one for one in said if one is not None]


def _field(name: str, value: str | None, said: Sequence[str]) -> MergeField:
    others = [one for one in dict.fromkeys(said) if one != value]
    return MergeField(name=name, value=value, others=others)
