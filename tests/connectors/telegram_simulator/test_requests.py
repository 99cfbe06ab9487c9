"""How requests reach the Bot API, before any method looks at them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.testing.telegram import TelegramSimulator
from chat4all.testing.telegram.errors import BotApiError
from chat4all.testing.telegram.messages import METHODS
from chat4all.testing.telegram.parameters import read_parameters

if TYPE_CHECKING:
    import httpx

    from chat4all.testing.telegram import Phone, SimulatorServer


@pytest.mark.parametrize(
    "how",
    [
        {"params": {"chat_id": "501", "text": "olá"}},
        {"data": {"chat_id": "501", "text": "olá"}},
        {"json": {"chat_id": 501, "text": "olá"}},
        {"files": {"chat_id": (None, "501"), "text": (None, "olá")}},
    ],
    ids=["query", "urlencoded", "json", "multipart"],
)
async def test_parameters_may_come_in_four_ways(
    bot: httpx.AsyncClient, ana: Phone, how: dict[str, Any]
) -> None:
    ana.start()
    answer = await bot.post("sendMessage", **how)
    assert answer.json()["result"]["text"] == "olá"


async def test_get_works_and_method_names_ignore_case(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    answer = await bot.get("SENDmessage", params={"chat_id": 501, "text": "hi"})
    assert answer.json()["result"]["text"] == "hi"


async def test_multipart_keeps_line_ends_and_every_character(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    ana.start()
    text = "a\r\nb\n\nc \x0b\x0c\x85 --x\r\n👩‍💻 ü"
    files = {"chat_id": (None, "501"), "text": (None, text)}
    answer = await bot.post("sendMessage", files=files)
    assert answer.json()["result"]["text"] == text


@pytest.mark.parametrize("method", ["logOut", "close"])
async def test_log_out_and_close_say_true(bot: httpx.AsyncClient, method: str) -> None:
    assert (await bot.post(method)).json() == {"ok": True, "result": True}


async def test_what_telegram_does_not_know_is_not_found(
    bot: httpx.AsyncClient, server: SimulatorServer
) -> None:
    for path in ("sendTelepathy", "/botnonsense/getMe", "/bot", "/nothing", "/sim"):
        answer = await bot.get(path if path[0] != "/" else f"{server.url}{path}")
        assert answer.status_code == 404
        assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_a_wrong_token_is_unauthorized(
    bot: httpx.AsyncClient, server: SimulatorServer
) -> None:
    answer = await bot.get(f"{server.url}/bot123456:AAwrong/getMe")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/json", b"{", "can't parse JSON in the request body"),
        ("application/json", b"[]", "the request body must be a JSON object"),
        ("application/json", b"[" * 100_000, "can't parse JSON in the request body"),
        ("application/json", b'{"text": "\\ud800"}', "strings must be encoded in UTF-8"),
        ("application/json", b'{"text": "\xff"}', "strings must be encoded in UTF-8"),
        ("application/x-www-form-urlencoded", b"text=%ff", "strings must be encoded in UTF-8"),
        ("multipart/form-data", b"no boundary", "can't parse the request body"),
    ],
)
async def test_an_unreadable_request_is_a_bad_request(
    bot: httpx.AsyncClient, content_type: str, body: bytes, reason: str
) -> None:
    answer = await bot.post("getChat", content=body, headers={"content-type": content_type})
    assert answer.json()["description"] == f"Bad Request: {reason}"
    assert answer.status_code == 400


async def test_a_huge_body_is_refused(bot: httpx.AsyncClient) -> None:
    answer = await bot.post("sendMessage", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "message_id", "message_ids", "text", "parse_mode", "reply_parameters", "reply_to_message_id",
    "reaction", "latitude", "longitude", "horizontal_accuracy", "phone_number", "first_name",
    "action", "user_id", "offset", "limit", "allowed_updates", "url", "secret_token",
)  # fmt: skip


@given(
    method=st.sampled_from([*METHODS, "getUpdates", "setWebhook", "deleteWebhook"]),
    parameters=st.dictionaries(st.sampled_from(NAMES), ANYTHING | st.just(1), max_size=5),
    chat_id=st.sampled_from([501, 501, 501, -4_000_000_001]) | ANYTHING,
)
async def test_no_parameters_however_odd_are_more_than_refused(
    method: str, parameters: dict[str, Any], chat_id: Any
) -> None:
    simulator = TelegramSimulator()
    token = simulator.add_bot("example_bot")
    ana = simulator.add_person("Ana", id=501)
    ana.start()
    simulator.add_group("Team", [ana])
    body = json.dumps({**parameters, "chat_id": chat_id}).encode()
    with suppress(BotApiError):
        read = read_parameters(query="", content_type="application/json", body=body)
        answer = await simulator.api.call(token, method, read)
        json.dumps(answer, allow_nan=False)
