"""How events pass from a notifier to the gateways at which a member is connected.

A notifier publishes a batch once per node, on the topic of that node; nothing is kept there.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Event
from chat4all.services.records import decode_event

log = structlog.get_logger(__name__)

_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode


def topic_of(node: str) -> str:
    """Return the topic of the bus on which a gateway hears of events."""
    return f"node.{node}"


def pack(events: Sequence[bytes]) -> bytes:
    """Return one payload for several events, each as the log holds it."""
    return b"[" + b",".join(events) + b"]"


def unpack(payload: bytes) -> list[Event]:
    """Return the events of a payload; one of another version of the program is left out."""
    events = []
    for raw in _decode(payload):
        try:
            events.append(decode_event(bytes(raw)))
        except UnreadableRecord as error:
            log.warning("an event that cannot be read is not told", reason=str(error))
    return events
