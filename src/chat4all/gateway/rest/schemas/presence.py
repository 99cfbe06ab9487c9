"""Presence."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from msgspec import Struct

from chat4all.services.presence import Presence, PresenceStatus


class PresenceChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller is; renew it within 60 seconds."""

    status: PresenceStatus


class UserPresence(Struct, frozen=True, kw_only=True):
    """What one user is; `status` is null while nobody's presence can be told."""

    user_id: str
    status: PresenceStatus | None
    last_seen_at: datetime | None

    @classmethod
    def of(cls, presence: Presence) -> Self:
        """Return `presence` as the API shows it."""
        return cls(
            user_id=presence.user_id,
            status=presence.status,
            last_seen_at=presence.last_seen_at,
        )


class UserPresences(Struct, frozen=True, kw_only=True):
    """Those among the asked whom the caller may see; one page."""

    items: list[UserPresence]
    next: str | None = None
