"""Hashing what people sign in with."""

from __future__ import annotations

from typing import Protocol


class Passwords(Protocol):
    """Slow on purpose, and never on the event loop."""

    async def hash(self, password: str) -> str:
        """Return a salted hash that `verify` understands. Raises `Unavailable` when busy."""
        ...

    async def verify(self, secret_hash: str | None, password: str) -> bool:
        """Say whether `password` made `secret_hash`.

        With None (no such user) it does the same work and returns False, so that the time
        taken does not tell which usernames exist. Raises `Unavailable` when busy.
        """
        ...
