"""Users, their channels and contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.ids import AccountId, ChannelId
from chat4all.gateway.rest.schemas.text import (
    Email,
    ExternalId,
    Name,
    Password,
    Platform,
    Username,
    Uuid,
)
from chat4all.services.addresses import Address
from chat4all.services.contacts import ContactCard
from chat4all.services.session_windows import SessionWindow


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who wants an account."""

    username: Username
    password: Password
    display_name: Name | None = None
    email: Email | None = None


class PublicUser(Struct, frozen=True, kw_only=True):
    """Somebody, as others see them."""

    id: str
    kind: UserKind
    display_name: str
    created_at: datetime
    username: str | UnsetType = UNSET

    @classmethod
    def of(cls, user: User) -> Self:
        """Return what others may see of `user`."""
        return cls(
            id=user.id,
            kind=user.kind,
            display_name=user.display_name,
            created_at=user.created_at,
            username=UNSET if user.username is None else user.username,
        )


class PublicUserPage(Struct, frozen=True, kw_only=True):
    """Users, by id."""

    items: list[PublicUser]
    next: str | None


class OwnUser(PublicUser, frozen=True, kw_only=True):
    """Oneself, with what others do not see."""

    email: str | None
    preferred_channel: str | None
    admin: bool

    @classmethod
    def of(cls, user: User) -> Self:
        """Return all that `user` may see of themselves."""
        return cls(
            id=user.id,
            kind=user.kind,
            display_name=user.display_name,
            created_at=user.created_at,
            username=UNSET if user.username is None else user.username,
            email=user.email,
            preferred_channel=user.preferred_channel,
            admin=user.admin,
        )


class ProfileChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one's profile; what is left out stays."""

    display_name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    preferred_channel: Platform | UnsetType | None = UNSET


class NewChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where somebody can be reached."""

    platform: Platform
    external_id: ExternalId
    account_id: Uuid | None = None

    def to_domain(self) -> Address:
        """Return the address as the services know it."""
        account = None if self.account_id is None else AccountId(self.account_id.lower())
        return Address(platform=self.platform, external_id=self.external_id, account_id=account)


class ChannelWindow(Struct, frozen=True, kw_only=True):
    """Whether free content may be sent now, and until when; null for who never wrote."""

    open: bool
    until: datetime | None

    @classmethod
    def of(cls, window: SessionWindow) -> Self:
        """Return `window` as the API shows it."""
        return cls(open=window.open, until=window.until)


class LinkedChannel(Struct, frozen=True, kw_only=True):
    """An external identity of somebody.

    `window` is there where the channel takes free content only for a time after the person
    last wrote.
    """

    id: str
    platform: str
    external_id: str
    account_id: str | None
    linked_at: datetime
    window: ChannelWindow | UnsetType = UNSET

    @classmethod
    def of(cls, channel: Channel, window: SessionWindow | None = None) -> Self:
        """Return `channel` without whose it is."""
        return cls(
            id=channel.id,
            platform=channel.platform,
            external_id=channel.external_id,
            account_id=channel.account_id,
            linked_at=channel.linked_at,
            window=UNSET if window is None else ChannelWindow.of(window),
        )


class LinkedChannelPage(Struct, frozen=True, kw_only=True):
    """All of one's channels, oldest first; one page."""

    items: list[LinkedChannel]
    next: str | None = None


class LinkCodeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The platform from which the code will be sent."""

    platform: Platform


class IssuedLinkCode(Struct, frozen=True, kw_only=True):
    """A one-time code; send it from the identity that is to be linked."""

    code: str
    platform: str
    expires_at: datetime


ChannelList = Annotated[list[NewChannel], Meta(max_length=20)]


class NewContact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to keep in the address book."""

    display_name: Name
    channels: ChannelList = []


class ContactChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a contact; `channels` replaces all of them."""

    display_name: Name | UnsetType = UNSET
    channels: ChannelList | UnsetType = UNSET
    preferred_channel: Platform | UnsetType | None = UNSET


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody in the caller's address book."""

    id: str
    kind: UserKind
    display_name: str
    created_at: datetime
    preferred_channel: str | None
    channels: list[LinkedChannel]

    @classmethod
    def of(
        cls, card: ContactCard, windows: Mapping[ChannelId, SessionWindow | None] | None = None
    ) -> Self:
        """Return the contact of `card`; `windows` are those of its channels, where known."""
        known = windows or {}
        return cls(
            id=card.user.id,
            kind=card.user.kind,
            display_name=card.user.display_name,
            created_at=card.user.created_at,
            preferred_channel=card.user.preferred_channel,
            channels=[LinkedChannel.of(one, known.get(one.id)) for one in card.channels],
        )


class ContactPage(Struct, frozen=True, kw_only=True):
    """Contacts, by id."""

    items: list[Contact]
    next: str | None
