"""The page at `/`, played in a real browser."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, async_playwright

from tests.servers.cache import Missing, skip_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from chat4all.testing.telegram import Phone, SimulatorServer

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(server: SimulatorServer, ana: Phone) -> AsyncIterator[Page]:
    """Ana's phone, open in Chromium; a script error or a refused resource fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        skip_for(Missing("Chromium is not on the PATH (Debian: apt-get install chromium)"))
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text))
        await page.goto(server.url)
        yield page
        await browser.close()
    assert complaints == []


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_a_conversation_is_played(page: Page, ana: Phone, bot: httpx.AsyncClient) -> None:
    await page.get_by_role("button", name="Start").click()
    await page.get_by_text("/start", exact=True).wait_for()
    await bot.post("sendMessage", json={"chat_id": 501, "text": "Hello <script>alert(1)</script>"})
    answer = page.locator("li[data-message-id='2']")
    await answer.filter(has_text="Hello <script>").wait_for()
    await answer.get_by_role("button", name="Reply").click()
    await write(page, "a replay")
    mine = page.locator("li[data-message-id='3']")
    await mine.locator(".quoted").filter(has_text="Hello").wait_for()
    await mine.get_by_role("button", name="Edit").click()
    await write(page, "a reply")
    await mine.filter(has_text="edited").wait_for()
    await answer.get_by_label("React").select_option("👍")
    await answer.locator(".reactions").filter(has_text="👍 Ana Lima").wait_for()
    await page.get_by_role("button", name="Location").click()
    await page.get_by_role("button", name="Contact").click()
    await page.locator("li[data-message-id='5']").wait_for()
    await page.get_by_role("button", name="Block", exact=True).click()
    await page.get_by_role("button", name="Unblock").wait_for()
    view = ana.view()
    assert view.texts == ["/start", "Hello <script>alert(1)</script>", "a reply"]
    assert view.messages[2].reply_to == 2
    assert view.messages[3].location is not None
    assert view.messages[4].contact is not None
    assert view.blocked


async def test_people_and_groups_are_added(page: Page, bot: httpx.AsyncClient) -> None:
    await page.get_by_label("First name").fill("Dora")
    await page.get_by_role("button", name="Add person").click()
    await page.get_by_role("button", name="Dora").click()
    await page.get_by_label("Group title").fill("Everybody")
    await page.get_by_role("button", name="Add group").click()
    await page.get_by_label("Chat").select_option(label="Everybody")
    await write(page, "to all")
    await page.get_by_text("to all").wait_for()
    updates = (await bot.get("getUpdates")).json()["result"]
    assert updates[-1]["message"]["chat"]["title"] == "Everybody"
    assert updates[-1]["message"]["from"]["first_name"] == "Dora"
