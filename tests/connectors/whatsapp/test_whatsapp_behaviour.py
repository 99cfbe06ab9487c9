"""What is WhatsApp's own, over the simulator: templates, the window, refusals, challenges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from chat4all.connectors.whatsapp import WhatsAppConfig
from chat4all.connectors.whatsapp.calls import HostTransport, recipient, refusal
from chat4all.connectors.whatsapp.connector import WhatsAppConnector
from chat4all.connectors.whatsapp.failures import failure_of
from chat4all.connectors.whatsapp.translate import events_of
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.ports.connector import SupportsChallenge
from chat4all.testing.whatsapp import (
    Fault,
    FaultKind,
    Number,
    Phone,
    SimulatorServer,
    WhatsAppSimulator,
)

CARD = Payload(
    type=PayloadType.CONTACT, name="Bia", phone="+5571988880000", email="bia@example.com"
)


@pytest.fixture
async def shop(server: SimulatorServer, number: Number) -> AsyncIterator[WhatsAppConnector]:
    connector = WhatsAppConnector(config(number, api_base=server.url, timeout=5))
    yield connector
    await connector.aclose()


def config(number: Number, **more: Any) -> WhatsAppConfig:
    return WhatsAppConfig.model_validate(
        {
            "access_token": number.access_token,
            "app_secret": number.app_secret,
            "verify_token": number.verify_token,
            "phone_number_id": number.phone_number_id,
            **more,
        }
    )


def to(phone: Phone, payload: Payload, **more: str) -> Outgoing:
    return Outgoing(
        message_id=MessageId(new_id()), address=phone.owner.phone, payload=payload, **more
    )


async def test_a_place_a_contact_and_an_answer_arrive(shop: WhatsAppConnector, ana: Phone) -> None:
    question = ana.view().messages[0].id
    await shop.send_message(to(ana, text("Olá"), reply_to=question, from_name="Olga"))
    await shop.send_message(
        to(ana, Payload(type=PayloadType.LOCATION, latitude=-12.9, longitude=0.0, name="Farol"))
    )
    await shop.send_message(to(ana, CARD))
    answer, place, card = ana.view().messages[1:]
    assert (answer.text, answer.reply_to) == ("Olga: Olá", question)
    assert place.content == {"latitude": -12.9, "longitude": 0.0, "name": "Farol"}
    assert card.content[0]["name"]["formatted_name"] == "Bia"
    assert card.content[0]["phones"][0]["phone"] == "+5571988880000"
    assert card.content[0]["emails"][0]["email"] == "bia@example.com"


async def test_the_latest_reaction_is_shown_and_none_takes_it_back(
    shop: WhatsAppConnector, ana: Phone
) -> None:
    question = ana.view().messages[0].id
    await shop.set_reactions(ana.owner.phone, question, ["👍", "❤️"])
    assert ana.view().messages[0].reactions == {"business": "❤️"}
    await shop.set_reactions(ana.owner.phone, question, [])
    assert ana.view().messages[0].reactions == {}


@pytest.mark.parametrize(
    ("code", "status", "whole"),
    [
        (130429, 400, True),
        (131048, 400, True),
        (80007, 400, True),
        (131056, 400, False),
        (190, 401, True),
        (131042, 400, True),
        (131031, 403, True),
        (368, 403, True),
        (131026, 400, False),
        (131047, 400, False),
        (132001, 404, False),
        (131000, 500, False),
        (None, 429, True),
        (None, 401, True),
        (None, 500, False),
    ],
)
def test_a_refusal_says_whether_it_concerns_the_number(
    code: int | None, status: int, *, whole: bool
) -> None:
    raw = {"message": "no"} if code is None else {"message": "no", "code": code}
    error = refusal("messages", raw, httpx.Response(status))
    assert error.of_account is whole


@pytest.mark.parametrize(
    ("code", "status", "reason", "retry"),
    [
        (4, 400, "rate_limited", True),
        (80007, 400, "rate_limited", True),
        (130429, 400, "rate_limited", True),
        (131056, 400, "rate_limited", True),
        (131000, 500, "unavailable", True),
        (131016, 400, "unavailable", True),
        (999, 503, "unavailable", True),
        (190, 401, "unauthorized", False),
        (10, 403, "unauthorized", False),
        (131026, 400, "undeliverable", False),
        (131047, 400, "session_window_closed", False),
        (131051, 400, "not_supported", False),
        (132001, 404, "template_refused", False),
        (132069, 400, "template_refused", False),
        (100, 400, "refused", False),
    ],
)
async def test_a_refusal_has_its_reason(
    shop: WhatsAppConnector,
    simulator: WhatsAppSimulator,
    ana: Phone,
    *,
    code: int,
    status: int,
    reason: str,
    retry: bool,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.REFUSED, code=code, status=status))
    with pytest.raises(ChannelError) as refused:
        await shop.send_message(to(ana, text("Oi")))
    assert (refused.value.reason, refused.value.retry) == (reason, retry)
    assert refused.value.platform_error is not None
    assert refused.value.platform_error["code"] == code


async def test_the_limit_of_a_pair_says_when_to_come_again(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, ana: Phone
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.REFUSED, code=131056))
    with pytest.raises(ChannelError) as refused:
        await shop.send_message(to(ana, text("Oi")))
    assert refused.value.retry_after == 6.0


async def test_a_lost_answer_counts_as_worth_a_retry(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, ana: Phone
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.LOST_ANSWER))
    with pytest.raises(ChannelError) as lost:
        await shop.send_message(to(ana, text("Oi")))
    assert (lost.value.reason, lost.value.retry) == ("network", True)
    assert len(ana.view().messages) == 2


async def test_a_slow_answer_is_a_time_out(
    server: SimulatorServer, simulator: WhatsAppSimulator, number: Number, ana: Phone
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DELAY, seconds=1.5))
    hasty = WhatsAppConnector(config(number, api_base=server.url, timeout=0.3))
    with pytest.raises(ChannelError) as late:
        await hasty.send_message(to(ana, text("Oi")))
    assert (late.value.reason, late.value.retry) == ("timeout", True)
    await hasty.aclose()


@pytest.mark.parametrize(
    "content", [b"<html>Welcome to the hotel</html>", b"[]", b"{}", b'{"messages": [{}]}', b"\xff"]
)
async def test_what_is_not_the_api_answers_nothing_we_take_for_success(
    number: Number, ana: Phone, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    async def answer(_: HostTransport, __: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content)

    monkeypatch.setattr(HostTransport, "handle_async_request", answer)
    shop = WhatsAppConnector(config(number))
    with pytest.raises(ChannelError) as strange:
        await shop.send_message(to(ana, text("Oi")))
    assert strange.value.reason in ("unavailable", "unreadable_answer")
    await shop.aclose()


async def test_whoami_is_the_phone_number(shop: WhatsAppConnector) -> None:
    assert await shop.whoami() == "+1 555-010-0001"
    assert "https://wa.me/15550100001?text=" in shop.link_instructions("K7", "+1 555-010-0001")


async def test_the_path_of_the_api_base_goes_first(server: SimulatorServer, number: Number) -> None:
    below = WhatsAppConnector(config(number, api_base=f"{server.url}/graph/", timeout=5))
    with pytest.raises(ChannelError) as missing:
        await below.whoami()
    assert "/graph/v23.0/" in str(missing.value.platform_error)
    await below.aclose()


def test_the_challenge_is_answered_to_who_knows_the_verify_token(
    shop: WhatsAppConnector, number: Number
) -> None:
    assert isinstance(shop, SupportsChallenge)
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": number.verify_token,
    }
    assert shop.answer_challenge(asked) == b"1158201444"
    for wrong in (
        {"hub.verify_token": "guessed"},
        {"hub.verify_token": "é\ud800"},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": ""},
    ):
        with pytest.raises(WebhookRejected):
            shop.answer_challenge({**asked, **wrong})
    with pytest.raises(WebhookRejected):
        shop.answer_challenge({})


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("+55 (71) 99999-0000", {"to": "5571999990000", "recipient_type": "individual"}),
        ("US.134912086553", {"recipient": "US.134912086553", "recipient_type": "individual"}),
        ("Y2FwaV9ncm91cDox", {"to": "Y2FwaV9ncm91cDox", "recipient_type": "group"}),
    ],
)
def test_an_address_is_a_number_a_user_or_a_group(address: str, named: dict[str, str]) -> None:
    assert {name: value for name, value in recipient(address).items() if value} == named


def test_a_refusal_shows_no_token_even_if_whatsapp_repeats_it() -> None:
    error = {"code": 190, "message": "Malformed access token EAAsecret", "error_data": "EAAsecret"}
    refused = refusal("messages", error, None, token="EAAsecret")
    assert "EAAsecret" not in f"{refused}{refused.platform_error}"


def test_a_failure_without_a_code_is_refused() -> None:
    assert failure_of({}).code == "refused"
    assert failure_of({"code": True}).code == "refused"


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": ""},
        {"access_token": "a b"},
        {"phone_number_id": "+55 71"},
        {"api_version": "23"},
        {"api_base": "ftp://x"},
        {"colour": "green"},
    ],
)
def test_a_config_that_cannot_be_right_is_refused_without_showing_it(
    number: Number, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        config(number, **wrong)
    assert number.access_token not in str(refused.value)


def test_a_config_comes_back_from_storage_as_it_was(number: Number) -> None:
    stored = config(number).as_stored()
    assert stored["access_token"] == number.access_token
    assert WhatsAppConfig(**stored).as_stored() == stored
    assert number.access_token not in repr(config(number))


def test_a_body_of_another_product_is_no_callback() -> None:
    for body in (b'{"object":"page","entry":[]}', b'{"entry":[]}', b'{"object":1}', b"[]", b"x"):
        with pytest.raises(ValueError, match=r"."):
            events_of(body, phone_number_id="1")
