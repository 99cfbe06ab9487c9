"""Follows messages; what is recorded is handed to OpenTelemetry's SDK when it is over.

A span of the SDK costs more than all else that is done for a message: it is made for whoever
may change it in other threads, ask a sampler, or break its limits. Ours belongs to one task,
is known to be recorded, and becomes a `ReadableSpan` of the SDK at its end, which the SDK's
processors and exporters take.
https://opentelemetry.io/docs/specs/otel/trace/sdk/
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from contextvars import Token
from functools import lru_cache
from typing import Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from chat4all.domain.errors import ChannelError, Chat4AllError
from chat4all.ports.tracing import NOTHING, Attributes, Kind, Span, is_sampled
from chat4all.telemetry.current import PLACE
from chat4all.telemetry.trace_context import checked, flags_of, span_id, trace_id

_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
    Kind.INTERNAL: SpanKind.INTERNAL,
}
_MOST_CHARACTERS = 256
"""Of the value of an attribute; the rest is left out."""
_MOST_LINKS = 500
_RANDOM, _SAMPLED = 0x02, 0x01  # flags: the ids of a trace that begins here are random
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class OtelTracing:
    """See `Tracing`. Of the traces that begin here the part `ratio` (0 to 1) is sampled.

    A trace that came from outside is sampled when its caller samples it.
    """

    def __init__(self, processor: SpanProcessor, resource: Resource, *, ratio: float) -> None:
        self._ratio = ratio
        self._recorder = _Recorder(processor, resource)

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
        recorded = any(map(is_sampled, linked)) if links else chosen
        place = _new_place(recorded=recorded)
        if not recorded:
            return _Unsampled(place)
        return _Recorded(self._recorder, place, "", name, kind, attributes, linked)

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
        parent = checked(context)
        if not parent:
            return NOTHING
        place = f"{parent[:36]}{_random(64):016x}{parent[52:]}"
        if not is_sampled(parent):
            return _Unsampled(place)
        return _Recorded(self._recorder, place, parent, name, kind, attributes, links)

    def within(self, name: str, kind: Kind, attributes: Attributes | None = None) -> Span:
        """See `Tracing.within`."""
        place = PLACE.get()
        return self.follow(place, name, kind, attributes) if is_sampled(place) else NOTHING

    def close(self) -> None:
        """Export what is left, for a few seconds at most, and stop. Blocks."""
        self._recorder.processor.shutdown()


class _Recorder:
    """What all spans of a process have in common."""

    __slots__ = ("processor", "resource", "scope")

    def __init__(self, processor: SpanProcessor, resource: Resource) -> None:
        self.processor = processor
        self.resource = resource
        self.scope = InstrumentationScope("chat4all")


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
    """What becomes a span of the SDK at its end."""

    __slots__ = (
        "_attributes",
        "_kind",
        "_links",
        "_name",
        "_parent",
        "_recorder",
        "_started",
        "_status",
    )

    def __init__(
        self,
        recorder: _Recorder,
        place: str,
        parent: str,
        name: str,
        kind: Kind,
        attributes: Attributes | None,
        links: Collection[str],
    ) -> None:
        super().__init__(place)
        self._recorder: _Recorder | None = recorder
        self._parent = parent
        self._name = name
        self._kind = kind
        self._attributes = dict(attributes) if attributes else {}
        self._links = links
        self._status = _UNSET
        self._started = time.time_ns()

    def named(self, name: str) -> None:
        """See `Span.named`."""
        self._name = name

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""
        self._attributes.update(attributes)

    def failed(self, code: str) -> None:
        """See `Span.failed`."""
        self._attributes["error.type"] = code
        self._status = _ERROR

    def end(self) -> None:
        """See `Span.end`."""
        recorder = self._recorder
        if recorder is None:
            return
        self._recorder = None
        span = ReadableSpan(
            self._name,
            context=_span_context(self.context),
            parent=_known_context(self._parent) if self._parent else None,
            resource=recorder.resource,
            attributes={name: _bounded(value) for name, value in self._attributes.items()},
            links=_linked(self._links),
            kind=_KINDS[self._kind],
            status=self._status,
            start_time=self._started,
            end_time=time.time_ns(),
            instrumentation_scope=recorder.scope,
        )
        recorder.processor.on_end(span)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()
        if isinstance(error, Exception):
            self.failed(_word(error))
        self.end()


def _linked(places: Collection[str]) -> list[Link]:
    found = [Link(_known_context(one)) for one in places if is_sampled(one)]
    return found[-_MOST_LINKS:]


def _bounded(value: str | int | bool) -> str | int | bool:  # noqa: FBT001 - as attributes are
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value


def _word(error: Exception) -> str:
    """Return why something failed, without the text, which may hold anything."""
    if isinstance(error, ChannelError):
        return error.reason
    return error.code if isinstance(error, Chat4AllError) else type(error).__name__


def _new_place(*, recorded: bool) -> str:
    flags = _RANDOM | _SAMPLED if recorded else _RANDOM
    return f"00-{_random(128):032x}-{_random(64):016x}-{flags:02x}"


def _random(bits: int) -> int:
    return random.getrandbits(bits) or 1


def _span_context(place: str, *, is_remote: bool = False) -> SpanContext:
    # Without the state, which the SDK knows by the rules of level 1; what goes on has it.
    return SpanContext(
        int(trace_id(place), 16),
        int(span_id(place), 16),
        is_remote=is_remote,
        trace_flags=TraceFlags(flags_of(place)),
    )


@lru_cache(1024)
def _known_context(place: str) -> SpanContext:
    """Return the context of a place from which others go on: a batch is that of many."""
    return _span_context(place, is_remote=True)
