"""Conditional and range requests, for one representation of known size and entity tag.

https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*\Z", re.IGNORECASE)
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to but not including `end`; `partial` says 206 rather than 200."""

    start: int
    end: int
    partial: bool


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Say whether If-None-Match names the representation: the client has it."""
    given = headers.get("if-none-match")
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or "*" in tags


def part_of(headers: Mapping[str, str], *, size: int, etag: str) -> Part | None:
    """Return the part that a request asks for; None when the range cannot be satisfied.

    Several ranges, other units and what cannot be read are answered with the whole, as
    section 14.2 allows; so is a range whose If-Range names another representation.
    """
    whole = Part(0, size, partial=False)
    given = headers.get("range")
    if given is None or headers.get("if-range", etag) != etag:
        return whole
    found = _ONE.match(given)
    if found is None or max(len(found[1]), len(found[2])) > _DIGITS or not (found[1] or found[2]):
        return whole
    if not found[1]:
        last = min(int(found[2]), size)
        return Part(size - last, size, partial=True) if last else None
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return whole
    end = min(int(found[2]) + 1, size) if found[2] else size
    return Part(start, end, partial=True) if start < size else None
