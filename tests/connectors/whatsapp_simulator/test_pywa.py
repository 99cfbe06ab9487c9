"""A client that is not ours: pywa sends through, and reads the callbacks of, the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pywa_async.client import WhatsApp
from pywa_async.errors import (
    TemplateNotExists,
    TemplateParamCountMismatch,
    TooManyMessages,
)
from pywa_async.handlers import MessageHandler, MessageStatusHandler
from pywa_async.types.templates import BodyText, HeaderText, TemplateLanguage

from chat4all.connectors.whatsapp.calls import HostTransport
from chat4all.testing.whatsapp import (
    SIGNATURE_HEADER,
    Fault,
    FaultKind,
    Number,
    Phone,
    SimulatorServer,
    WhatsAppSimulator,
    signature,
)


@pytest.fixture
async def client(server: SimulatorServer, number: Number) -> AsyncIterator[WhatsApp]:
    session = httpx.AsyncClient(trust_env=False, transport=HostTransport(server.url))
    async with session:
        yield WhatsApp(
            phone_id=number.phone_number_id,
            token=number.access_token,
            session=session,
            server=None,
            app_secret=number.app_secret,
            verify_token=number.verify_token,
            waba_id=number.business_account_id,
        )


async def test_pywa_sends(client: WhatsApp, ana: Phone) -> None:
    question = ana.write("Oi")
    sent = await client.send_message(ana.owner.phone, "Olá", reply_to_message_id=question)
    await client.send_location(ana.owner.phone, latitude=1.5, longitude=2.5, name="Farol")
    await client.send_reaction(ana.owner.phone, emoji="👍", message_id=question)
    await client.mark_message_as_read(question)
    first, answer, place = ana.view().messages
    assert (answer.id, answer.text, answer.reply_to) == (sent.id, "Olá", question)
    assert place.content["latitude"] == 1.5
    assert (first.reactions, first.status) == ({"business": "👍"}, "read")


async def test_pywa_lists_and_sends_templates(
    client: WhatsApp, simulator: WhatsAppSimulator, number: Number, ana: Phone
) -> None:
    words = "Olá {{1}}, até {{2}}!"
    simulator.add_template(number, "reminder", "pt_BR", words, examples=("Ana", "já"))
    simulator.add_template(number, "order", "en", "{{who}} ordered", header="No. {{code}}")
    listed = list(await client.get_templates())
    assert [(one.name, one.status.value) for one in listed] == [
        ("reminder", "APPROVED"),
        ("order", "APPROVED"),
    ]
    params: Any = BodyText.params  # its stub takes the words for `self`
    body = params("Ana", "amanhã")
    await client.send_template(
        ana.owner.phone, "reminder", TemplateLanguage.PORTUGUESE_BR, params=[body]
    )
    named = [HeaderText.params(code="7"), BodyText.params(who="Ana")]
    await client.send_template(ana.owner.phone, "order", TemplateLanguage.ENGLISH, params=named)
    assert ana.view().texts == ["Olá Ana, até amanhã!", "No. 7\nAna ordered"]
    with pytest.raises(TemplateNotExists):
        await client.send_template(ana.owner.phone, "order", TemplateLanguage.GERMAN, params=[])
    with pytest.raises(TemplateParamCountMismatch):
        await client.send_template(ana.owner.phone, "order", TemplateLanguage.ENGLISH, params=[])


async def test_pywa_knows_the_refusals(
    client: WhatsApp, simulator: WhatsAppSimulator, ana: Phone
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.REFUSED, code=131056))
    with pytest.raises(TooManyMessages):
        await client.send_message(ana.owner.phone, "Olá")


async def test_pywa_reads_the_callbacks(
    client: WhatsApp, simulator: WhatsAppSimulator, listener: Any, number: Number, ana: Phone
) -> None:
    heard: list[Any] = []

    async def hear(_: WhatsApp, update: Any) -> None:
        heard.append(update)

    callback: Any = hear  # pywa types it with the client that is not async
    client.add_handlers(MessageHandler(callback), MessageStatusHandler(callback))
    first = ana.write("Oi")
    ana.react(first, "👍")
    ana.send_contact("Bia", "+5571988880000")
    sent = await client.send_message(ana.owner.phone, "Olá")
    ana.read()
    assert await simulator.told()
    for body, proof in zip(listener.bodies, listener.signatures, strict=True):
        assert await client.webhook_update_validator(body, proof) is None
        assert await client.webhook_update_handler(body) == ("ok", 200)
    forged = signature("another secret", listener.bodies[0])
    assert await client.webhook_update_validator(listener.bodies[0], forged) is not None
    assert SIGNATURE_HEADER.lower() == "x-hub-signature-256"

    text, reaction, contact, *statuses = heard
    assert (text.id, text.text, text.from_user.name) == (first, "Oi", "Ana Lima")
    assert reaction.reaction.emoji == "👍"
    assert contact.contacts[0].phones[0].phone == "+5571988880000"
    assert [(one.id, one.status.value) for one in statuses] == [
        (sent.id, "sent"),
        (sent.id, "delivered"),
        (sent.id, "read"),
    ]
