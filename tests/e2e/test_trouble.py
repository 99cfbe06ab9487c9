"""What the sender sees when a channel does not take a message."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from chat4all.testing.telegram import SimulatorServer
from tests.e2e.conftest import BOT, People

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_blocked_bot_fails_with_the_reason(
    people: People, telegram: SimulatorServer
) -> None:
    ana = await people.signed_in("ana")
    nina = telegram.simulator.add_person("Nina Frank")
    nina.start(to=BOT)
    nina.write("Is the parcel for number 12 with you?", to=BOT)
    await ana.open("Nina Frank")
    nina.block(BOT)

    refused = await ana.say("Yes, come by after six.")
    await expect(refused).to_have_attribute("data-status", "failed")
    await expect(refused.get_by_test_id("failure")).to_contain_text("blocked")
    nina_line = await ana.details(refused)
    await expect(nina_line).to_have_attribute("data-status", "failed")
    await expect(nina_line).to_contain_text("Forbidden: bot was blocked by the user")
    await ana.close_dialog()

    nina.start(to=BOT)
    await expect(ana.message("/start")).to_be_visible()
    await ana.say("Are you there again?")
    view = await nina.wait_for(
        lambda chat: "Are you there again?" in chat.texts, to=BOT, within=60.0
    )
    assert "Yes, come by after six." not in view.texts


async def test_a_phone_that_refuses_for_good_fails_the_message(people: People) -> None:
    olga = await people.newcomer("Olga Teles", "olga")
    await olga.add_contact("Paulo Reis", "mock", "+351910000001")
    phone = await people.phones(olga)
    await phone.choose("+351910000001")
    await phone.fail("permanent")

    refused = await olga.say("Your table is ready.")
    await expect(refused).to_have_attribute("data-status", "failed")
    line = await olga.details(refused)
    await expect(line).to_contain_text("the phone is set to refuse")


async def test_a_phone_that_fails_for_now_gets_the_message_later(people: People) -> None:
    quim = await people.newcomer("Quim Barros", "quim")
    await quim.add_contact("Sara Pinto", "mock", "+351910000002")
    phone = await people.phones(quim)
    await phone.choose("+351910000002")
    await phone.fail("temporary")

    first = await quim.say("The bus leaves at nine.")
    await expect(await quim.details(first)).to_have_attribute("data-status", "accepted")
    await quim.close_dialog()
    await phone.fail("")
    second = await quim.say("Platform four.")
    await expect(first).to_have_attribute("data-status", "delivered")
    await expect(second).to_have_attribute("data-status", "delivered")
    shown = phone.at("phone-message").locator(".text")
    await expect(shown).to_have_text(["The bus leaves at nine.", "Platform four."])


async def test_a_phone_that_is_off_gets_the_message_when_it_is_on(people: People) -> None:
    vera = await people.newcomer("Vera Luz", "vera")
    await vera.add_contact("Xico Leal", "mock", "+351910000003")
    phone = await people.phones(vera)
    await phone.choose("+351910000003")
    await phone.turn(on=False)

    note = await vera.say("Good night!")
    await expect(note).to_have_attribute("data-status", "sent")
    await phone.turn(on=True)
    await expect(note).to_have_attribute("data-status", "delivered")


async def test_a_switch_of_a_phone_stays_as_it_was_set(people: People) -> None:
    yara = await people.newcomer("Yara Pinho", "yara_p")
    await yara.add_contact("Zeca Lobo", "mock", "+351910000004")
    phone = await people.phones(yara)
    await phone.choose("+351910000004")
    told = asyncio.Event()

    async def held(route: Route) -> None:
        if route.request.method == "PATCH":
            await told.wait()
        await route.continue_()

    await phone.page.route("**/v1/mock/phones/*", held)
    turning = asyncio.create_task(phone.turn(on=False))
    for _ in range(3):  # the phone is asked for its screen meanwhile, which is still on
        await phone.page.wait_for_event("requestfinished", lambda asked: "/phones/" in asked.url)
    await expect(phone.at("phone-online")).not_to_be_checked()
    told.set()
    await turning
    await expect(phone.at("phone-online")).not_to_be_checked()
