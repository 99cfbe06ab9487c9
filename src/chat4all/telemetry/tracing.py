"""Follows messages with OpenTelemetry's SDK; where it is not sampled, without it.

https://opentelemetry.io/docs/specs/otel/trace/sdk/
"""

from __future__ import annotations

import random
from collections.abc import Collection
from contextvars import Token
from typing import Self

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider, sampling
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from chat4all.domain.errors import ChannelError, Chat4AllError
from chat4all.ports.tracing import NOTHING, Attributes, Kind, Span, is_sampled
from chat4all.telemetry.current import PLACE
from chat4all.telemetry.trace_context import (
    checked,
    flags_of,
    span_id,
    state_of,
    trace_id,
)

_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
    Kind.INTERNAL: SpanKind.INTERNAL,
}
_LIMITS = SpanLimits(max_attribute_length=256, max_links=500)
_NEW_FLAGS = 0x02  # the ids of a trace that begins here are random


class OtelTracing:
    """See `Tracing`. Of the traces that begin here the part `ratio` (0 to 1) is sampled.

    A trace that came from outside is sampled when its caller samples it.
    """

    def __init__(self, processor: SpanProcessor, resource: Resource, *, ratio: float) -> None:
        self._ratio = ratio
        # Whether to record is decided before the SDK is asked: what is not costs no span.
        self._provider = TracerProvider(
            sampler=sampling.ALWAYS_ON, resource=resource, span_limits=_LIMITS
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("chat4all")

    @property
    def current(self) -> str:
        """See `Tracing.current`."""
        return PLACE.get()

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """See `Tracing.begin`."""
        linked = [place for place in map(checked, links) if place]
        chosen = random.random() < self._ratio  # noqa: S311 - a sample is no secret
        if not (any(map(is_sampled, linked)) if links else chosen):
            return _Unsampled(_new_place())
        return _Recorded(self._start(Context(), name, kind, attributes, linked))

    def follow(
        self,
        context: str,
        name: str,
        kind: Kind,
        attributes: Attributes | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """See `Tracing.follow`."""
        place = checked(context)
        if not place:
            return NOTHING
        if not is_sampled(place):
            return _Unsampled(f"{place[:36]}{_random(64):016x}{place[52:]}")
        parent = set_span_in_context(NonRecordingSpan(_span_context(place)), Context())
        return _Recorded(self._start(parent, name, kind, attributes, links), state_of(place))

    def within(self, name: str, kind: Kind, attributes: Attributes | None = None) -> Span:
        """See `Tracing.within`."""
        place = PLACE.get()
        return self.follow(place, name, kind, attributes) if is_sampled(place) else NOTHING

    def close(self) -> None:
        """Export what is left, for a few seconds at most, and stop. Blocks."""
        self._provider.shutdown()

    def _start(
        self,
        parent: Context,
        name: str,
        kind: Kind,
        attributes: Attributes | None,
        links: Collection[str],
    ) -> OtelSpan:
        return self._tracer.start_span(
            name,
            parent,
            _KINDS[kind],
            attributes,
            [Link(_span_context(one)) for one in links if is_sampled(one)],
            record_exception=False,
            set_status_on_exception=False,
        )


class _Current:
    """Makes its place the current one in a `with` block."""

    __slots__ = ("_token", "context")

    def __init__(self, context: str) -> None:
        self.context = context
        self._token: Token[str] | None = None

    def __enter__(self) -> Self:
        self._token = PLACE.set(self.context)
        return self

    def _leave(self) -> None:
        if self._token is not None:
            PLACE.reset(self._token)
            self._token = None


class _Unsampled(_Current):
    """Known by its place alone."""

    __slots__ = ()

    def named(self, name: str) -> None:
        """See `Span.named`."""

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""

    def failed(self, code: str) -> None:
        """See `Span.failed`."""

    def end(self) -> None:
        """See `Span.end`."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()


class _Recorded(_Current):
    """A span of the SDK, and the `tracestate` that goes with it."""

    __slots__ = ("_span",)

    def __init__(self, span: OtelSpan, state: str = "") -> None:
        super().__init__(_place(span.get_span_context(), state))
        self._span = span

    def named(self, name: str) -> None:
        """See `Span.named`."""
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""
        self._span.set_attributes(attributes)

    def failed(self, code: str) -> None:
        """See `Span.failed`."""
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """See `Span.end`."""
        if self._span.is_recording():
            self._span.end()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()
        if isinstance(error, Exception):
            self.failed(_word(error))
        self.end()


def _word(error: Exception) -> str:
    """Return why something failed, without the text, which may hold anything."""
    if isinstance(error, ChannelError):
        return error.reason
    return error.code if isinstance(error, Chat4AllError) else type(error).__name__


def _new_place() -> str:
    return f"00-{_random(128):032x}-{_random(64):016x}-{_NEW_FLAGS:02x}"


def _random(bits: int) -> int:
    return random.getrandbits(bits) or 1


def _place(context: SpanContext, state: str) -> str:
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    return f"{parent} {state}" if state else parent


def _span_context(place: str) -> SpanContext:
    # Without the state, which the SDK knows by the rules of level 1; what goes on has it.
    return SpanContext(
        int(trace_id(place), 16),
        int(span_id(place), 16),
        is_remote=True,
        trace_flags=TraceFlags(flags_of(place)),
    )
