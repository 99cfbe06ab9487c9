"""Ties between Chat4All and Telegram that people make in the web client."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from chat4all.testing.telegram import SimulatorServer
from tests.e2e.conftest import BOT, People

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_link_code_ties_a_telegram_chat_to_its_user(
    people: People, telegram: SimulatorServer
) -> None:
    yara = await people.newcomer("Yara Costa", "yara")
    zeca = await people.newcomer("Zeca Brito", "zeca")
    await yara.open_dialog("open-channels")
    await yara.at("link-telegram").click()
    code = await yara.at("link-code").inner_text()

    pocket = telegram.simulator.add_person("Yara")
    pocket.start(code, to=BOT)
    await pocket.wait_for(lambda chat: len(chat.messages) > 1, to=BOT, within=60.0)
    await yara.close_dialog()
    await yara.open_dialog("open-channels")
    await expect(yara.at("linked-channel")).to_contain_text(str(pocket.owner.id))
    await yara.close_dialog()

    # from there she is herself, not a stranger
    await zeca.start_chat("Yara Costa")
    await zeca.say("Did you see my mail?")
    await expect(yara.conversation("Zeca Brito")).to_be_visible()
    pocket.write("Calling from the train, keep the parcel please!", to=BOT)
    ana = await people.signed_in("ana")  # who owns the bot, and never heard of Yara
    await ana.open("Yara Costa")
    heard = ana.message("Calling from the train, keep the parcel please!")
    await expect(heard).to_have_attribute("data-channel", "telegram")
    await ana.say("I will.")
    await pocket.wait_for(lambda chat: "I will." in chat.texts, to=BOT, within=60.0)


async def test_the_administrator_connects_a_bot_by_its_token(
    people: People, telegram: SimulatorServer
) -> None:
    people.complaints.expected += [r"status of 400"]
    ana = await people.signed_in("ana")
    await ana.open_dialog("open-connect-telegram")
    bots = ana.at("connected-bot").locator(".row-title")
    await expect(bots).to_have_text(["Telegram bot"])
    await ana.at("connect-telegram-name").fill("Shop")
    await ana.at("connect-telegram-token").fill("not a token")
    await ana.at("connect-telegram-submit").click()
    await expect(ana.at("form-error")).to_contain_text("copy it from @BotFather")

    token = telegram.simulator.add_bot("shop_bot")
    shop = int(token.partition(":")[0])
    await ana.at("connect-telegram-token").fill(token)
    await ana.at("connect-telegram-submit").click()
    await expect(bots).to_have_text(["Telegram bot", "Shop"])
    assert token not in await ana.page.content()
    await ana.close_dialog()

    wanda = telegram.simulator.add_person("Wanda Melo")
    wanda.start(to=shop)
    wanda.write("Do you open on Sunday?", to=shop)
    await ana.open("Wanda Melo")
    await ana.say("From ten to two.")
    await wanda.wait_for(lambda chat: "From ten to two." in chat.texts, to=shop, within=60.0)

    await ana.open_dialog("open-connect-telegram")
    shop_line = ana.at("connected-bot").filter(has_text="Shop")
    await shop_line.get_by_test_id("connected-bot-remove").click()
    await expect(bots).to_have_text(["Telegram bot"])


async def test_others_are_not_offered_to_connect_a_bot(people: People) -> None:
    member = await people.newcomer("Olívia Serra", "olivia")
    await member.at("account-menu").click()
    await expect(member.at("open-settings")).to_be_visible()
    await expect(member.at("open-connect-telegram")).to_have_count(0)
