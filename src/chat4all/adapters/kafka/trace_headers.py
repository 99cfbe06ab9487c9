"""The place in a trace as headers of a Kafka record, as other systems write and read them.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#context-propagation
"""

from __future__ import annotations

from typing import Any

Headers = list[tuple[str, str | bytes | None]]
"""Headers of a record, as the library takes them."""
_PARENT, _STATE = "traceparent", "tracestate"


def headers_of(trace: str) -> Headers | None:
    """Return the headers that carry a place; None for none."""
    if not trace:
        return None
    parent, _, state = trace.partition(" ")
    headers: Headers = [(_PARENT, parent.encode("ascii"))]
    if state:
        headers.append((_STATE, state.encode("ascii")))
    return headers


def trace_of(headers: Any) -> str:
    """Return the place that a record's headers carry; empty when they carry none.

    What others write there that is not ASCII is none: it could not be handed on.
    """
    if not headers:
        return ""
    found = {
        name: value.decode("ascii")
        for name, value in headers
        if name in {_PARENT, _STATE} and isinstance(value, bytes) and value.isascii()
    }
    return f"{found.get(_PARENT, '')} {found.get(_STATE, '')}".strip()
