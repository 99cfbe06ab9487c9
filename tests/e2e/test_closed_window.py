"""The web client where a platform takes nothing but an approved message."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from chat4all.testing.whatsapp import Phone
from tests.e2e.conftest import NARROW, People
from tests.e2e.pages import WebClient
from tests.e2e.whatsapp_shop import Shop, open_shop

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def approve(shop: Shop) -> None:
    simulator = shop.whatsapp.simulator
    greeting = "Hello {{1}}, we are open from {{2}}."
    simulator.add_template(
        shop.number,
        "opening_hours",
        "en",
        greeting,
        examples=("Ana", "9 to 5"),
    )
    simulator.add_template(shop.number, "lembrete", "pt_BR", "Seu pedido chegou.")


async def signed_in(people: People, **options: object) -> WebClient:
    return await people.signed_in("olga", **options)


async def test_a_closed_window_offers_templates_and_an_answer_opens_it(
    browser: Browser, tmp_path: Path
) -> None:
    async with open_shop(tmp_path) as shop:
        approve(shop)
        people = People(browser, shop.url)
        bruno = shop.whatsapp.simulator.add_person("Bruno", phone="5571977770000")
        olga = await signed_in(people)
        await olga.add_contact("Bruno", "whatsapp", "5571977770000")
        window = olga.at("closed-window")
        await expect(window).to_contain_text("Bruno has not written lately")
        await expect(olga.at("template")).to_have_count(2)
        await expect(olga.at("composer-input")).to_have_count(0)

        await olga.at("template").filter(has_text="opening hours").click()
        send = olga.at("template-send")
        await expect(send).to_be_disabled()
        await olga.at("template-place").nth(0).fill("Bruno")
        await olga.at("template-place").nth(1).fill("ten to two")
        await expect(olga.at("template-preview")).to_contain_text(
            "Hello Bruno, we are open from ten to two."
        )
        await send.click()
        sent = olga.message("Hello Bruno, we are open from ten to two.")
        await expect(sent).to_have_attribute("data-status", "delivered")
        assert bruno.view().texts == ["Hello Bruno, we are open from ten to two."]
        await expect(window).to_be_visible()

        await _answered(olga, bruno)
        assert people.complaints.remaining() == []
        await people.leave()


async def _answered(olga: WebClient, bruno: Phone) -> None:
    bruno.write("Thank you!")
    await expect(olga.message("Thank you!")).to_be_visible()
    await expect(olga.at("closed-window")).to_have_count(0)
    await olga.say("See you then.")
    await bruno.wait_for(lambda chat: "See you then." in chat.texts, within=60.0)


async def test_without_templates_it_says_so_and_in_portuguese_too(
    browser: Browser, tmp_path: Path
) -> None:
    async with open_shop(tmp_path) as shop:
        people = People(browser, shop.url)
        shop.whatsapp.simulator.add_person("Bruno", phone="5571977770000")
        olga = await signed_in(people, locale="pt-BR", viewport=NARROW)
        await olga.add_contact("Bruno", "whatsapp", "5571977770000")
        window = olga.at("closed-window")
        await expect(window).to_contain_text("só aceita mensagens aprovadas")
        await expect(window).to_contain_text("Nenhuma mensagem foi aprovada")
        width = await olga.page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW["width"]
        await people.leave()
