"""The way of one message, told to whoever has to find out where it is."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.async_api import Page, expect

from chat4all.testing.telegram import SimulatorServer
from tests.e2e.account import PASSWORD, Account
from tests.e2e.conftest import BOT, NARROW, People, TakePicture
from tests.e2e.pages import WebClient

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+351910000061"
WORDS = "The lease is ready to sign."


async def sent_by_the_second_channel(ana: Account, telegram: SimulatorServer) -> str:
    """Send to Rui, whose phone refuses and who is on Telegram too; return the message's id."""
    rui = telegram.simulator.add_person("Rui Telles")
    channels = [
        {"platform": "mock", "external_id": NUMBER},
        {"platform": "telegram", "external_id": str(rui.owner.id)},
    ]
    contact = await ana.post("contacts", {"display_name": "Rui Telles", "channels": channels})
    body = {"type": "private", "member_ids": [contact["id"]]}
    chat = (await ana.post("conversations", body))["id"]
    rui.start(to=BOT)
    await ana.history(chat, 1)
    await ana.patch(f"mock/phones/{NUMBER}", {"fail": "permanent"})
    message = {
        "message_id": str(uuid.uuid4()),
        "conversation_id": chat,
        "payload": {"type": "text", "text": WORDS},
        "channels": ["mock", "telegram"],
    }
    await ana.post("messages", message)
    await rui.wait_for(lambda view: WORDS in view.texts, to=BOT, within=60.0)
    return str(message["message_id"])


async def test_the_details_of_a_message_lead_to_its_way_over_two_channels(
    people: People, server: str, telegram: SimulatorServer, picture: TakePicture
) -> None:
    async with Account(server, "ana").signed_in() as account:
        await sent_by_the_second_channel(account, telegram)
    ana = await people.signed_in("ana")
    await ana.open("Rui Telles")
    sent = ana.message(WORDS)
    await expect(sent).to_have_attribute("data-status", "sent")
    await ana.details(sent)
    async with ana.page.context.expect_page() as opening:
        await ana.at("open-trace").click()
    page = await opening.value
    hops = page.get_by_test_id("trace-hop")
    await expect(hops).to_have_count(7)
    told = await hops.evaluate_all(
        "all => all.map((one) => [one.dataset.what, one.dataset.channel])"
    )
    assert told == [
        ["accepted", "app"],
        ["logged", None],
        ["stored", None],
        ["routed", "mock"],
        ["failed", "mock"],
        ["rerouted", "telegram"],
        ["sent", "telegram"],
    ]
    await expect(hops.nth(3)).to_contain_text(
        "Mock phone was chosen for Rui Telles, because the sender asked for it."
    )
    await expect(hops.nth(4)).to_contain_text("the phone is set to refuse")
    await expect(hops.nth(5)).to_contain_text("Telegram was tried for Rui Telles instead of")
    await expect(hops.nth(6)).to_contain_text(re.compile("after \\d"))
    await expect(page.get_by_test_id("trace-outcome")).to_have_attribute("data-status", "sent")
    assert WORDS not in await page.content(), "the way tells nothing of what it says"
    await picture(page, "trace")


async def test_an_operator_sees_the_way_of_what_others_said_and_nobody_else_does(
    people: People, server: str
) -> None:
    async with (
        Account(server, "noemi").signed_up("Noemi Paz") as noemi,
        Account(server, "otavio").signed_up("Otavio Reis") as otavio,
    ):
        chat = await noemi.chat_with(otavio)
        [said] = await noemi.say(chat, ["Between us"])
        await otavio.history(chat, 1)
        await otavio.post(f"conversations/{chat}/read", {"up_to_seq": 1})
    page = await people.page(f"/trace#{said}", viewport=NARROW, locale="pt-BR", color_scheme="dark")
    await _sign_in(page, "ana")
    await expect(page.get_by_test_id("trace")).to_contain_text("Otavio Reis leu.")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wider) == 0

    people.complaints.expected += ["404"]
    stranger = WebClient(await people.page())
    await stranger.sign_up("Pia Ramos", "pia_r", PASSWORD)
    await stranger.page.goto(f"{server}/trace")
    await stranger.at("trace-id").fill(said)
    await stranger.page.keyboard.press("Enter")
    await expect(stranger.at("trace-error")).to_be_visible()
    await expect(stranger.at("trace")).to_have_count(0)


async def _sign_in(page: Page, username: str) -> None:
    await page.get_by_test_id("signin-username").fill(username)
    await page.get_by_test_id("signin-password").fill(PASSWORD)
    await page.get_by_test_id("signin-submit").click()
