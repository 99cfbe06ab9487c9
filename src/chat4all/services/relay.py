"""How events pass from a notifier to the gateways at which a member is connected.

A notifier publishes a batch once per node, on the topic of that node; nothing is kept there.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Event, Position
from chat4all.ports.tracing import Traces
from chat4all.services.records import decode_event

log = structlog.get_logger(__name__)


class _Traced(msgspec.Struct):
    trace: str = ""


_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode
_trace_of = msgspec.json.Decoder(_Traced).decode


def topic_of(node: str) -> str:
    """Return the topic of the bus on which a gateway hears of events."""
    return f"node.{node}"


def pack(events: Sequence[tuple[bytes, str]]) -> bytes:
    """Return one payload for several events, each as the log holds it, and its trace."""
    return b"[" + b",".join(_with_trace(*one) for one in events) + b"]"


def unpack(payload: bytes) -> tuple[list[Event], Traces]:
    """Return the events of a payload; one of another version of the program is left out."""
    events: list[Event] = []
    traces: dict[Position, str] = {}
    for raw in _decode(payload):
        try:
            event = decode_event(bytes(raw))
        except UnreadableRecord as error:
            log.warning("an event that cannot be read is not told", reason=str(error))
            continue
        events.append(event)
        trace = _trace_of(raw).trace
        if trace:
            traces[event.position] = trace
    return events, traces


def _with_trace(event: bytes, trace: str) -> bytes:
    """Add the trace as one more member, which readers that do not know it pass over."""
    return event[:-1] + b',"trace":' + msgspec.json.encode(trace) + b"}" if trace else event
