"""Bodies that something happened to on their way."""

from __future__ import annotations

import copy
import json

from hypothesis import strategies as st

from chat4all.testing.recorded_callbacks import places

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Return `body` with one of its values replaced, or, when it is no JSON, one stretch."""
    try:
        value = copy.deepcopy(json.loads(body))
    except ValueError:
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 40)))
        return body[:start] + draw(st.text(max_size=40)).encode() + body[end:]
    container, key = draw(st.sampled_from(list(places(value))))
    container[key] = draw(anything)
    return json.dumps(value).encode()
