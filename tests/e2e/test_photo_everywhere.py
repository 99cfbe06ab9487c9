"""A photo from Telegram arrives at each of the other channels, as that channel can have it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx

from chat4all_xmpp.conformance import require_prosody
from tests.e2e.channel_files import picture
from tests.e2e.five_channels import WELCOME, Five, five

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


async def at_xmpp(group: Five) -> str:
    """Return the link in the message that Zoe gets; all of its lines are as they should be."""

    def shown() -> list[str]:
        return [words for words in group.zoe.texts if "http" in words]

    async with asyncio.timeout(PATIENCE), group.zoe.changed:
        await group.zoe.changed.wait_for(shown)
    [words] = shown()
    found = re.fullmatch(r"Tom: \S+ \(1 KB\)\n(http\S+)\nThe sea", words)
    assert found is not None, words
    return found[1]
