"""The account by which Google knows the server, from the file that Firebase's console gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from chat4all.domain.errors import BadSettings

SETTING = "CHAT4ALL_FCM_CREDENTIALS"
REMEDY = (
    "it has to be the JSON file of a service account, as Firebase's console gives it under "
    "Project settings > Service accounts > Generate new private key"
)


class _File(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["service_account"]
    project_id: str
    private_key_id: str
    private_key: str
    client_email: str
    token_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Who sends, for which project, and where Google gives tokens for that."""

    project: str
    email: str
    key_id: str
    key: RSAKey = field(repr=False)
    token_uri: str

    @classmethod
    def load(cls, path: str) -> Self:
        """Read the file. Raises `BadSettings`, which quotes nothing of it."""
        try:
            return cls.read(Path(path).read_bytes())
        except OSError as error:
            raise BadSettings(f"{SETTING}: cannot read {path}: {error.strerror}") from error
        except ValueError:  # its own error may quote the key
            raise BadSettings(f"{SETTING}: {path} is none: {REMEDY}") from None

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what the file holds. Raises `ValueError`."""
        found = msgspec.json.decode(content, type=_File)
        try:
            key = RSAKey.import_key(found.private_key)
        except JoseError as error:
            raise ValueError("the private key is none") from error
        if not key.is_private:
            raise ValueError("the key is a public one")
        return cls(
            project=found.project_id,
            email=found.client_email,
            key_id=found.private_key_id,
            key=key,
            token_uri=found.token_uri,
        )
