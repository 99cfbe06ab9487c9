"""Looking into the bytes of files, and asking whether they do harm."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.files import Looks


class Bytes(Protocol):
    """The bytes of one file, to be asked for more than once: `partial(store.read, key)`."""

    def __call__(self, *, start: int = 0, end: int | None = None) -> AsyncIterable[bytes]:
        """Stream the bytes from `start` up to but not including `end`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the bytes say: their type, how they look, and a small picture of them (WebP)."""

    mime_type: str
    looks: Looks
    thumbnail: bytes | None = None


class MediaInspector(Protocol):
    """Reads strangers' bytes, in a worker that can be lost: bounded in time and memory."""

    async def inspect(self, data: Bytes, *, size: int, name: str, claimed: str) -> Inspection:
        """Return what the bytes of a file are; `claimed` is the type its sender says.

        Reads only the parts it needs, a few MiB of a large film. Never fails because of
        what is in the bytes: what cannot be read, or would cost too much, has no looks and
        no thumbnail. What `data` raises goes on to the caller.
        """
        ...


class VirusScanner(Protocol):
    """Asks a scanner about a file."""

    async def scan(self, data: Bytes, *, size: int) -> str | None:
        """Return the name of what was found, or None for clean.

        Raises `Unavailable` when the scanner does not answer or cannot work: the file must
        wait, for it was not scanned. Raises `TooLarge` when it takes no file of this size.
        """
        ...
