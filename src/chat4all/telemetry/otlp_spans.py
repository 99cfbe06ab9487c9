"""Spans as OTLP: what goes over the wire, written as bytes when a span is over.

A span of the SDK on its way through its processor, its encoder and protobuf's objects takes
longer than the work it tells of, and each of its parts is one more object for the collector of
garbage. Ours have no events, no dropped parts, no links with attributes, and values of three
kinds, most of which come again and again: their bytes are known or quickly put together.
https://opentelemetry.io/docs/specs/otlp/
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from chat4all.ports.tracing import Kind
from chat4all.telemetry.tracing import Recorded

_KINDS = {
    Kind.INTERNAL: Span.SPAN_KIND_INTERNAL,
    Kind.SERVER: Span.SPAN_KIND_SERVER,
    Kind.CLIENT: Span.SPAN_KIND_CLIENT,
    Kind.PRODUCER: Span.SPAN_KIND_PRODUCER,
    Kind.CONSUMER: Span.SPAN_KIND_CONSUMER,
}
_MOST_CHARACTERS = 256
"""Of the value of an attribute; the rest is left out."""
_HERE: int = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE: int = _HERE | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK

# Each field begins with its number and how it is written: number << 3 | wire type.
_VARINT, _LENGTH, _FIXED32 = 0, 2, 5
_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_NAME, _KIND, _ATTRIBUTE, _LINK, _STATUS, _FLAGS = 5, 6, 9, 13, 15, 16
_LINK_FLAGS = 6
_times = struct.Struct("<BQBQ").pack  # the times of start and end, with their fields 7 and 8
_STARTED, _ENDED = 0x39, 0x41
_64_BITS = (1 << 64) - 1


class SpanExporter(OTLPSpanExporter):
    """Sends the spans of one process."""

    def __init__(self, endpoint: str, resource: Resource, *, timeout: float) -> None:
        super().__init__(endpoint, timeout=timeout)
        self._envelope = Envelope(resource)

    def send(self, spans: Sequence[bytes]) -> None:
        """Send encoded spans, for as long as the timeout says; what is not taken is lost."""
        self._client.export(self._envelope.around(spans))


class Envelope:
    """What stands around the spans of one process: its resource, and who made them."""

    def __init__(self, resource: Resource) -> None:
        scope = InstrumentationScope("chat4all")
        here = SpanContext(1, 1, is_remote=False)
        one = ReadableSpan("", here, resource=resource, instrumentation_scope=scope)
        [self._resource] = encode_spans([one]).resource_spans
        self._scope = self._resource.scope_spans.pop()
        del self._scope.spans[:]

    def around(self, spans: Sequence[bytes]) -> bytes:
        """Return a request with these spans."""
        kept = [self._scope.SerializeToString()]
        for span in spans:
            kept += b"\x12", _varint(len(span)), span
        whole = [self._resource.SerializeToString(), _field(2, b"".join(kept))]
        return _field(1, b"".join(whole))


def encoded(span: Recorded) -> bytes:
    """Return a span as a message `Span` of OTLP."""
    here, parent = span.context, span.parent
    parts = [_TRACE_ID, bytes.fromhex(here[3:35]), _SPAN_ID, bytes.fromhex(here[36:52])]
    if parent:
        parts += _PARENT_ID, bytes.fromhex(parent[36:52])
    parts += _named(span.name, span.kind), _times(_STARTED, span.started, _ENDED, span.ended)
    for name, value in span.attributes.items():
        parts.append(_attribute(name, _bounded(value)))
    parts += map(_link, span.links)
    parts.append(_end(span.is_failed, bool(parent)))
    return b"".join(parts)


def _bounded(value: str | int | bool) -> str | int | bool:  # noqa: FBT001 - as attributes are
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value


@lru_cache(256)
def _named(name: str, kind: Kind) -> bytes:
    return _field(_NAME, _utf8(name)) + _varint(_KIND << 3 | _VARINT) + _varint(_KINDS[kind])


@lru_cache(4096, typed=True)
def _attribute(name: str, value: str | int | bool) -> bytes:  # noqa: FBT001 - as attributes are
    if isinstance(value, str):
        told = _field(1, _utf8(value))
    elif isinstance(value, bool):
        told = _varint(2 << 3 | _VARINT) + _varint(value)
    else:
        told = _varint(3 << 3 | _VARINT) + _varint(value & _64_BITS)
    return _field(_ATTRIBUTE, _field(1, _utf8(name)) + _field(2, told))


@lru_cache(256)
def _link(place: str) -> bytes:
    """Return a link with a place; that of a batch is linked by many."""
    parts = (
        _TRACE_ID,
        bytes.fromhex(place[3:35]),
        _SPAN_ID,
        bytes.fromhex(place[36:52]),
        _flags(_LINK_FLAGS, _REMOTE),
    )
    return _field(_LINK, b"".join(parts))


@lru_cache(4)
def _end(failed: bool, followed: bool) -> bytes:  # noqa: FBT001 - what a span may end with
    status = b"\x18\x02" if failed else b""  # its field 3, the code: an error, or not set
    return _field(_STATUS, status) + _flags(_FLAGS, _REMOTE if followed else _HERE)


def _flags(number: int, flags: int) -> bytes:
    return _varint(number << 3 | _FIXED32) + flags.to_bytes(4, "little")


def _field(number: int, value: bytes) -> bytes:
    return b"%b%b%b" % (_varint(number << 3 | _LENGTH), _varint(len(value)), value)


def _varint(number: int) -> bytes:
    if number < 0x80:  # noqa: PLR2004 - seven bits in a byte, the eighth says that more come
        return number.to_bytes()
    found = bytearray()
    while number >= 0x80:  # noqa: PLR2004
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
