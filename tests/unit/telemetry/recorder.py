"""What is recorded, as spans of the SDK: to be read by tests, and by its encoder."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from chat4all.telemetry.tracing import OtelTracing, Recorded


class Recorder:
    """Traces, and what was recorded of them."""

    def __init__(self, *, ratio: float = 1.0) -> None:
        self.ended: list[Recorded] = []
        self.tracing = OtelTracing(self.ended.append, ratio=ratio)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {one.name: one for one in self.finished}

    @property
    def finished(self) -> Sequence[ReadableSpan]:
        return [as_sdk(one) for one in self.ended]

    def parent(self, name: str) -> str | None:
        parent = self.spans[name].parent
        return None if parent is None else f"{parent.span_id:016x}"


def as_sdk(span: Recorded, resource: Resource | None = None) -> ReadableSpan:
    """Return a span as the SDK would hold it."""
    return ReadableSpan(
        span.name,
        context=_context(span.context),
        parent=_context(span.parent, is_remote=True) if span.parent else None,
        resource=resource or Resource.get_empty(),
        attributes=span.attributes,
        links=[Link(_context(one, is_remote=True)) for one in span.links],
        kind=SpanKind[span.kind.name],
        status=Status(StatusCode.ERROR if span.is_failed else StatusCode.UNSET),
        start_time=span.started,
        end_time=span.ended,
        instrumentation_scope=InstrumentationScope("chat4all"),
    )


def _context(place: str, *, is_remote: bool = False) -> SpanContext:
    _, trace, span, flags = place.partition(" ")[0].split("-")
    known = TraceFlags(int(flags, 16))
    return SpanContext(int(trace, 16), int(span, 16), is_remote=is_remote, trace_flags=known)
