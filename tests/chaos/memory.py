"""The memory of a server and its processes, as the system tells it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

PAUSE = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += [int(one) for one in (thread / "children").read_text().split()]
    return found


def resident(pid: int) -> int:
    """Return the resident bytes of one process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


class MemoryWatch:
    """Looks at a server again and again.

    `growth` is by how much its processes together have exceeded what they had at `begin`;
    processes that came later, such as those that look into pictures, are counted in `later`.
    """

    def __init__(self) -> None:
        self.growth = 0
        self.later = 0
        self._before: dict[int, int] = {}
        self._root = 0

    def begin(self, pid: int) -> None:
        """Take what the server has now as the measure: it is new, or was started again."""
        self._root = pid
        self._before = {one: resident(one) for one in tree(pid)}

    def look(self) -> None:
        """Look once."""
        now = {one: resident(one) for one in tree(self._root)}
        if self._root in now and resident(self._root):
            grown = sum(now.get(one, 0) - had for one, had in self._before.items() if now.get(one))
            self.growth = max(self.growth, grown)
            others = sum(size for one, size in now.items() if one not in self._before)
            self.later = max(self.later, others)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(PAUSE)
