"""A photo arrives at each of the other channels, as that channel can have it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from chat4all_xmpp.conformance import require_prosody
from tests.e2e.channel_files import picture
from tests.e2e.conftest import People
from tests.e2e.file_talk import Files, file
from tests.e2e.five_channels import WELCOME, Five, five
from tests.e2e.media import photo

PATIENCE = 90.0


async def test_a_photo_from_telegram_arrives_at_xmpp_as_a_link_that_opens(tmp_path: Path) -> None:
    require_prosody()
    photo = picture(64, 64)
    async with five(tmp_path) as group:
        asked = next(
            one.message_id
            for one in group.tom.view().messages
            if one.text and one.text.endswith(WELCOME)
        )
        group.tom.send_media("photo", photo, caption="The sea", reply_to=asked)
        link = await at_xmpp(group)
        async with httpx.AsyncClient(trust_env=False) as stranger:
            opened = await stranger.get(link)
        assert opened.status_code == httpx.codes.OK
        assert opened.content == photo
        assert opened.headers["content-type"] == "image/png"
        view = await group.ana.wait_for(
            lambda chat: any(one.kind == "image" for one in chat.messages), within=PATIENCE
        )
        [theirs] = [one for one in view.messages if one.kind == "image"]
        assert group.ana.download(theirs) == photo


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_photo_from_the_web_client_arrives_at_whatsapp_and_as_a_link_at_xmpp(
    browser: Browser, tmp_path: Path
) -> None:
    require_prosody()
    async with five(tmp_path) as group:
        people = People(browser, group.olga.url)
        olga = await people.signed_in("olga")
        await olga.open("Five")
        taken = await photo(olga.page, 640, 480, 20)
        talk = Files(olga)
        await talk.choose(file("sea.jpg", "image/jpeg", taken))
        await olga.at("composer-input").fill("The sea")
        await olga.at("composer-send").click()
        await talk.sent()
        view = await group.ana.wait_for(
            lambda chat: any(one.kind == "image" for one in chat.messages), within=PATIENCE
        )
        [theirs] = [one for one in view.messages if one.kind == "image"]
        assert group.ana.download(theirs) == taken
        link = await at_xmpp(group, "Olga")
        async with httpx.AsyncClient(trust_env=False) as stranger:
            assert (await stranger.get(link)).content == taken
        await people.leave()
        assert people.complaints.remaining() == []


async def at_xmpp(group: Five, sender: str = "Tom") -> str:
    """Return the link in the message that Zoe gets; all of its lines are as they should be."""

    def shown() -> list[str]:
        return [words for words in group.zoe.texts if "http" in words]

    async with asyncio.timeout(PATIENCE), group.zoe.changed:
        await group.zoe.changed.wait_for(shown)
    [words] = shown()
    found = re.fullmatch(rf"{sender}: \S+ \(\d+ KB\)\n(http\S+)\nThe sea", words)
    assert found is not None, words
    return found[1]
