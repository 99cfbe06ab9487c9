"""One group whose four members sit at two browsers, at Telegram and at a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from chat4all.testing.telegram import Phone, SimulatorServer
from tests.e2e.conftest import BOT, NARROW, People, TakePicture
from tests.e2e.file_talk import Files, file
from tests.e2e.media import photo
from tests.e2e.pages import PhonePage, WebClient

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
]

GROUP = "Cabin weekend"
RITA = "+5511987654321"
PLAN = "The cabin is ours from Friday! Who comes with whom?"
DRIVING = "I can drive, three seats free 😎"
COFFEE = "Eu levo o café e o pão de queijo ☕"
PERFECT = "Perfeito! Vou com o Tom então 😊"
PORCH = "The view from the porch. I can't wait!"
TIME = "Then we leave at seven, from my place. Bring boots and a jacket!"


async def test_four_channels_meet_in_one_group(
    people: People, telegram: SimulatorServer, picture: TakePicture
) -> None:
    ana = await people.signed_in("ana")
    luisa = await people.newcomer("Luísa Campos", "luisa", locale="pt-BR")
    tom = telegram.simulator.add_person("Tom Becker")
    await _write_to_the_bot_first(tom, ana)
    await ana.add_contact("Rita Alves", "mock", RITA)
    await ana.say("Rita, are you coming with us at the weekend?")
    await ana.create_group(GROUP, "Luísa Campos", "Rita Alves")
    await ana.add_member("Tom Becker")
    await luisa.open(GROUP)
    rita = await people.phones(ana)
    await rita.choose(RITA)

    await _talk(ana, luisa, tom, rita)
    await picture(ana.page, "conversation")
    await _look_at_the_details(ana, rita, picture)
    await expect(rita.message(f"Ana Souza: {TIME}")).to_be_in_viewport()
    await picture(rita.page, "mock-phone")

    pocket = await people.signed_in("luisa", locale="pt-BR", color_scheme="dark", viewport=NARROW)
    await pocket.open(GROUP)
    await expect(pocket.message(TIME)).to_be_visible()
    thumbnail = pocket.at("picture").locator("img")
    await expect(thumbnail).to_have_js_property("complete", value=True)
    await pocket.page.mouse.move(NARROW["width"] / 2, 0)
    await picture(pocket.page, "phone")


async def _write_to_the_bot_first(tom: Phone, ana: WebClient) -> None:
    """Tom is not known: his owner-to-be sees him arrive as a contact, without a reload."""
    tom.start(to=BOT)
    tom.write("Hi Ana! Luísa gave me your bot. Is there still room in the car?", to=BOT)
    await expect(ana.conversation("Tom Becker")).to_contain_text("room in the car?")
    await ana.open("Tom Becker")
    await ana.say("You can drive, if you like! I'll put you in the group.")
    await _sees(tom, "You can drive, if you like! I'll put you in the group.")


async def _talk(ana: WebClient, luisa: WebClient, tom: Phone, rita: PhonePage) -> None:
    """Each of the four writes, and the others read it where they are."""
    await ana.say(PLAN)
    asked = await _sees(tom, f"Ana Souza: {PLAN}")
    await expect(luisa.message(PLAN)).to_have_attribute("data-channel", "app")
    await expect(rita.message(f"Ana Souza: {PLAN}")).to_have_attribute("data-direction", "in")

    tom.write(DRIVING, to=BOT, reply_to=asked)
    for client in (ana, luisa):
        await expect(client.message(DRIVING)).to_have_attribute("data-channel", "telegram")
        await expect(client.message(DRIVING).get_by_test_id("quote")).to_contain_text(PLAN)
    await expect(rita.message(f"Tom Becker: {DRIVING}")).to_be_visible()

    await rita.write(COFFEE, reply_to=rita.message(f"Tom Becker: {DRIVING}"))
    for client in (ana, luisa):
        await expect(client.message(COFFEE)).to_have_attribute("data-channel", "mock")
        await expect(client.message(COFFEE).get_by_test_id("quote")).to_contain_text(DRIVING)
    await _sees(tom, f"Rita Alves: {COFFEE}")

    await luisa.say(PERFECT)
    await expect(ana.message(PERFECT)).to_be_visible()
    await _sees(tom, f"Luísa Campos: {PERFECT}")
    await expect(rita.message(f"Luísa Campos: {PERFECT}")).to_be_visible()

    coffee = luisa.message(COFFEE)
    await coffee.hover()
    await coffee.get_by_test_id("react").click()
    await luisa.page.locator('[data-testid=emoji][data-emoji="❤️"]').click()
    await expect(ana.message(COFFEE).get_by_test_id("reaction")).to_be_visible()
    await expect(rita.message(COFFEE).locator(".reaction")).to_have_text("❤️")

    porch = await photo(ana.page)
    await Files(ana).send(file("porch.jpg", "image/jpeg", porch), caption=PORCH)
    await Files(ana).sent()
    for client in (ana, luisa):
        await expect(client.at("picture")).to_have_attribute("data-loaded", "true")
    view = await tom.wait_for(lambda chat: chat.messages[-1].media is not None, to=BOT, within=60.0)
    sent = view.messages[-1].media
    assert sent is not None
    assert sent.kind == "photo"
    assert tom.download(sent) == porch

    await expect(rita.at("phone-picture")).to_have_js_property("complete", value=True)
    await expect(rita.message(f"Ana Souza: {PORCH}")).to_be_visible()

    await ana.say(TIME)
    await _sees(tom, f"Ana Souza: {TIME}")
    for client in (ana, luisa):
        assert await client.seqs() == [1, 2, 3, 4, 5, 6]
        assert await client.texts() == [PLAN, DRIVING, COFFEE, PERFECT, PORCH, TIME]


async def _look_at_the_details(ana: WebClient, rita: PhonePage, picture: TakePicture) -> None:
    """The sender reads how far a message came with each of the others, over which channel."""
    recipients = await ana.details(ana.message(TIME))
    for name, channel, status in (
        ("Luísa Campos", "Chat4All", "read"),
        ("Tom Becker", "Telegram", "sent"),
        ("Rita Alves", "Mock phone", "delivered"),
    ):
        line = recipients.filter(has_text=name)
        await expect(line).to_have_attribute("data-status", status)
        await expect(line.get_by_label(channel)).to_be_visible()
    await rita.at("phone-read").click()
    hers = recipients.filter(has_text="Rita Alves")
    await expect(hers).to_have_attribute("data-status", "read")
    await expect(rita.message(f"Ana Souza: {TIME}")).to_have_attribute("data-status", "read")
    history = ana.at("status-history").filter(has_text="Rita Alves")
    told = [await line.get_attribute("data-status") for line in await history.all()]
    assert told == ["sent", "delivered", "read"]
    await picture(ana.page, "details")
    await ana.close_dialog()


async def _sees(phone: Phone, text: str) -> int:
    """Wait until a Telegram chat shows `text`; return the id of its message there."""
    view = await phone.wait_for(lambda chat: text in chat.texts, to=BOT, within=60.0)
    return next(one.message_id for one in view.messages if one.text == text)
