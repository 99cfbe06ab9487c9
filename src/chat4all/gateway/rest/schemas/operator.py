"""What operators ask and are told."""

from __future__ import annotations

from msgspec import Struct

from chat4all.gateway.rest.schemas.text import Email, Name, Password, Username


class NewPerson(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to make an account for; `admin` opens the administration API to them."""

    username: Username
    password: Password
    display_name: Name | None = None
    email: Email | None = None
    admin: bool = False


class AccountIdentity(Struct, frozen=True, kw_only=True):
    """Who the platform says the account is; null when the platform does not tell."""

    name: str | None
