"""Errors are problem details, whoever refuses."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import httpx
import pytest

from chat4all.domain.errors import Chat4AllError
from chat4all.gateway.rest.problems import STATUS
from chat4all.gateway.rest.strict_json import explain
from tests.gateway.world import Person, World

REGISTER = "/v1/auth/register"
JSON = {"Content-Type": "application/json"}
NOBODY = "0198c0de-0000-7000-8000-000000000000"


def tree(root: type[Chat4AllError]) -> Iterator[type[Chat4AllError]]:
    yield root
    for below in root.__subclasses__():
        yield from tree(below)


def test_every_error_of_the_domain_has_a_status() -> None:
    public = {one for one in tree(Chat4AllError) if not one.__name__.startswith("_")}
    assert {one for one in public if one.__module__.startswith("chat4all.domain.")} == set(STATUS)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/nothing", 404), ("PUT", "/v1/messages", 405)],
)
async def test_unknown_addresses_and_methods_are_problems(
    anonymous: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await anonymous.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["instance"] == path
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code"}


async def test_405_and_options_say_what_is_allowed(anonymous: httpx.AsyncClient) -> None:
    refused = await anonymous.delete("/v1/contacts")
    assert sorted(refused.headers["allow"].split(", ")) == ["GET", "OPTIONS", "POST"]
    asked = await anonymous.options("/v1/contacts")
    assert asked.status_code == 204
    assert asked.headers["allow"] == "GET, OPTIONS, POST"


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        (b'{"username":"zoe"}', "/password", "required"),
        (b'{"username":"zoe","password":"12345678","admin":true}', "/admin", "unknown field"),
        (b'{"username":"zoe","password":12345678}', "/password", "expected `str`"),
        (b'{"username":"zoe\\n","password":"12345678"}', "/username", "expected letters"),
        (b'{"username":"zo","password":"12345678"}', "/username", "expected `str` of length >= 3"),
        (b'{"username":"zoe","password":"1234\\u00005678"}', "/password", "U+0000"),
        (b'{"username":"zoe","password":"1234\\ud8005678"}', "/password", "lone surrogate"),
        (b'{"username":"zoe","password":"1234\xff5678"}', "", "not UTF-8"),
        (b'{"username":"zoe"', "", "truncated"),
        (b"", "", ""),
        (b"[" * 5_000, "", ""),
        (b'{"a":' * 2_000, "", ""),
    ],
)
async def test_a_bad_body_is_400_and_points_to_what_is_wrong(
    anonymous: httpx.AsyncClient, body: bytes, pointer: str, words: str
) -> None:
    answer = await anonymous.post(REGISTER, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_failed"
    [found] = answer.json()["errors"]
    assert found["pointer"] == pointer
    assert words in found["detail"]


async def test_json_is_bounded_in_depth(ana: Person, group: str) -> None:
    deep = b'{"metadata":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"
    answer = await ana.http.patch(f"/v1/conversations/{group}", content=deep, headers=JSON)
    assert answer.status_code == 400
    assert "nested" in answer.json()["detail"]


async def test_bodies_are_bounded_in_size(anonymous: httpx.AsyncClient) -> None:
    body = b'{"username":"' + b"a" * 300_000 + b'"}'
    answer = await anonymous.post(REGISTER, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_another_media_type_is_415(anonymous: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/xml"}
    answer = await anonymous.post(REGISTER, content=b"<a/>", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    form = await anonymous.post("/v1/auth/token", json={"grant_type": "password"})
    assert form.status_code in {400, 415}


async def test_a_client_that_takes_no_json_gets_406(ana: Person) -> None:
    answer = await ana.http.get("/v1/users/me", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    for accepted in ("*/*", "application/*", "application/json", "text/html, */*;q=0.1"):
        fine = await ana.http.get("/v1/users/me", headers={"Accept": accepted})
        assert fine.status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=%00", "query=%00"])
async def test_bad_parameters_are_400(ana: Person, query: str) -> None:
    answer = await ana.http.get(f"/v1/users?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    ("method", "path", "pointer"),
    [
        ("GET", "/v1/contacts/ana", "/contact_id"),
        ("GET", "/v1/presence?user_ids=ana,bia", "/user_ids"),
        ("POST", "/v1/conversations", "/member_ids/0"),
    ],
)
async def test_what_is_no_id_is_told_in_words(
    ana: Person, method: str, path: str, pointer: str
) -> None:
    body = {"type": "private", "member_ids": ["bia"]} if method == "POST" else None
    answer = await ana.http.request(method, path, json=body)
    assert answer.status_code == 400
    [found] = answer.json()["errors"]
    assert found["pointer"] == pointer
    assert "UUID" in found["detail"]
    assert "regex" not in found["detail"]


@pytest.mark.parametrize("value", ["null", "NULL", "x", "-1"])
async def test_a_place_in_a_conversation_is_a_number(ana: Person, group: str, value: str) -> None:
    answer = await ana.http.get(f"/v1/conversations/{group}/messages?after_seq={value}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/after_seq"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/messages/search?q=", "q"),
        ("GET", f"/v1/messages/search?q=a&from={'1' * 41}", "from"),
        ("GET", f"/v1/messages/search?q=a&to={'1' * 41}", "to"),
        ("GET", "/v1/messages/search?q=a&cursor=x", "cursor"),
        ("GET", "/v1/contacts/export?format=docx", "format"),
        ("DELETE", f"/v1/messages/{NOBODY}?for=nobody", "for"),
        ("GET", "/v1/scheduled-messages?state=lost", "state"),
    ],
)
async def test_a_wrong_parameter_is_told_by_the_name_that_clients_know(
    ana: Person, method: str, path: str, name: str
) -> None:
    answer = await ana.http.request(method, path)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{name}"]


async def test_what_should_not_happen_is_logged_under_an_id_and_not_told(
    world: World, anonymous: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(dict[str, str]):
        def __bool__(self) -> bool:
            raise ZeroDivisionError("the secret of the house")

    async def ready() -> Mapping[str, str]:
        return Broken()

    object.__setattr__(world.deps, "ready", ready)
    with caplog.at_level(logging.ERROR):
        answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret of the house" not in answer.text
    incident = answer.json()["instance"].removeprefix("urn:uuid:")
    assert incident in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_not_ready_is_503_with_retry_after(
    world: World, anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get("/readyz")).json() == {"status": "ready"}
    world.missing["log"] = "the disk is full"
    answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "the disk is full" in answer.json()["detail"]


def test_messages_of_the_decoder_become_pointers() -> None:
    assert explain("Expected `int`, got `str` - at `$.items[2].size`") == (
        "/items/2/size",
        "expected `int`, got `str`",
    )
    assert explain("Object missing required field `text` - at `$.payload`") == (
        "/payload/text",
        "required",
    )


async def test_a_whole_number_may_be_written_with_a_point(ana: Person, group: str) -> None:
    path = f"/v1/conversations/{group}/read"
    assert (
        await ana.http.post(path, content=b'{"up_to_seq":0.0}', headers=JSON)
    ).status_code == 200
    half = await ana.http.post(path, content=b'{"up_to_seq":0.5}', headers=JSON)
    assert half.json()["errors"] == [
        {"pointer": "/up_to_seq", "detail": "expected `int`, got `float`"}
    ]
