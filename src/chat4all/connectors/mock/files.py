"""The files that the simulated phones hold."""

from __future__ import annotations

from collections.abc import AsyncIterable
from pathlib import Path

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import new_id

MAX_FILE_BYTES = 16 * 1024**2
"""The largest file that the phones take and send."""
MOST_FILES = 64
"""Files that are kept, over all phones; older ones go, as they do on real platforms."""


class PhoneFiles:
    """Keeps bytes by an id, in `folder` or in memory. Its methods block: call them in a thread."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "files" if folder else None
        self._kept: dict[str, bytes] = {}

    def keep(self, data: bytes) -> str:
        """Keep `data`; return the id to read it by."""
        name = new_id()  # sorts by time
        if self._folder is None:
            self._kept[name] = data
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = self._folder / f"{name}.new"
            fresh.write_bytes(data)
            fresh.replace(self._folder / name)
        for old in self._names()[:-MOST_FILES]:
            self.forget(old)
        return name

    def read(self, name: str) -> bytes | None:
        """Return what was kept, None once it is gone."""
        if self._folder is None:
            return self._kept.get(name)
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def forget(self, name: str) -> None:
        """Remove a file; one that is gone is no error."""
        self._kept.pop(name, None)
        if self._folder is not None:
            (self._folder / name).unlink(missing_ok=True)

    def forget_all(self) -> None:
        """Remove every file."""
        for name in self._names():
            self.forget(name)

    def _names(self) -> list[str]:
        if self._folder is None:
            return sorted(self._kept)
        return sorted(one.name for one in self._folder.iterdir()) if self._folder.is_dir() else []


async def whole(pieces: AsyncIterable[bytes]) -> bytes:
    """Return all of a file that comes. Raises `ChannelError` for one that is too large."""
    data = bytearray()
    async for piece in pieces:
        data += piece
        if len(data) > MAX_FILE_BYTES:
            raise ChannelError("the file is too large", retry=False, reason="media_too_large")
    return bytes(data)
