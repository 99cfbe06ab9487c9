"""What a worker found in a file, and how it says so to the process that asked.

A worker writes lines of JSON: `{"read": [start, end]}` asks for bytes, which come as they
are; `{"found": {...}, "thumbnail": N}` ends the work on a file, and N bytes follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from chat4all.adapters.media.limits import MAX_SIDE

MAX_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`video` tells of a recording whether it has moving pictures; None of anything else."""

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    video: bool | None = None
    thumbnail: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """Return all but the thumbnail."""
        return {
            "width": self.width,
            "height": self.height,
            "duration": self.duration,
            "video": self.video,
        }


def found_of(told: Any, thumbnail: bytes | None) -> Found:
    """Return what a worker told, without what cannot be: it may have been taken over."""
    if not isinstance(told, dict):
        return Found()
    width, height = _side(told.get("width")), _side(told.get("height"))
    sized = width is not None and height is not None
    return Found(
        width=width if sized else None,
        height=height if sized else None,
        duration=_seconds(told.get("duration")),
        video=told["video"] if isinstance(told.get("video"), bool) else None,
        thumbnail=thumbnail if thumbnail is not None and _is_webp(thumbnail) else None,
    )


def _side(value: Any) -> int | None:
    return value if type(value) is int and 0 < value <= MAX_SIDE else None


def _seconds(value: Any) -> float | None:
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return round(float(value), 3) if 0 < value <= MAX_SECONDS else None


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"
