"""The client on a phone, in another language, in the dark, and without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.account import PASSWORD
from tests.e2e.conftest import NARROW, People
from tests.e2e.pages import WebClient

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_narrow_screen_shows_one_pane_at_a_time(people: People) -> None:
    bia = await people.newcomer("Bia Ramos", "bia", viewport=NARROW, has_touch=True, is_mobile=True)
    await people.newcomer("Caio Lopes", "caio")
    await bia.start_chat("Caio Lopes")
    await bia.say("On my way!")
    await expect(bia.at("conversation-list")).to_be_hidden()
    assert await _overflow(bia) == 0

    await bia.at("back").click()
    await expect(bia.conversation("Caio Lopes")).to_contain_text("On my way!")
    await expect(bia.at("composer")).to_be_hidden()
    assert await _overflow(bia) == 0
    await bia.conversation("Caio Lopes").click()
    await bia.page.go_back()
    await expect(bia.at("conversation-list")).to_be_visible()


async def test_the_language_and_the_theme_follow_the_browser_and_the_settings(
    people: People,
) -> None:
    davi = await people.newcomer("Davi Moura", "davi", locale="pt-BR", color_scheme="dark")
    root = davi.page.locator("html")
    await expect(root).to_have_attribute("lang", "pt-BR")
    await expect(davi.at("search-input")).to_have_attribute(
        "placeholder", re.compile("mensagens", re.IGNORECASE)
    )
    dark = await _brightness(davi)

    await davi.open_dialog("open-settings")
    await davi.at("theme-light").check(force=True)
    await davi.at("language-en").check(force=True)
    await expect(root).to_have_attribute("lang", "en")
    assert dark < 80
    assert await _brightness(davi) > 200
    await davi.page.reload()
    await expect(davi.at("search-input")).to_have_attribute(
        "placeholder", "Search people and messages"
    )
    assert await _brightness(davi) > 200


async def test_everything_can_be_done_with_the_keyboard(people: People) -> None:
    await people.newcomer("Fred Silva", "fred")
    eva = WebClient(await people.page())
    await _press_on(eva, eva.at("show-signup"), "Enter")
    for field, text in (
        ("signup-display-name", "Eva Motta"),
        ("signup-username", "eva"),
        ("signup-password", PASSWORD),
    ):
        await _tab_to(eva, eva.at(field))
        await eva.page.keyboard.type(text)
    await eva.page.keyboard.press("Enter")

    await expect(eva.at("conversation-list")).to_be_visible()
    await eva.page.keyboard.press("Control+k")
    await expect(eva.at("search-input")).to_be_focused()
    await eva.page.keyboard.type("Fred")
    await expect(eva.at("search-result").filter(has_text="Fred Silva")).to_be_visible()
    await eva.page.keyboard.press("ArrowDown")
    await eva.page.keyboard.press("Enter")
    await expect(eva.at("composer-input")).to_be_focused()
    await eva.page.keyboard.type("Hello Fred")
    await eva.page.keyboard.press("Enter")
    sent = eva.message("Hello Fred")
    await expect(sent).to_have_attribute("data-seq", "1")

    await eva.page.keyboard.press("ArrowUp")
    await expect(eva.at("compose-editing")).to_be_visible()
    await eva.page.keyboard.type("!")
    await eva.page.keyboard.press("Enter")
    await expect(eva.message("Hello Fred!")).to_be_visible()

    await _tab_to(eva, eva.message("Hello Fred!"), keys="Shift+Tab")
    await eva.page.keyboard.press("Enter")
    await expect(eva.at("menu-reply")).to_be_focused()
    await eva.page.keyboard.press("Escape")
    await expect(eva.at("menu-reply")).to_have_count(0)


async def test_a_server_of_another_origin_can_put_nothing_into_the_page(people: People) -> None:
    page = await people.page()
    answer = await page.request.get(page.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    gus = WebClient(page)
    await gus.sign_up("<img src=x onerror=alert(1)>", "gus", PASSWORD)
    await gus.at("account-menu").click()
    await expect(gus.page.locator(".menu-title")).to_contain_text("<img src=x onerror=alert(1)>")


async def _overflow(client: WebClient) -> int:
    """Return by how many pixels the page is wider than the screen."""
    wider: int = await client.page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider


async def _brightness(client: WebClient) -> int:
    """Return how bright the background of the page is, 0 to 255."""
    color: str = await client.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in re.findall(r"\d+", color)[:3])


async def _tab_to(client: WebClient, wanted: Locator, *, keys: str = "Tab") -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(25):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await client.page.keyboard.press(keys)
    raise AssertionError(f"Tab does not reach {wanted}")


async def _press_on(client: WebClient, wanted: Locator, key: str) -> None:
    await _tab_to(client, wanted)
    await client.page.keyboard.press(key)
