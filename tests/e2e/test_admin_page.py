"""The page for operators, while people write."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Locator, Page, Request, expect

from tests.e2e.account import PASSWORD, Account
from tests.e2e.conftest import NARROW, People, TakePicture
from tests.e2e.pages import WebClient

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

REFUSES = ("+351910000071", "+351910000072", "+351910000073")


async def work(ana: Account) -> None:
    """Have some traffic, and three messages that end as dead letters."""
    for number in REFUSES:
        channels = [{"platform": "mock", "external_id": number}]
        name = f"Refuses {number[-2:]}"
        contact = await ana.post("contacts", {"display_name": name, "channels": channels})
        body = {"type": "private", "member_ids": [contact["id"]]}
        chat = (await ana.post("conversations", body))["id"]
        await ana.patch(f"mock/phones/{number}", {"fail": "permanent"})
        [sent] = await ana.say(chat, ["The bill is due"])
        status = {"status": ""}
        while status["status"] != "failed":
            status = await ana.get(f"messages/{sent}/status")
        await ana.patch(f"mock/phones/{number}", {"fail": None})
        await ana.say(chat, [f"Never mind {n}" for n in range(20)])


@pytest.mark.embedded("a gateway by itself does not know what routers store")
async def test_an_operator_sees_how_it_does_and_tries_dead_letters_again(
    people: People, server: str, picture: TakePicture
) -> None:
    async with Account(server, "ana").signed_in() as account:
        await work(account)
    ana = await people.signed_in("ana")
    await ana.at("account-menu").click()
    async with ana.page.context.expect_page() as opening:
        await ana.at("open-admin").click()
    page = await opening.value
    at = page.get_by_test_id

    await expect(at("admin-aim")).to_have_count(3)
    await expect(at("admin-account").filter(has_text="Simulated phones")).to_have_attribute(
        "data-state", "connected"
    )
    mock = page.locator('[data-testid=admin-channel][data-channel="mock"]')
    await expect(mock).to_contain_text(re.compile("Failed \\d"))
    for name in ("requests", "times", "messages", "lag", "connections"):
        await expect(at(f"admin-{name}").locator("svg.chart")).to_be_visible()
    await expect(at("admin-requests").locator("path.chart-line").first).to_have_attribute(
        "d", re.compile("^M")
    )
    await expect(at("admin-integrity")).to_contain_text("Nothing is broken")
    await expect(at("admin-proven").locator("li")).not_to_have_count(0)
    letters = at("admin-letter")
    await expect(letters).not_to_have_count(0)
    await picture(page, "admin")
    before = await letters.count()
    assert before >= len(REFUSES)

    first = await letters.first.get_attribute("data-id")
    await letters.first.get_by_test_id("admin-redrive-one").click()
    await expect(page.locator(f'[data-testid=admin-letter][data-id="{first}"]')).to_have_count(0)
    await expect(at("admin-redriven")).to_contain_text("1 is tried again.")
    async with page.expect_request(lambda asked: asked.url.endswith("/redrive")) as asking:
        await _press(page, at("admin-letters-all"), " ")
        await _press(page, at("admin-redrive"), "Enter")
    assert len(_ids(await asking.value)) >= len(REFUSES) - 1
    await expect(letters).to_have_count(0)


async def test_the_page_for_operators_fits_a_phone_in_the_dark_and_in_portuguese(
    people: People, server: str
) -> None:
    page = await people.page("/admin", viewport=NARROW, locale="pt-BR", color_scheme="dark")
    await page.get_by_test_id("signin-username").fill("ana")
    await page.get_by_test_id("signin-password").fill(PASSWORD)
    await page.get_by_test_id("signin-submit").click()
    await expect(page.get_by_test_id("admin-aims")).to_contain_text("O que prometemos")
    await expect(page.get_by_test_id("admin-roles")).to_contain_text("Plataformas")
    await expect(page.get_by_test_id("admin-roles")).not_to_contain_text("admin.role")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wider) == 0

    people.complaints.expected += ["403"]
    other = WebClient(await people.page())
    await other.sign_up("Quita Vaz", "quita_v", PASSWORD)
    await other.at("account-menu").click()
    await expect(other.at("open-admin")).to_have_count(0)
    await other.page.goto(f"{server}/admin")
    await expect(other.page.get_by_text("This page is for operators")).to_be_visible()
    await expect(other.at("admin-aims")).to_have_count(0)


def _ids(request: Request) -> list[str]:
    body: dict[str, list[str]] = json.loads(request.post_data or "{}")
    return body["ids"]


async def _press(page: Page, wanted: Locator, key: str) -> None:
    """Come to `wanted` with the keyboard alone, and press `key`."""
    for _ in range(60):
        if await wanted.evaluate("element => element === document.activeElement"):
            await page.keyboard.press(key)
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted}")
