"""What a record of Kafka carries of a trace, whoever wrote it."""

from __future__ import annotations

import pytest

from chat4all.adapters.kafka.trace_headers import headers_of, trace_of

PARENT = f"00-{1:032x}-{2:016x}-01"


@pytest.mark.parametrize("place", [PARENT, f"{PARENT} vendor=1,other=2"])
def test_a_place_comes_back_as_it_was_written(place: str) -> None:
    assert trace_of(headers_of(place)) == place


def test_no_place_writes_no_headers() -> None:
    assert headers_of("") is None
    assert trace_of(None) == ""


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", "00-é-1".encode())],
        [("traceparent", b"\xff\xfe")],
        [("traceparent", None)],
        [("tracestate", "vendor=ß".encode())],
    ],
)
def test_what_could_not_be_handed_on_is_no_place(
    headers: list[tuple[str, bytes | None]],
) -> None:
    assert trace_of(headers) == ""
    assert headers_of(trace_of(headers)) is None
