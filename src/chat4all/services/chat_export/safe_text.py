"""Makes what strangers wrote into a file fit to be stored, and counts the repairs."""

from __future__ import annotations

import re

# NUL is refused by several databases; a lone surrogate cannot be encoded at all.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_EXCERPT = 200
_LATITUDE_BOUND = 90
_LONGITUDE_BOUND = 180


class TextRepair:
    """Replaces characters that no store takes by U+FFFD and remembers how many."""

    def __init__(self) -> None:
        self.replaced = 0

    def __call__(self, text: str) -> str:
        """Return `text` without NUL and without lone surrogates."""
        text, count = _UNSTORABLE.subn(_REPLACEMENT, text)
        self.replaced += count
        return text

    def notes(self) -> tuple[str, ...]:
        """Tell what was replaced, or nothing if nothing was."""
        if not self.replaced:
            return ()
        told = f"{self.replaced} characters that are not valid text (broken UTF-8, NUL, "
        return (told + "lone surrogates) were replaced by U+FFFD.",)


def excerpt(text: str) -> str:
    """Return the beginning of `text`, enough to recognise it in a report."""
    return _UNSTORABLE.sub(_REPLACEMENT, text[:_EXCERPT])


def inner_path(name: str) -> str:
    r"""Return `name` if it stays inside the export's folder, else its last part only.

    The name comes from the file and will be opened by someone later: `../../etc/passwd`
    and `C:\secrets` must not lead out of the folder.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    absolute = name.startswith(("/", "\\")) or ":" in (parts[0] if parts else "")
    if absolute or ".." in parts:
        last = parts[-1].rpartition(":")[2] if parts else ""
        return "" if last == ".." else last
    return "/".join(parts)


def on_earth(latitude: float, longitude: float) -> bool:
    """Return whether the coordinates, in degrees, are of a place; not-a-number is of none."""
    return abs(latitude) <= _LATITUDE_BOUND and abs(longitude) <= _LONGITUDE_BOUND
