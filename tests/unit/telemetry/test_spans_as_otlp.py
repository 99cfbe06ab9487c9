"""What is recorded of a span, and that it goes over the wire as the SDK would have it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chat4all.domain.errors import Unavailable
from chat4all.ports.tracing import Kind
from chat4all.telemetry.otlp_spans import encoded
from chat4all.telemetry.resource import resource_of
from chat4all.telemetry.tracing import OtelTracing


class Recorder:
    """Traces, and what was recorded of them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        processor = SimpleSpanProcessor(self._exporter)
        self.tracing = OtelTracing(processor, resource_of("chat4all"), ratio=1)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


def place(number: int, *, sampled: bool = True) -> str:
    return f"00-{number:032x}-{number:016x}-0{int(sampled)}"


places = st.builds(place, st.integers(1, 2**64 - 1), sampled=st.booleans())
attributes = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.text(max_size=300) | st.booleans() | st.integers(-(2**62), 2**62) | st.sampled_from([0, 1]),
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
    recorder = Recorder()
    for parent, name, kind, told, links, fails in done:
        tracing = recorder.tracing
        begin = tracing.begin if parent is None else partial(tracing.follow, parent)
        with suppress(Unavailable), begin(name, kind, told, links=links):
            if fails:
                raise Unavailable("not now")
    if recorder.spans:
        assert encoded(recorder.spans) == encode_spans(recorder.spans)


def test_a_span_is_of_its_time_and_in_its_place() -> None:
    recorder = Recorder()
    outer = recorder.tracing.follow(place(7), "outer", Kind.SERVER)
    with outer, recorder.tracing.within("inner", Kind.CLIENT):
        pass
    inner, whole = recorder.spans
    assert [one.context.trace_id for one in (inner, whole)] == [7, 7]
    assert inner.parent is not None
    assert inner.parent.span_id == whole.context.span_id != inner.context.span_id
    times = [one or 0 for one in (whole.start_time, inner.start_time, inner.end_time)]
    times.append(whole.end_time or 0)
    assert times[0]
    assert times == sorted(times)


def test_what_is_told_of_a_span_has_bounds() -> None:
    recorder = Recorder()
    links = [place(number) for number in range(1, 700)]
    with recorder.tracing.begin("batch", Kind.CONSUMER, {"a": "x" * 1000}, links=links) as span:
        span.note({"b": "y" * 1000, "c": 10**12})
    [found] = recorder.spans
    assert found.attributes == {"a": "x" * 256, "b": "y" * 256, "c": 10**12}
    assert len(found.links) == 500


def test_a_span_ends_once() -> None:
    recorder = Recorder()
    span = recorder.tracing.begin("once", Kind.INTERNAL)
    with span:
        span.end()
    span.end()
    assert len(recorder.spans) == 1
