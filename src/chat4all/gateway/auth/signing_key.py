"""The Ed25519 key that signs access tokens, the same on every node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from joserfc.jwk import OKPKey

from chat4all.ports.users import Keys

NAME = "access-token-key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its id, the JWK thumbprint (RFC 7638)."""

    key: OKPKey
    key_id: str

    @classmethod
    async def load(cls, keys: Keys) -> Self:
        """Return the deployment's key; the first node that asks makes it."""
        fresh = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
        key = OKPKey.import_key(json.loads(await keys.get_or_set(NAME, fresh)))
        return cls(key, key.thumbprint())

    def jwks(self) -> dict[str, Any]:
        """Return the public part as a JWK set (RFC 7517)."""
        public = self.key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "Ed25519"}]}
