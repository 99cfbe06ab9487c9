"""What is said on a real Prosody arrives, both ways, once, and after whatever happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from slixmpp import JID

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.inbound import (
    Inbound,
    IncomingDeletion,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    Receipt,
)
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all_xmpp.conformance import ANA, PASSWORD, SHOP, require_prosody, xmpp
from chat4all_xmpp.connector import XmppConnector
from chat4all_xmpp.contact import Contact, connected
from chat4all_xmpp.prosody import Prosody, running_prosody


@asynccontextmanager
async def opened(port: int, **config: object) -> AsyncIterator[XmppConnector]:
    connector = xmpp(port, **config)
    try:
        yield connector
    finally:
        await connector.aclose()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Prosody]:
    require_prosody()
    async with running_prosody(tmp_path, {"shop": PASSWORD, "ana": "ana"}) as server:
        yield server


@pytest.fixture
async def ana(server: Prosody) -> AsyncIterator[Contact]:
    async with connected("ana", "ana", server.port) as ana:
        yield ana


@pytest.fixture
async def shop(server: Prosody) -> AsyncIterator[XmppConnector]:
    async with opened(server.port) as shop:
        yield shop


def outgoing(words: str, *, reply_to: str | None = None, address: str = ANA) -> Outgoing:
    return Outgoing(
        message_id=MessageId(new_id()), address=address, payload=text(words), reply_to=reply_to
    )


async def heard(
    shop: XmppConnector, offset: str, count: int, *, wait: float = 10.0
) -> tuple[list[Inbound], str]:
    """Poll until there are `count` events."""
    events: list[Inbound] = []
    while len(events) < count:
        polled = await shop.poll(offset, wait=wait)
        assert polled.offset != offset, f"nothing after {events}"
        events += polled.events
        offset = polled.offset
    assert len(events) == count
    return events, offset


async def start(shop: XmppConnector) -> str:
    return (await shop.poll(None, wait=0)).offset


async def test_a_message_is_delivered_and_then_read(shop: XmppConnector, ana: Contact) -> None:
    offset = await start(shop)
    sent = await shop.send_message(outgoing("we are open"))
    seen = await ana.got("we are open")
    assert seen["id"] == sent.external_id
    [delivered], offset = await heard(shop, offset, 1)
    assert isinstance(delivered, Receipt)
    assert (delivered.external_id, delivered.status) == (sent.external_id, Status.DELIVERED)
    ana.client.plugin["xep_0333"].send_marker(seen["from"], seen["id"], "displayed")
    [read], _ = await heard(shop, offset, 1)
    assert isinstance(read, Receipt)
    assert (read.address, read.status) == (ANA, Status.READ)


async def test_texts_replies_corrections_reactions_and_retractions_come_in(
    shop: XmppConnector, ana: Contact
) -> None:
    offset = await start(shop)
    sent = await shop.send_message(outgoing("we are open"))
    first = ana.write(SHOP, "Olá 👋")
    ana.write(SHOP, "and now?", Element("{urn:xmpp:reply:0}reply", id=sent.external_id))
    ana.write(SHOP, "Olá!", Element("{urn:xmpp:message-correct:0}replace", id=first))
    ana.client.plugin["xep_0444"].send_reactions(JID(SHOP), sent.external_id, ["👍", "🎉"])
    ana.write(SHOP, "gone", Element("{urn:xmpp:message-retract:1}retract", id=first))
    events, _ = await heard(shop, offset, 6)
    told = [one for one in events if not isinstance(one, Receipt)]
    message, reply, edit, reaction, deletion = told
    assert isinstance(message, IncomingMessage)
    assert (message.external_id, message.payload.text) == (first, "Olá 👋")
    assert isinstance(reply, IncomingMessage)
    assert reply.reply_to == sent.external_id
    assert isinstance(edit, IncomingEdit)
    assert (edit.external_id, edit.payload.text) == (first, "Olá!")
    assert isinstance(reaction, IncomingReaction)
    assert (reaction.external_id, reaction.emojis) == (sent.external_id, ("👍", "🎉"))
    assert isinstance(deletion, IncomingDeletion)


async def test_what_we_change_shows_at_the_contact(shop: XmppConnector, ana: Contact) -> None:
    sent = await shop.send_message(outgoing("open at 9", reply_to="theirs-1"))
    assert (await ana.got("open at 9"))["reply"]["id"] == "theirs-1"
    await shop.edit_message(outgoing("open at 10"), sent.external_id)
    assert (await ana.got("open at 10"))["replace"]["id"] == sent.external_id
    await shop.set_reactions(ANA, "theirs-1", ["👍"])
    await shop.delete_message(ANA, sent.external_id)
    await shop.send_message(outgoing("end"))
    await ana.got("end")
    assert [one["reactions"]["id"] for one in ana.inbox if one["reactions"]["id"]] == ["theirs-1"]


async def test_what_came_while_nobody_was_connected_comes_later_once(
    server: Prosody, ana: Contact
) -> None:
    async with opened(server.port) as shop:
        offset = await start(shop)
        ana.write(SHOP, "one")
        [_], kept = await heard(shop, offset, 1)
    for words in ("two", "three"):
        ana.write(SHOP, words)
    async with opened(server.port) as shop:
        events, end = await heard(shop, kept, 2)
        assert [one.payload.text for one in events if isinstance(one, IncomingMessage)] == [
            "two",
            "three",
        ]
        assert (await shop.poll(end, wait=0)).events == []
        again, _ = await heard(shop, offset, 3)  # the offset was not kept: the same once more
        assert again[1:] == events


async def test_a_restarted_server_is_found_again_and_nothing_is_lost(
    server: Prosody, shop: XmppConnector
) -> None:
    async with connected("ana", "ana", server.port) as ana:
        offset = await start(shop)
        ana.write(SHOP, "before")
        [_], offset = await heard(shop, offset, 1)
    await server.stop()
    with pytest.raises(ChannelError) as down:
        await shop.poll(offset, wait=1)
    assert (down.value.retry, down.value.of_account) == (True, True)
    await server.start()
    async with connected("ana", "ana", server.port) as ana:
        ana.write(SHOP, "after")
        [event], _ = await heard(shop, offset, 1)
        assert isinstance(event, IncomingMessage)
        assert event.payload.text == "after"
        await shop.send_message(outgoing("hello again"))
        await ana.got("hello again")


async def test_more_than_a_page_comes_in_order(shop: XmppConnector, ana: Contact) -> None:
    offset = await start(shop)
    for number in range(230):
        ana.write(SHOP, f"text {number}")
    events, _ = await heard(shop, offset, 230)
    texts = [one.payload.text for one in events if isinstance(one, IncomingMessage)]
    assert texts == [f"text {number}" for number in range(230)]


async def test_an_offset_that_the_server_has_forgotten_begins_with_what_is_left(
    shop: XmppConnector, ana: Contact
) -> None:
    ana.write(SHOP, "left")
    await heard(shop, "beginning", 1)
    polled = await shop.poll("an-id-that-expired", wait=0)
    [event], _ = await heard(shop, polled.offset, 1)
    assert isinstance(event, IncomingMessage)


async def test_a_wrong_password_is_said_and_not_shown(server: Prosody) -> None:
    async with opened(server.port, password="wrong-password") as shop:
        with pytest.raises(ChannelError) as refused:
            await shop.whoami()
    assert refused.value.retry is False
    assert refused.value.reason == "unauthorized"
    assert refused.value.of_account
    assert "wrong-password" not in str(refused.value)


async def test_nobody_at_the_address_is_refused(shop: XmppConnector) -> None:
    for address in ("nobody@localhost", "not an address @@", ""):
        with pytest.raises(ChannelError) as refused:
            await shop.send_message(outgoing("hello", address=address))
        assert refused.value.retry is False


async def test_the_password_is_not_sent_in_clear_unless_asked(server: Prosody) -> None:
    async with opened(server.port, tls=True, timeout=2) as shop:
        with pytest.raises(ChannelError):
            await shop.whoami()
