"""What is believed of a caller's trace: https://www.w3.org/TR/trace-context-2/."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.telemetry.trace_context import checked, place_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("value", "believed"),
    [
        (GOOD, GOOD),
        (f" \t{GOOD}\t ", GOOD),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-02", f"00-{TRACE}-{SPAN}-02"),
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"cc-{TRACE}-{SPAN}-01", GOOD),
        (f"cc-{TRACE}-{SPAN}-01-later", GOOD),
        (f"cc-{TRACE}-{SPAN}-01.later", ""),
        (f"cc-{TRACE}-{SPAN}-01-{'x' * 600}", ""),
        (f"ff-{TRACE}-{SPAN}-01", ""),
        (f"00-{TRACE}-{SPAN}-01-later", ""),
        (f"00-{TRACE}-{SPAN}-01-", ""),
        (f"0-{TRACE}-{SPAN}-01", ""),
        (f"000-{TRACE}-{SPAN}-01", ""),
        (f".0-{TRACE}-{SPAN}-01", ""),
        (f"00-{'0' * 32}-{SPAN}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{SPAN}-01", ""),
        (f"00-{TRACE}-{SPAN.upper()}-01", ""),
        (f"00-{TRACE}-{SPAN}-0A", ""),
        (f"00-{TRACE[1:]}-{SPAN}-01", ""),
        (f"00-{TRACE}0-{SPAN}-01", ""),
        (f"00-{TRACE}-{SPAN[1:]}-01", ""),
        (f"00-{TRACE}-{SPAN}0-01", ""),
        (f"00-{TRACE}-{SPAN}-1", ""),
        (f"00-{TRACE}-{SPAN}-001", ""),
        (f"00_{TRACE}_{SPAN}_01", ""),
        ("\u0660\u0660" + GOOD[2:], ""),
        (GOOD + "\n", ""),
        ("", ""),
    ],
)
def test_a_traceparent_is_believed_when_it_keeps_every_rule(value: str, believed: str) -> None:
    assert place_of([value], []) == believed


def test_of_several_traceparents_none_is_believed() -> None:
    other = f"00-{TRACE[::-1]}-{SPAN}-01"
    assert place_of([GOOD, other], []) == ""
    assert place_of([GOOD, GOOD], []) == ""
    assert place_of([], ["foo=1"]) == ""


@pytest.mark.parametrize(
    ("values", "passed_on"),
    [
        (["foo=1,bar=2"], "foo=1,bar=2"),
        (["foo=1,bar=2", "rojo=1", "congo=2"], "foo=1,bar=2,rojo=1,congo=2"),
        (["", "foo=1", ""], "foo=1"),
        (["foo=1 \t , \t bar=2,\t,"], "foo=1,bar=2"),
        (["foo= 1 2 "], "foo= 1 2"),
        (["foo=1,foo=2", "foo=3"], "foo=1"),
        (["foo@=1,foo@@bar=2,0f@x_-*/=3"], "foo@=1,foo@@bar=2,0f@x_-*/=3"),
        ([f"{'z' * 256}=1"], f"{'z' * 256}=1"),
        ([f"foo=1,{'z' * 257}=1"], ""),
        ([f"foo={'v' * 256}"], f"foo={'v' * 256}"),
        ([f"foo={'v' * 257}"], ""),
        ([",".join(f"k{n}=1" for n in range(32))], ",".join(f"k{n}=1" for n in range(32))),
        ([",".join(f"k{n}=1" for n in range(33))], ""),
        (["foo =1"], ""),
        (["FOO=1"], ""),
        (["foo.bar=1"], ""),
        (["@foo=1,bar=2"], ""),
        (["foo=bar=baz"], ""),
        (["foo=,bar=3"], ""),
        (["foo=\u00e9"], ""),
        (["foo"], ""),
        ([f"a={'x' * 250},b={'x' * 250}", "c=1"], f"a={'x' * 250},b={'x' * 250},c=1"),
        ([",".join(f"k{n}={'x' * 100}" for n in range(30))], ""),
        ([], ""),
    ],
)
def test_a_wrong_tracestate_is_dropped_whole_and_the_trace_goes_on(
    values: list[str], passed_on: str
) -> None:
    assert place_of([GOOD], values) == f"{GOOD} {passed_on}".strip()


@given(st.text(max_size=80), st.lists(st.text(max_size=60), max_size=3))
def test_whatever_comes_is_a_place_or_none(parent: str, states: list[str]) -> None:
    place = place_of([parent], states)
    assert place in {"", checked(place)}


@given(st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_a_place_is_always_of_version_00_with_known_flags(parent: str) -> None:
    place = place_of([parent], ["a=1"])
    assert place == "" or place[:3] == "00-"
    assert place == "" or int(place[53:55], 16) <= 3
    assert place == "" or (place[3:52], place[55:]) == (parent[3:52], " a=1")
