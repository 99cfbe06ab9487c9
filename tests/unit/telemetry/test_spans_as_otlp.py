"""What is recorded of a span, and that it goes over the wire as the SDK would have it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from chat4all.domain.errors import Unavailable
from chat4all.ports.tracing import Kind
from chat4all.telemetry.otlp_spans import Envelope, encoded
from chat4all.telemetry.resource import resource_of
from chat4all.telemetry.tracing import Recorded
from tests.unit.telemetry.recorder import Recorder, as_sdk


def place(number: int, *, sampled: bool = True) -> str:
    return f"00-{number:032x}-{number:016x}-0{int(sampled)}"


def on_the_wire(span: Recorded) -> Span:
    """Return a span as a receiver reads it."""
    return Span.FromString(encoded(span))


def attributes_of(span: Span) -> Mapping[str, str | int | bool]:
    told = {one.key: one.value for one in span.attributes}
    return {name: getattr(value, str(value.WhichOneof("value"))) for name, value in told.items()}


places = st.builds(place, st.integers(1, 2**64 - 1), sampled=st.booleans())
attributes = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.text(max_size=256) | st.booleans() | st.integers(-(2**62), 2**62) | st.sampled_from([0, 1]),
)
work = st.tuples(
    st.none() | places,
    st.text(max_size=20),
    st.sampled_from(Kind),
    attributes,
    st.lists(places, max_size=3),
    st.booleans(),
)


@given(st.lists(work, min_size=1, max_size=5))
def test_spans_are_encoded_as_the_sdk_encodes_them(
    done: list[tuple[str | None, str, Kind, dict[str, str | int], list[str], bool]],
) -> None:
    recorder, resource = Recorder(), resource_of("chat4all", version="1", environment="trial")
    for parent, name, kind, told, links, fails in done:
        tracing = recorder.tracing
        begin = tracing.begin if parent is None else partial(tracing.follow, parent)
        with suppress(Unavailable), begin(name, kind, told, links=links):
            if fails:
                raise Unavailable("not now")
    if recorder.ended:
        sent = Envelope(resource).around([encoded(one) for one in recorder.ended])
        expected = encode_spans([as_sdk(one, resource) for one in recorder.ended])
        assert ExportTraceServiceRequest.FromString(sent) == expected


def test_a_span_is_of_its_time_and_in_its_place() -> None:
    recorder = Recorder()
    outer = recorder.tracing.follow(place(7), "outer", Kind.SERVER)
    with outer, recorder.tracing.within("inner", Kind.CLIENT):
        pass
    inner, whole = map(on_the_wire, recorder.ended)
    assert [int.from_bytes(one.trace_id) for one in (inner, whole)] == [7, 7]
    assert int.from_bytes(whole.parent_span_id) == 7
    assert inner.parent_span_id == whole.span_id != inner.span_id
    times = [one.start_time_unix_nano for one in (whole, inner)]
    times += [one.end_time_unix_nano for one in (inner, whole)]
    assert times[0]
    assert times == sorted(times)


def test_what_is_told_of_a_span_has_bounds() -> None:
    recorder = Recorder()
    links = [place(number) for number in range(1, 700)]
    with recorder.tracing.begin("batch", Kind.CONSUMER, {"a": "x" * 1000}, links=links) as span:
        span.note({"b": "y" * 1000, "c": 10**12})
    [found] = map(on_the_wire, recorder.ended)
    assert attributes_of(found) == {"a": "x" * 256, "b": "y" * 256, "c": 10**12}
    assert [int.from_bytes(one.trace_id) for one in found.links] == list(range(200, 700))


def test_text_that_is_no_unicode_costs_its_characters_and_not_the_span() -> None:
    recorder = Recorder()
    with recorder.tracing.begin("odd \ud800", Kind.INTERNAL, {"a": "b \udfff"}):
        pass
    [found] = map(on_the_wire, recorder.ended)
    assert found.name == "odd ?"
    assert attributes_of(found) == {"a": "b ?"}


def test_a_span_ends_once() -> None:
    recorder = Recorder()
    span = recorder.tracing.begin("once", Kind.INTERNAL)
    with span:
        span.end()
    span.end()
    assert len(recorder.ended) == 1
