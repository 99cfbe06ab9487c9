"""Whatever is sent, the answer is a 4xx problem or a success: never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.world import Person

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "payload", "message_id", "conversation_id", "metadata", "x"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
TARGETS = [
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/batch"),
    ("POST", "/v1/contacts"),
    ("POST", "/v1/conversations"),
    ("PATCH", "/v1/users/me"),
    ("PUT", "/v1/presence"),
    ("POST", "/v1/users/me/channels"),
]
tries = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize(("method", "path"), TARGETS)
@tries
@given(body=BODIES)
async def test_any_body_is_understood_or_refused(
    ana: Person, method: str, path: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    check(await ana.http.request(method, path, content=body, headers=headers))


@tries
@given(payload=JSON, metadata=JSON)
async def test_any_payload_is_stored_or_refused(
    ana: Person, group: str, payload: Any, metadata: Any
) -> None:
    body = json.dumps({"conversation_id": group, "payload": payload, "metadata": metadata}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=2"}
    check(await ana.http.post("/v1/messages", content=body, headers=headers))


@tries
@given(form=st.binary(max_size=80))
async def test_any_form_is_understood_or_refused(ana: Person, form: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("token", "revoke", "introspect"):
        check(await ana.http.post(f"/v1/auth/{path}", content=form, headers=headers))


@tries
@given(query=st.text(st.characters(codec="utf-8"), max_size=30), name=st.text(max_size=20))
async def test_any_query_is_understood_or_refused(ana: Person, query: str, name: str) -> None:
    given_values = {"q": query, "query": query, "cursor": name, "from": name, "limit": name}
    for path in ("messages/search", "users", "conversations", "sync"):
        check(await ana.http.get(f"/v1/{path}", params=given_values))
        check(await ana.http.get(f"/v1/{path}", params={"q": query, "query": query}))
