"""W3C Trace Context, level 2: what a caller says of the trace it is in.

https://www.w3.org/TR/trace-context-2/
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_KNOWN_FLAGS = 0x03  # sampled and random; others are reserved, and to be zero
_MOST = 512
"""Characters of a `traceparent` of a later version that are looked at."""
MOST_STATE = 2_048
"""Characters of `tracestate` that are passed on; a longer one is dropped whole."""
_MOST_MEMBERS = 32

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_OURS = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]")
"""A place as this program writes it, without a state: nearly all of them."""
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_\-*/@]{0,255}="
    r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


def place_of(parents: Sequence[str], states: Sequence[str]) -> str:
    """Return the place that the values of these headers name; empty when they name none.

    Of several `traceparent`, and of one that breaks a rule, nothing is believed. A wrong
    `tracestate` is dropped, and the trace goes on.
    """
    if len(parents) != 1:
        return ""
    found = _PARENT.fullmatch(parents[0].strip(" \t")) if len(parents[0]) <= _MOST else None
    if found is None:
        return ""
    version, trace, span, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest is not None):
        return ""
    if not trace.strip("0") or not span.strip("0"):
        return ""
    parent = f"00-{trace}-{span}-{int(flags, 16) & _KNOWN_FLAGS:02x}"
    state = _state(states)
    return f"{parent} {state}" if state else parent


def _state(values: Sequence[str]) -> str:
    if sum(map(len, values)) > MOST_STATE:
        return ""
    stripped = (one.strip(" \t") for value in values for one in value.split(","))
    members = [one for one in stripped if one]
    if len(members) > _MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return ""
    first: dict[str, str] = {}
    for one in members:
        first.setdefault(one.partition("=")[0], one)
    return ",".join(first.values())


def checked(place: str) -> str:
    """Return a place that came with a record, or empty text when it is none."""
    if not place or _OURS.fullmatch(place):
        return place
    parent, _, state = place.partition(" ")
    return place_of((parent,), (state,) if state else ())


def state_of(place: str) -> str:
    """Return the `tracestate` of a place; empty for none."""
    return place[56:]


def trace_id(place: str) -> str:
    """Return the id of the trace, 32 hexadecimal digits; empty for no place."""
    return place[3:35]


def span_id(place: str) -> str:
    """Return the id of the piece of work, 16 hexadecimal digits; empty for no place."""
    return place[36:52]
