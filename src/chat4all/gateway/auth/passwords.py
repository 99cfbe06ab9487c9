"""Argon2id in a bounded pool of threads.

https://www.rfc-editor.org/rfc/rfc9106
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chat4all.domain.errors import Unavailable

T = TypeVar("T")


class Argon2Passwords:
    """Hashes and verifies passwords; at most `threads` at a time, at most `queue` in all.

    Each takes `hasher.memory_cost` KiB, so the bound on threads is one on memory as well.
    """

    def __init__(
        self, *, hasher: PasswordHasher | None = None, threads: int = 2, queue: int = 64
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._queue = queue
        self._running = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return a salted hash. Raises `Unavailable` when too many are waiting."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, secret_hash: str | None, password: str) -> bool:
        """Say whether `password` made `secret_hash`; as slow for None as for a hash."""
        return await self._run(lambda: self._verify(secret_hash, password))

    def close(self) -> None:
        """Wait for what is running and end the threads."""
        self._pool.shutdown()

    def _verify(self, secret_hash: str | None, password: str) -> bool:
        if self._decoy is None:
            self._decoy = self._hasher.hash("nobody's password")
        try:
            self._hasher.verify(secret_hash or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return secret_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._running >= self._queue:
            raise Unavailable("too many sign-ins at once; try again shortly", retry_after=1.0)
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._running -= 1
