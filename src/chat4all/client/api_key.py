"""An API key, which stands where an access token does and is renewed by nobody."""

from __future__ import annotations

from http import HTTPStatus

from chat4all.client.errors import refused

ON_BEHALF_OF = "Chat4All-On-Behalf-Of"
"""The header with the id of the user as whom a program acts."""


class ApiKey:
    """What a program proves itself with; docs/howto/use-api-keys.md."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def bearer(self) -> str:
        """Return the key."""
        return self._key

    async def renew(self, stale: str | None) -> str:
        """Raise `Unauthenticated`: there is no other key than `stale`, which was refused."""
        if stale is None:
            return self._key
        detail = "the server does not take this API key: it is wrong, was revoked or has expired"
        raise refused(HTTPStatus.UNAUTHORIZED, detail, "invalid_token")
