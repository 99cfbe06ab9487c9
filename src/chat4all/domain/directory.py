"""Who there is: users, their channels, conversations, members, connector accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId

MAX_MEMBERS = 1_000
"""Members of one group."""


class UserKind(StrEnum):
    """A person signs in; a contact is reached through channels; a service is a program."""

    PERSON = "person"
    CONTACT = "contact"
    SERVICE = "service"


class ConversationType(StrEnum):
    """Private: exactly two members, one per pair. Group: up to `MAX_MEMBERS`."""

    PRIVATE = "private"
    GROUP = "group"


class Role(StrEnum):
    """What a member may do in a group."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"

    @property
    def rank(self) -> int:
        """Return 2 for owner, 1 for admin, 0 for member."""
        return {"owner": 2, "admin": 1, "member": 0}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody messages can come from or go to.

    `owner_id` is set for a contact: the user in whose address book it stands. `admin`
    opens the administration API. `preferred_channel` is where messages to this user go
    when the sender does not say. `merged_into` is set for a contact that was merged into
    another: it is that person, and is called and reached as that contact is.
    """

    id: UserId
    kind: UserKind
    display_name: str
    created_at: datetime
    username: str | None = None
    email: str | None = None
    owner_id: UserId | None = None
    admin: bool = False
    preferred_channel: str | None = None
    last_seen_at: datetime | None = None
    merged_into: UserId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One external identity of one user; unique by (platform, account_id, external_id).

    `external_id` is the address the platform knows the person by (a chat id, a phone
    number in E.164). `account_id` is the connector account the person talks to, or None
    when any account of the platform will do. `reachable` is False for somebody who was only
    seen in a group, where the account may not write to a person first: it says who wrote.
    """

    id: ChannelId
    user_id: UserId
    platform: str
    external_id: str
    linked_at: datetime
    account_id: AccountId | None = None
    reachable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of one conversation; cursors live in the message store."""

    user_id: UserId
    role: Role
    joined_at: datetime
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation with all its members, oldest first."""

    id: ConversationId
    type: ConversationType
    created_by: UserId
    created_at: datetime
    members: tuple[Member, ...]
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def member(self, user: UserId) -> Member | None:
        """Return the membership of `user`, if any."""
        return next((one for one in self.members if one.user_id == user), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One connector account and the user who owns it.

    `config` is what the connector's own config class reads; secrets stand in it and are
    never shown. `poll_offset` is how far a polling connector has read, kept with the effect.
    """

    id: AccountId
    platform: str
    name: str
    owner_id: UserId
    config: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    poll_offset: str | None = None
