"""The document says what the routes do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from chat4all.gateway.rest.app import openapi_document
from chat4all.gateway.rest.problems import Problem
from tests.gateway.world import World, client_of

DOCUMENT: dict[str, Any] = msgspec.json.decode(openapi_document())
METHODS = ("get", "post", "put", "patch", "delete")
PUBLIC = {
    "register",
    "token",
    "revokeToken",
    "authorizationServer",
    "jwks",
    "platformCallback",
    "platformChallenge",
    "health",
    "readiness",
    "metrics",
}
"""What needs no access token; a new public route is a decision, so it stands here."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


OPERATIONS = list(operations())
SECURED = [one for one in OPERATIONS if one[2]["security"]]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_each_operation_is_described_and_secured(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["description"]
    public = operation["operationId"] in PUBLIC
    assert operation["security"] == ([] if public else [{"bearer": []}])
    assert ("401" in operation["responses"]) or public
    assert ("403" in operation["responses"]) or not path.startswith("/v1/admin")
    assert ("404" in operation["responses"]) or "{" not in path
    assert ("413" in operation["responses"]) or "requestBody" not in operation


@pytest.mark.parametrize(("path", "method", "operation"), SECURED)
async def test_nobody_gets_in_where_the_document_asks_for_a_token(
    world: World, path: str, method: str, operation: dict[str, Any]
) -> None:
    name = "01980f1c-6b1e-7c3a-9d0a-3f5b8a1c2d4e"
    for parameter in operation.get("parameters", ()):
        path = path.replace("{" + parameter["name"] + "}", name)
    async with client_of(world) as nobody:
        answer = await nobody.request(method, path, content=b"not even JSON")
    assert answer.status_code == 401
    msgspec.json.decode(answer.content, type=Problem)


def test_a_body_that_may_be_left_out_is_not_required() -> None:
    required = {
        operation["operationId"]: operation["requestBody"]["required"]
        for _, _, operation in OPERATIONS
        if "requestBody" in operation
    }
    optional = {name for name, needed in required.items() if not needed}
    assert optional == {
        "archiveConversation",
        "createUpload",
        "overrideUploadMethod",
        "sendFileFromPhone",
    }


def test_an_answer_without_content_has_none_in_the_document() -> None:
    empty = [operation["responses"].get("204") for _, _, operation in OPERATIONS]
    found = [answer for answer in empty if answer is not None]
    assert len(found) > 3
    assert not [answer for answer in found if "content" in answer]


def test_every_problem_is_explained_on_the_docs_page() -> None:
    assert {"validation_failed", "invalid_grant", "no_channel"} <= set(DOCUMENT["x-problems"])
    assert all(one["description"] for one in DOCUMENT["x-problems"].values())
