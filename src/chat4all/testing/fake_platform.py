"""The platform that a connector under test talks to, and how it can fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

RETRY_AFTER = 7
"""Seconds that a rate-limited platform asks to wait in these tests."""


class Fault(StrEnum):
    """How a platform can fail a call."""

    RATE_LIMITED = "rate_limited"
    """It asks to wait `RETRY_AFTER` seconds."""
    SERVER_ERROR = "server_error"
    """It has a problem of its own, such as HTTP 500."""
    NO_ANSWER = "no_answer"
    """The connection breaks, or nothing comes in time."""
    REFUSED = "refused"
    """It will never take this, such as HTTP 403 for somebody who blocked us."""
    LOGGED_OUT = "logged_out"
    """It takes the account's credentials no longer, such as HTTP 401."""


class FakePlatform(Protocol):
    """The platform that the connector under test talks to, on this machine."""

    @property
    def address(self) -> str:
        """Return a chat that takes messages."""
        ...

    def taken(self) -> int:
        """Return how many messages the platform has taken."""
        ...

    async def fail(self, fault: Fault) -> None:
        """Let every call from now on end in `fault`."""
        ...


@runtime_checkable
class ShowsFiles(Protocol):
    """A platform that shows the files it took; without it a cut one goes unseen."""

    def files(self) -> Sequence[tuple[bytes, str | None]]:
        """Return the bytes and the caption of each file it has taken, oldest first."""
        ...


@runtime_checkable
class HoldsMedia(Protocol):
    """A platform from which the files of incoming messages are fetched."""

    def hold(self, data: bytes) -> str:
        """Have somebody send a file; return the `reference` of its attachment."""
        ...

    def hold_too_large(self) -> str | None:
        """Have somebody send a file that is not handed out; None where there is no limit."""
        ...

    def lose_all(self) -> None:
        """Forget every file, as platforms do after some time."""
        ...

    def break_off(self) -> None:
        """Cut the next download in the middle."""
        ...


@runtime_checkable
class ShowsTexts(Protocol):
    """A platform that shows what it took; without it a cut text goes unseen."""

    def texts(self) -> Sequence[str]:
        """Return the texts it has taken, oldest first, as a person would see them."""
        ...
