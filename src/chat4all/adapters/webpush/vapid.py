"""How a push service knows that pushes to one subscription come from one server.

https://www.rfc-editor.org/rfc/rfc8292
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from chat4all.adapters.webpush.encryption import CURVE, base64url, point, unbase64
from chat4all.domain.errors import BadSettings
from chat4all.ports.users import Keys

NAME = "vapid-key"
PRIVATE_BYTES = 32
LIFETIME = timedelta(hours=12)
"""For how long one token is good; a push service takes a day at most."""


@dataclass(frozen=True)
class VapidKey:
    """A private key on P-256. Browsers that subscribed with one take pushes of no other."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    async def load(cls, keys: Keys, given: str = "") -> Self:
        """Return the `given` key, or the deployment's, which the first node that asks makes.

        Raises `BadSettings` for a given one that is none.
        """
        if given:
            try:
                return cls.read(given)
            except ValueError as error:
                raise BadSettings(
                    "CHAT4ALL_VAPID_PRIVATE_KEY: it has to be 32 bytes in base64url, as "
                    "`npx web-push generate-vapid-keys` prints"
                ) from error
        return cls.read(await keys.get_or_set(NAME, new_private_key()))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the 32 bytes of a key from base64url. Raises `ValueError`."""
        raw = unbase64(text)
        if len(raw) != PRIVATE_BYTES:
            raise ValueError("a key has 32 bytes")
        return cls(ec.derive_private_key(int.from_bytes(raw, "big"), CURVE))

    @cached_property
    def public(self) -> str:
        """Return the public part in base64url: a browser's `applicationServerKey`."""
        return base64url(point(self.key.public_key()))

    def authorization(self, endpoint: str, contact: str, at: datetime) -> str:
        """Return the header for one push to `endpoint`; `contact` tells who sends, if not empty."""
        parts = urlsplit(endpoint)
        claims: dict[str, object] = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((at + LIFETIME).timestamp()),
        }
        if contact:
            claims["sub"] = contact
        token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._signing)
        return f"vapid t={token}, k={self.public}"

    @cached_property
    def _signing(self) -> ECKey:
        return ECKey.import_key(self.key)


def new_private_key() -> str:
    """Return a new private key in base64url."""
    number = ec.generate_private_key(CURVE).private_numbers().private_value
    return base64url(number.to_bytes(PRIVATE_BYTES, "big"))
