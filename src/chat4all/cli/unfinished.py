"""Remembers the ids of uploads that were begun, so that the same command goes on with them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chat4all.domain.ids import derived_id, new_id

_FORGOTTEN_AFTER = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a file and of the message that will show it."""

    file_id: str
    message_id: str


class Unfinished:
    """What is known of one upload: `parts` say which, as in server, person and checksum.

    It lies in the folder of the user's programs' state, and goes once the message is sent:
    the same file can then be sent again, as another one.
    """

    def __init__(self, *parts: str) -> None:
        self._path = _folder() / f"{derived_id('upload', *parts)}.json"

    def ids(self) -> Ids:
        """Return the ids that were kept, else new ones, which are kept from now on."""
        try:
            kept = json.loads(self._path.read_text())
            return Ids(str(UUID(kept["file_id"])), str(UUID(kept["message_id"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            ids = Ids(new_id(), new_id())
            self._keep(ids)
            return ids

    def forget(self) -> None:
        """Forget this upload, and those that nobody went on with for a week."""
        self._path.unlink(missing_ok=True)
        for path in self._path.parent.glob("*.json"):
            try:
                if path.stat().st_mtime < time.time() - _FORGOTTEN_AFTER:
                    path.unlink()
            except FileNotFoundError:
                continue  # another command forgot it

    def _keep(self, ids: Ids) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps({"file_id": ids.file_id, "message_id": ids.message_id}))
        unfinished.replace(self._path)


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "chat4all" / "uploads"
