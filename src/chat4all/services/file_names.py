"""What a file may be called: the one rule, for what people upload and what platforms send."""

from __future__ import annotations

import mimetypes
import unicodedata

MAX_NAME = 255
"""Characters of a file's name."""
NAMELESS = "file"
_JOINERS = "\u200c\u200d"
"""Format characters that words and emoji need; the others can hide what a name is."""
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})


def clean_name(name: str) -> str:
    """Return `name` as a file may be called, whatever it held.

    Only the part after the last slash or backslash stays: a name is no path. Control characters,
    those that turn the direction of writing and other invisible ones go; white space becomes
    single spaces; spaces at both ends and dots at the end go, as no system keeps them. A name
    that is too long is cut before its extension, and one of which nothing is left is `file`.
    """
    last = unicodedata.normalize("NFC", name.replace("\\", "/")).rpartition("/")[2]
    shown = "".join(" " if one.isspace() else one for one in last)
    shown = "".join(one for one in shown if one in _JOINERS or _is_visible(one))
    shown = " ".join(shown.split()).rstrip(". ")
    if len(shown) > MAX_NAME:
        stem, dot, extension = shown.rpartition(".")
        end = dot + extension if stem and len(extension) <= 16 else ""  # noqa: PLR2004 - longer is no extension
        shown = shown[: MAX_NAME - len(end)].rstrip(". ") + end
    return shown.strip(_JOINERS) or NAMELESS


def name_for(mime_type: str) -> str:
    """Return a name for a file that came without one."""
    return NAMELESS + (mimetypes.guess_extension(mime_type) or "")


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE
