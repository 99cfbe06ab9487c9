"""Templates of WhatsApp: which can be sent, how they read, and how a call fills them."""

from __future__ import annotations

from typing import Any

import pytest

from chat4all.connectors.whatsapp.connector import WhatsAppConnector
from chat4all.connectors.whatsapp.templates import approved_of
from chat4all.domain.errors import ChannelError
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.templates import Place
from chat4all.ports.connector import SupportsTemplates
from chat4all.testing.whatsapp import Number, Phone, SimulatorServer, WhatsAppSimulator
from tests.connectors.whatsapp.test_whatsapp_behaviour import config, to


def template(name: str, *parameters: str, language: str = "pt_BR") -> Payload:
    return Payload(
        type=PayloadType.TEMPLATE, name=name, language=language, parameters=parameters, text="-"
    )


@pytest.fixture
def bia(simulator: WhatsAppSimulator) -> Phone:
    """Somebody who never wrote."""
    return simulator.add_person("Bia")


@pytest.fixture
async def shop(server: SimulatorServer, number: Number) -> Any:
    told = {"api_base": server.url, "business_account_id": number.business_account_id}
    connector = WhatsAppConnector(config(number, timeout=5, **told))
    yield connector
    await connector.aclose()


async def test_a_template_goes_out_while_the_window_is_closed(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, number: Number, bia: Phone
) -> None:
    simulator.add_template(number, "reminder", "pt_BR", "Olá {{1}}, até {{2}}!")
    simulator.add_template(number, "welcome", "pt_BR", "Boas-vindas!")
    assert isinstance(shop, SupportsTemplates)
    await shop.send_message(to(bia, template("reminder", "Bia", "amanhã")))
    await shop.send_message(to(bia, template("welcome")))
    assert bia.view().texts == ["Olá Bia, até amanhã!", "Boas-vindas!"]


@pytest.mark.parametrize(
    "payload",
    [
        template("reminder"),
        template("reminder", "Bia"),
        template("reminder", "Bia", "2", "3"),
        template("farewell", "Bia", "2"),
        template("farewell"),
        template("reminder", "Bia", "2", language="en"),
        template("reminder", "two\nlines", "2"),
    ],
)
async def test_what_was_not_approved_so_is_refused_for_good(
    shop: WhatsAppConnector,
    simulator: WhatsAppSimulator,
    number: Number,
    bia: Phone,
    payload: Payload,
) -> None:
    simulator.add_template(number, "reminder", "pt_BR", "Olá {{1}}, até {{2}}!")
    with pytest.raises(ChannelError) as refused:
        await shop.send_message(to(bia, payload))
    assert (refused.value.reason, refused.value.retry) == ("template_refused", False)
    assert bia.view().texts == []


async def test_headers_names_and_buttons_are_filled_too(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, number: Number, bia: Phone
) -> None:
    simulator.add_template(
        number,
        "order",
        "en",
        "{{who}} sent {{what}}",
        header="Order {{code}}",
        footer="Reply STOP to end",
        url="https://shop.example/{{1}}",
        examples=("Ana", "two"),
    )
    [found] = await shop.templates()
    assert found.text == (
        "Order {{1}}\n\n{{2}} sent {{3}}\n\nReply STOP to end\n\nOpen: https://shop.example/{{4}}"
    )
    assert found.places == (
        Place(name="code", example="code"),
        Place(name="who", example="Ana"),
        Place(name="what", example="two"),
        Place(name="4", example="https://shop.example/1"),
    )
    words = ("A-1", "Olga", "three", "orders/1")
    await shop.send_message(to(bia, template("order", *words, language="en")))
    assert bia.view().texts == [
        "Order A-1\nOlga sent three\nhttps://shop.example/orders/1\nReply STOP to end"
    ]


async def test_only_what_is_approved_and_words_can_fill_is_offered(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, number: Number
) -> None:
    simulator.add_template(number, "fine", "en", "Hello", category="MARKETING")
    simulator.add_template(number, "waiting", "en", "Hello", status="PENDING")
    simulator.add_template(number, "paused", "en", "Hello", status="PAUSED")
    simulator.add_template(number, "picture", "en", "Hello", picture=True)
    [found] = await shop.templates()
    assert (found.name, found.category, found.places) == ("fine", "MARKETING", ())


async def test_all_pages_are_read(
    shop: WhatsAppConnector, simulator: WhatsAppSimulator, number: Number
) -> None:
    for at in range(230):
        simulator.add_template(number, f"template_{at:03}", "en", "Hello")
    found = await shop.templates()
    assert [one.name for one in found] == [f"template_{at:03}" for at in range(230)]


async def test_without_the_business_account_it_says_what_to_set(
    server: SimulatorServer, number: Number, bia: Phone
) -> None:
    shop = WhatsAppConnector(config(number, api_base=server.url, timeout=5))
    with pytest.raises(ChannelError, match="business_account_id") as refused:
        await shop.send_message(to(bia, template("reminder", "Bia")))
    assert (refused.value.reason, refused.value.retry) == ("not_configured", False)
    await shop.aclose()


BODY = {"type": "BODY", "text": "Your code is {{1}}."}


@pytest.mark.parametrize(
    "component",
    [
        {"type": "HEADER", "format": "DOCUMENT"},
        {"type": "CAROUSEL", "cards": []},
        {"type": "LIMITED_TIME_OFFER"},
        {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy"}]},
        {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Begin"}]},
        {"type": "BUTTONS", "buttons": [{"type": "CATALOG", "text": "See"}]},
    ],
)
def test_what_words_cannot_fill_is_left_out(component: dict[str, Any]) -> None:
    raw = {"name": "a", "language": "en", "status": "APPROVED", "components": [component, BODY]}
    assert list(approved_of({"data": [raw]})) == []


@pytest.mark.parametrize(
    "answer", [{}, {"data": None}, {"data": ["x", {}, {"status": "APPROVED"}]}]
)
def test_an_odd_list_has_no_templates(answer: dict[str, Any]) -> None:
    assert list(approved_of(answer)) == []


def test_examples_and_plain_buttons_are_read() -> None:
    buttons = [
        {"type": "QUICK_REPLY", "text": "Stop"},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550100"},
        {"type": "URL", "text": "See", "url": "https://x.example/{{1}}", "example": ["s"]},
    ]
    components = [
        {
            "type": "HEADER",
            "format": "TEXT",
            "text": "Sale until {{1}}",
            "example": {"header_text": ["May"]},
        },
        {**BODY, "example": {"body_text": [["1234"]]}},
        {"type": "BUTTONS", "buttons": buttons},
    ]
    raw = {"name": "a", "language": "en", "status": "APPROVED", "components": components}
    [found] = approved_of({"data": [raw]})
    assert found.template.text.splitlines()[-1] == "See: https://x.example/{{3}}"
    assert "Call: +15550100" in found.template.text
    assert [one.example for one in found.template.places] == ["May", "1234", "s"]
    assert found.components(["June", "9", "t"]) == [
        {"type": "header", "parameters": [{"type": "text", "text": "June"}]},
        {"type": "body", "parameters": [{"type": "text", "text": "9"}]},
        {
            "type": "button",
            "sub_type": "url",
            "index": "2",
            "parameters": [{"type": "text", "text": "t"}],
        },
    ]
