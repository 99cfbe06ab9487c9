"""What programs prove who they are with, and what each key of theirs is good for."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chat4all.domain.ids import ActId, KeyId, UserId

PREFIX = "c4a_"
SECRET_LENGTH = 32
"""Characters of 62 kinds: 190 bits."""
CHECKSUM_LENGTH = 6
MAX_ACCOUNTS = 20
"""Service accounts of one person."""
MAX_KEYS = 20
"""Keys of one account that are good at the same time."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(f"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


class Scope(StrEnum):
    """A group of calls. People's own tokens are good for all of them, keys for those they name.

    `read` reads and is told of events, `send` sends messages, files and signs of life, `manage`
    changes conversations and contacts, `webhooks` has events posted, `admin` is administration.
    `act` allows to act as a user who allowed it. `account` is what no key is ever good for:
    keys, service accounts, channels, who may act for one, and what tokens are worth.
    """

    READ = "read"
    SEND = "send"
    MANAGE = "manage"
    WEBHOOKS = "webhooks"
    ADMIN = "admin"
    ACT = "act"
    ACCOUNT = "account"


EVERYTHING = frozenset(Scope)
GRANTABLE = EVERYTHING - {Scope.ACCOUNT}
"""What a key can be good for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a service account. Of its text only the hash is kept, and the last characters.

    `used_at` is right to some two minutes. `per_minute` is how many calls it is good for.
    """

    id: KeyId
    account_id: UserId
    secret_hash: str
    hint: str
    name: str
    scopes: frozenset[Scope]
    per_minute: int
    created_by: UserId
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        """Say whether the key opens anything at `at`."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What an API key is good for: calls a minute, those `left`, seconds until all are again."""

    per_minute: int
    left: int
    full_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A user lets a service account act as they."""

    user_id: UserId
    account_id: UserId
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedAct:
    """One call that a service account made as a user; `what` is its method and address."""

    id: ActId
    account_id: UserId
    key_id: KeyId
    user_id: UserId
    what: str
    at: datetime


def new_key() -> str:
    """Return the text of a new key."""
    secret = "".join(secrets.choice(_DIGITS) for _ in range(SECRET_LENGTH))
    return f"{PREFIX}{secret}{_checksum(secret)}"


def is_key(text: str) -> bool:
    """Say whether `text` can be a key: whether its form and checksum are right."""
    if _FORM.fullmatch(text) is None:
        return False
    secret = text.removeprefix(PREFIX)[:SECRET_LENGTH]
    return text.endswith(_checksum(secret))


def hash_of(text: str) -> str:
    """Return what is kept of a key: its secret is too long to be guessed from a plain hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(secret: str) -> str:
    """Return the CRC-32 of `secret` in base 62.

    >>> _checksum("0" * 32)
    '2wjyrI'
    """
    value, digits = zlib.crc32(secret.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
