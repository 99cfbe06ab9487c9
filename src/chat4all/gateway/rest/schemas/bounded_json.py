"""Free-form JSON objects of clients: bounded, and strings we can keep."""

from __future__ import annotations

from typing import Any

import msgspec

from chat4all.domain.errors import InvalidInput

MAX_BYTES = 16 * 1024


def check_object(value: dict[str, Any], pointer: str) -> dict[str, Any]:
    """Return `value` when it is small enough to be kept with every message."""
    if value and len(msgspec.json.encode(value)) > MAX_BYTES:
        detail = f"larger than {MAX_BYTES} bytes"
        raise InvalidInput(f"the object is {detail}", [(pointer, detail)])
    return value
