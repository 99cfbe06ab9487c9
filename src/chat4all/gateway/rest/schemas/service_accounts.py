"""Service accounts, their keys, and who acts as whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from chat4all.domain.api_keys import ApiKey, DelegatedAct, Scope
from chat4all.gateway.rest.schemas.text import Name, Username
from chat4all.gateway.rest.schemas.users import PublicUser
from chat4all.services.delegates import Delegate
from chat4all.services.service_accounts import MadeKey

KeyScope = Literal["read", "send", "manage", "webhooks", "admin", "act"]
Scopes = Annotated[
    list[KeyScope],
    Meta(min_length=1, max_length=6, description="What the key is good for."),
]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
DAY = 86_400
LEAST_OVERLAP = 60
"""Seconds; every process has read again by then until when the old key is good."""

Overlap = Annotated[
    int,
    Meta(
        ge=0,
        le=30 * DAY,
        extra_json_schema={
            "anyOf": [
                {"type": "integer", "const": 0},
                {"type": "integer", "minimum": LEAST_OVERLAP},
            ]
        },
    ),
]


class NewServiceAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that is to have an account."""

    username: Username
    display_name: Name | None = None


class ServiceAccountPage(Struct, frozen=True, kw_only=True):
    """All of one's service accounts, oldest first; one page."""

    items: list[PublicUser]
    next: str | None = None


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make; without `expires_at` it is good until it is revoked."""

    name: Name
    scopes: Scopes
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    per_minute: PerMinute | None = None


class KeyRotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many seconds the old key is good beside the new one: none, or 60 and more."""

    overlap: Overlap = DAY


class ApiKeyObject(Struct, frozen=True, kw_only=True):
    """A key, without its text; `hint` is how that ends. `used_at` is right to two minutes."""

    id: str
    name: str
    hint: str
    scopes: list[KeyScope]
    per_minute: int
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Return `key` as the API shows it."""
        return cls(**_facts(key))


class CreatedApiKey(ApiKeyObject, frozen=True, kw_only=True):
    """A new key with its text, which is shown this once."""

    key: str

    @classmethod
    def made(cls, made: MadeKey) -> Self:
        """Return `made` as the API shows it."""
        return cls(key=made.text, **_facts(made.key))


class ApiKeyPage(Struct, frozen=True, kw_only=True):
    """All keys of an account, oldest first; one page."""

    items: list[ApiKeyObject]
    next: str | None = None


class DelegateObject(Struct, frozen=True, kw_only=True):
    """A service account that may act as one."""

    account: PublicUser
    since: datetime

    @classmethod
    def of(cls, delegate: Delegate) -> Self:
        """Return `delegate` as the API shows it."""
        return cls(account=PublicUser.of(delegate.account), since=delegate.since)


class DelegatePage(Struct, frozen=True, kw_only=True):
    """All of them; one page."""

    items: list[DelegateObject]
    next: str | None = None


class Act(Struct, frozen=True, kw_only=True):
    """One call that `account_id` made as `user_id`, whatever became of it."""

    id: str
    account_id: str
    key_id: str
    user_id: str
    what: str
    at: datetime

    @classmethod
    def of(cls, act: DelegatedAct) -> Self:
        """Return `act` as the API shows it."""
        return cls(
            id=act.id,
            account_id=act.account_id,
            key_id=act.key_id,
            user_id=act.user_id,
            what=act.what,
            at=act.at,
        )


class ActPage(Struct, frozen=True, kw_only=True):
    """What was done, the newest first."""

    items: list[Act]
    next: str | None


def scopes_of(words: list[KeyScope]) -> frozenset[Scope]:
    """Return the scopes of a body."""
    return frozenset(map(Scope, words))


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(key.scopes),
        "per_minute": key.per_minute,
        "created_by": key.created_by,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "revoked_at": key.revoked_at,
    }
