"""Looking into the bytes of files, and asking whether they do harm."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.files import Looks

Bytes = Callable[[], AsyncIterable[bytes]]
"""Streams the bytes of one file from the start, each time it is called."""


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

        Never fails because of what is in the bytes: what cannot be read, or would cost too
        much, has no looks and no thumbnail.
        """
        ...


class VirusScanner(Protocol):
    """Asks a scanner about a file."""

    async def scan(self, data: Bytes, *, size: int) -> str | None:
        """Return the name of what was found, or None for clean. Raises `Unavailable`."""
        ...
