"""The simulated phones send files and show those that came."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.file_talk import Files, file
from tests.e2e.media import photo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+5585988887777"


async def test_a_phone_sends_a_picture_and_shows_and_saves_what_came(people: People) -> None:
    vera = await people.newcomer("Vera Pinho", "vera_p")
    await vera.add_contact("Nuno", "mock", NUMBER)
    phone = await people.phones(vera)
    await phone.choose(NUMBER)
    sea = await photo(vera.page)
    await phone.at("phone-attach-input").set_input_files(file("sea.jpg", "image/jpeg", sea))
    await expect(vera.at("picture")).to_have_attribute("data-loaded", "true")
    await vera.at("picture").click()
    assert await Files(vera).save(vera.at("viewer-download")) == sea
    await vera.page.keyboard.press("Escape")
    shown = phone.at("phone-picture")
    await expect(shown).to_have_js_property("complete", value=True)
    assert await shown.evaluate("image => image.naturalWidth") > 0

    letter = file("letter, final.txt", "text/plain", b"Dear Nuno,")
    await Files(vera).send(letter)
    card = phone.at("phone-file")
    await expect(card).to_contain_text("letter, final.txt")
    async with phone.page.expect_download() as saving:
        await card.click()
    saved = await saving.value
    assert saved.suggested_filename == "letter, final.txt"
    assert (await saved.path()).read_bytes() == letter["buffer"]
