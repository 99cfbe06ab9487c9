"""Spans as OTLP: the SDK's exporter with an encoder that knows what our spans are made of.

The SDK's takes more time for a span than the program takes to make it, since it has to be
ready for any span there may be. Ours have no events, no dropped parts, no links with
attributes, and values of three kinds, most of which come again and again.
https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags, Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

_KINDS = {
    SpanKind.INTERNAL: Span.SPAN_KIND_INTERNAL,
    SpanKind.SERVER: Span.SPAN_KIND_SERVER,
    SpanKind.CLIENT: Span.SPAN_KIND_CLIENT,
    SpanKind.PRODUCER: Span.SPAN_KIND_PRODUCER,
    SpanKind.CONSUMER: Span.SPAN_KIND_CONSUMER,
}
_CODES = {
    StatusCode.UNSET: Status.STATUS_CODE_UNSET,
    StatusCode.OK: Status.STATUS_CODE_OK,
    StatusCode.ERROR: Status.STATUS_CODE_ERROR,
}
_HERE: int = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE: int = _HERE | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_AT_ONCE = 64
"""Spans after which other threads may go on: some milliseconds of encoding are no answer late."""


class SpanExporter(OTLPSpanExporter):
    """Sends the spans of one process. An attribute is text, a number or yes and no."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them, for as long as the timeout says; what is not taken is lost."""
        if not spans:
            return SpanExportResult.SUCCESS
        sent = self._client.export(encoded(spans).SerializeToString())
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def encoded(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """Return what is sent: as the SDK's `encode_spans`, of spans of one resource and scope."""
    request = encode_spans(spans[:1])
    kept = request.resource_spans[0].scope_spans[0].spans
    for place, span in enumerate(spans[1:], 1):
        if place % _AT_ONCE == 0:
            time.sleep(0)
        kept.append(_encoded(span))
    return request


def _encoded(span: ReadableSpan) -> Span:
    here, parent = span.context, span.parent
    return Span(
        trace_id=here.trace_id.to_bytes(16, "big"),
        span_id=here.span_id.to_bytes(8, "big"),
        parent_span_id=b"" if parent is None else parent.span_id.to_bytes(8, "big"),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        attributes=[_attribute(name, value) for name, value in (span.attributes or {}).items()],
        links=_links(one.context for one in span.links),
        status=Status(code=_CODES[span.status.status_code]),
        flags=_flags(parent),
    )


@lru_cache(4096, typed=True)
def _attribute(name: str, value: str | int | bool) -> KeyValue:  # noqa: FBT001 - as attributes are
    if isinstance(value, str):
        return KeyValue(key=name, value=AnyValue(string_value=value))
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    return KeyValue(key=name, value=AnyValue(int_value=value))


def _links(places: Iterable[SpanContext]) -> list[Span.Link]:
    return [
        Span.Link(
            trace_id=one.trace_id.to_bytes(16, "big"),
            span_id=one.span_id.to_bytes(8, "big"),
            flags=_flags(one),
        )
        for one in places
    ]


def _flags(place: SpanContext | None) -> int:
    return _REMOTE if place is not None and place.is_remote else _HERE
