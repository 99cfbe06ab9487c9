"""A transport that keeps what is written to it."""

from __future__ import annotations

import asyncio


class Wire(asyncio.Transport):
    """What is written stays here, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Hear nothing more: nothing more is sent here."""

    def resume_reading(self) -> None:
        """Hear again."""

    @property
    def written(self) -> bytes:
        """All of it, whatever the pieces."""
        return b"".join(self.pieces)
