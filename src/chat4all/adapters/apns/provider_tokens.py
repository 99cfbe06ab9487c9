"""How Apple knows who sends: tokens that are signed with a key of the team.

https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chat4all.domain.errors import BadSettings

SETTING = "CHAT4ALL_APNS_KEY"
RENEW_AFTER = timedelta(minutes=50)
"""Apple refuses a token that is older than an hour."""
NOT_BEFORE = timedelta(minutes=20)
"""Apple refuses tokens that are made more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamKey:
    """A key for APNs that Apple gave to a team of developers."""

    key: ECKey = field(repr=False)
    key_id: str
    team: str

    @classmethod
    def load(cls, path: str, *, key_id: str, team: str) -> Self:
        """Read the file `AuthKey_....p8`. Raises `BadSettings`, which quotes nothing of it."""
        try:
            key = ECKey.import_key(Path(path).read_bytes())
        except OSError as error:
            raise BadSettings(f"{SETTING}: cannot read {path}: {error.strerror}") from error
        except (JoseError, ValueError, TypeError):  # their own errors may quote the key
            raise _no_key(path) from None
        if not key.is_private or key.curve_name != "P-256":
            raise _no_key(path)
        return cls(key=key, key_id=key_id, team=team)


class ProviderTokens:
    """Keeps one token for as long as Apple takes it."""

    def __init__(self, key: TeamKey, now: Callable[[], datetime]) -> None:
        self._key = key
        self._now = now
        self._token = ""
        self._made_at: datetime | None = None

    def get(self, *, refused: str = "") -> str:
        """Return the token; a new one if it is old, or was `refused` and may be made anew."""
        age = None if self._made_at is None else self._now() - self._made_at
        if (
            age is None
            or age >= RENEW_AFTER
            or (self._token == refused and age >= NOT_BEFORE)
            or age < timedelta(0)
        ):
            self._made_at = self._now()
            self._token = self._signed(self._made_at)
        return self._token

    def _signed(self, at: datetime) -> str:
        header = {"alg": "ES256", "kid": self._key.key_id}
        claims: dict[str, object] = {"iss": self._key.team, "iat": int(at.timestamp())}
        return jwt.encode(header, claims, self._key.key)


def _no_key(path: str) -> BadSettings:
    return BadSettings(
        f"{SETTING}: {path} is no key for APNs: it has to be the file AuthKey_....p8 that Apple's "
        "developer pages give under Certificates, Identifiers & Profiles > Keys"
    )
