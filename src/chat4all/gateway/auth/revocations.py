"""Which sign-ins and tokens are revoked, in memory, kept up to date between nodes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chat4all.ports.ephemeral import Bus
from chat4all.ports.users import Tokens

TOPIC = "auth.revocations"


class Revocations:
    """A set that a token check can ask without waiting.

    `load` once at the start; `follow` as a task where there is more than one node.
    """

    def __init__(self, tokens: Tokens, bus: Bus, *, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._bus = bus
        self._now = now
        self._revoked: set[str] = set()
        self._watchers: list[Callable[[], None]] = []

    def __contains__(self, subject: str) -> bool:
        return subject in self._revoked

    def watch(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each change, on whichever node it was made."""
        self._watchers.append(tell)

    async def load(self) -> None:
        """Read what is revoked now; forgets what no longer matters."""
        self._revoked = set(await self._tokens.revoked(at=self._now()))
        self._tell()

    async def add(self, subject: str, *, until: datetime) -> None:
        """Revoke `subject` durably, then here, then on the other nodes."""
        await self._tokens.revoke(subject, until=until)
        self._add(subject)
        await self._bus.publish(TOPIC, subject.encode())

    async def reload(self) -> None:
        """Read again, and have the other nodes read again."""
        await self.load()
        await self._bus.publish(TOPIC, b"")

    async def follow(self) -> None:
        """Hear of the other nodes' revocations until cancelled or left behind."""
        async with self._bus.listen(TOPIC) as subjects:
            await self.load()  # what happened before anybody listened
            async for subject in subjects:
                if subject:
                    self._add(subject.decode())
                else:
                    await self.load()

    def _add(self, subject: str) -> None:
        self._revoked.add(subject)
        self._tell()

    def _tell(self) -> None:
        for tell in self._watchers:
            tell()
