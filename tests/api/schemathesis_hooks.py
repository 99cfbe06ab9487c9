"""What schemathesis is told besides its configuration: media types of tus, and integers."""

from __future__ import annotations

from typing import Any

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """Write whole numbers without a point: JSON Schema takes 1.0 for an integer, we do not."""
    return whole_numbers(body)


def whole_numbers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: whole_numbers(item) for key, item in value.items()}
        case list():
            return [whole_numbers(item) for item in value]
    return value
