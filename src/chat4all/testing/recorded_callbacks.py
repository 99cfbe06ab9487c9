"""What a recorded callback stands for, and where it can be damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from chat4all.domain.inbound import Inbound, Receipt


def as_json(event: Inbound) -> dict[str, Any]:
    """Return an event as the files of expected events hold it: its fields that are set."""
    fields = json.loads(msgspec.json.encode(event))
    if isinstance(event, Receipt):
        fields["status"] = event.status.word
    return {"event": type(event).__name__, **_set_fields(fields)}


def _set_fields(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _set_fields(one) if isinstance(one, dict) else one
        for name, one in value.items()
        if one is not None
    }


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Return where something stands within a JSON value: the container and the key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        yield value, key
        if isinstance(one, dict | list):
            yield from places(one)
