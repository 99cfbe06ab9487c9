"""Beside a chosen file stands how it will reach those on other channels, before it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.conftest import NARROW, People
from tests.e2e.file_talk import Files, file
from tests.e2e.whatsapp_shop import open_shop

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ARCHIVE = file("photos.zip", "application/zip", b"PK\x05\x06" + bytes(18))
LETTER = file("letter.pdf", "application/pdf", b"%PDF-1.7\n")


async def test_a_file_that_will_go_as_a_link_or_not_at_all_says_so_before_it_is_sent(
    browser: Browser, tmp_path: Path
) -> None:
    async with open_shop(tmp_path) as shop:
        people = People(browser, shop.url)
        bruno = shop.whatsapp.simulator.add_person("Bruno")
        bruno.write("Send me all of it")
        olga = await people.signed_in("olga")
        await olga.open("Bruno")
        await Files(olga).choose(ARCHIVE, LETTER)
        archive, letter = (
            olga.at("attachment").filter(has_text=name) for name in ("photos.zip", "letter.pdf")
        )
        await expect(archive.get_by_test_id("attachment-hint")).to_have_text(
            "Goes as a link: WhatsApp"
        )
        await expect(letter.get_by_test_id("attachment-hint")).to_have_count(0)
        await olga.at("composer-send").click()
        await bruno.wait_for(
            lambda chat: any(words.startswith("photos.zip (") for words in chat.texts), within=60.0
        )
        await bruno.wait_for(
            lambda chat: any(one.kind == "document" for one in chat.messages), within=60.0
        )

        olga = await people.signed_in("olga", locale="pt-BR", viewport=NARROW)
        await olga.add_contact("Célia", "telegram", "4711")
        await Files(olga).choose(ARCHIVE)
        await expect(olga.at("attachment-hint")).to_have_text(
            "Não vai chegar por Telegram: Nenhuma conta está conectada lá."
        )
        width = await olga.page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW["width"]
        assert people.complaints.remaining() == []
        await people.leave()
