"""The hashing of passwords in a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat4all.gateway.auth.passwords import Argon2Passwords


@asynccontextmanager
async def open_passwords() -> AsyncIterator[Argon2Passwords]:
    """Give the hashing of passwords; its threads end with the context."""
    passwords = Argon2Passwords()
    try:
        yield passwords
    finally:
        passwords.close()
