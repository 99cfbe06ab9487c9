"""Files between the web client's API, Telegram and WhatsApp, through the running product."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat4all.testing.telegram import Fault, FaultKind, TelegramSimulator
from chat4all.testing.whatsapp import Fault as WhatsAppFault
from chat4all.testing.whatsapp import FaultKind as WhatsAppFaultKind
from tests.chaos.killed_server import Server
from tests.e2e.channel_files import Office, Olga, open_office, picture

PATIENCE = 90.0
MEGABYTE = 1024**2


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path) as office:
        yield office


def shown(kind: str) -> Any:
    """Find the first message of a kind."""
    return lambda page: next((one for one in page["items"] if one["payload"]["type"] == kind), None)


async def test_a_photo_from_telegram_arrives_in_the_api_and_at_whatsapp(office: Office) -> None:
    group, photo = await office.group(), picture()
    asked = await office.tom.wait_for(
        lambda chat: any("pictures?" in words for words in chat.texts), within=PATIENCE
    )
    office.tom.send_media("photo", photo, caption="The sea", reply_to=asked.messages[-1].message_id)
    message = await office.olga.until(f"conversations/{group}/messages", shown("image"))
    assert message["payload"]["caption"] == "The sea"
    file_id = message["payload"]["file_id"]
    await office.olga.until(f"files/{file_id}", lambda file: file["state"] == "ready")
    assert await office.content(file_id) == photo

    view = await office.ana.wait_for(
        lambda chat: any(one.kind == "image" for one in chat.messages), within=PATIENCE
    )
    [theirs] = [one for one in view.messages if one.kind == "image"]
    assert office.ana.download(theirs) == photo
    assert theirs.content["caption"] == "Tom: The sea"


async def test_an_album_arrives_as_its_pictures_in_order(office: Office) -> None:
    chat, album = await office.chat_with("Tom"), office.tom.new_album()
    photos = [picture(shade=shade) for shade in (10, 20, 30)]
    for photo in photos:
        office.tom.send_media("photo", photo, album=album)

    def all_of_them(page: Any) -> Any:
        files = [one["payload"].get("file_id") for one in page["items"]]
        return [one for one in files if one] if len(list(filter(None, files))) == 3 else None

    for file_id, photo in zip(
        await office.olga.until(f"conversations/{chat}/messages", all_of_them), photos, strict=True
    ):
        await office.olga.until(f"files/{file_id}", lambda file: file["state"] == "ready")
        assert await office.content(file_id) == photo


async def test_a_photo_from_the_web_arrives_at_whatsapp_and_telegram(office: Office) -> None:
    group, photo = await office.group(), picture(64, 64)
    file_id = await office.upload(group, "sea.png", "image/png", photo)
    sent = await office.say(group, {"type": "image", "file_id": file_id, "caption": "The sea"})
    at_whatsapp = await office.ana.wait_for(
        lambda chat: chat.messages[-1].kind == "image", within=PATIENCE
    )
    at_telegram = await office.tom.wait_for(
        lambda chat: chat.messages[-1].media is not None, within=PATIENCE
    )
    assert office.ana.download(at_whatsapp.messages[-1]) == photo
    theirs = at_telegram.messages[-1]
    assert theirs.media
    assert (office.tom.download(theirs.media), theirs.caption) == (photo, "Olga: The sea")

    edited = {"payload": {"type": "image", "file_id": file_id, "caption": "The sky"}}
    await office.olga.patch(f"messages/{sent}", edited)
    await office.tom.wait_for(
        lambda chat: chat.messages[-1].caption == "Olga: The sky", within=PATIENCE
    )


async def test_what_is_over_whatsapps_limit_goes_as_a_link_that_ends(tmp_path: Path) -> None:
    seconds = 25
    async with open_office(tmp_path, file_link_hours=str(seconds / 3600)) as office:
        chat = await office.chat_with("Ana")
        data = os.urandom(MEGABYTE) * 120
        file_id = await office.upload(chat, "film.mp4", "video/mp4", data)
        planned = await office.olga.post(
            "messages/plan",
            {"conversation_id": chat, "payload": {"type": "video", "file_id": file_id}},
        )
        note = "file sent as a link: 120 MB is over 100 MB"
        assert note in str(planned)
        sent = await office.say(chat, {"type": "video", "file_id": file_id, "caption": "Look"})
        view = await office.ana.wait_for(
            lambda chat: any("film.mp4" in words for words in chat.texts), within=PATIENCE
        )
        words = view.texts[-1]
        assert words.startswith("film.mp4 (120 MB)\n")
        assert words.endswith("\nLook")
        [link] = re.findall(r"https?://\S+", words)
        async with httpx.AsyncClient(trust_env=False, timeout=60.0) as http:
            found = await http.get(link)
            assert found.status_code == httpx.codes.OK
            assert hashlib.sha256(found.content).digest() == hashlib.sha256(data).digest()
            async with asyncio.timeout(2 * seconds):
                while (  # noqa: ASYNC110 - until it has expired
                    await http.get(link, headers={"range": "bytes=0-0"})
                ).is_success:
                    await asyncio.sleep(0.5)
        status = await office.olga.get(f"messages/{sent}/status")
        assert note in str(status["history"])


async def test_a_file_that_is_gone_is_named_with_the_reason_everywhere(office: Office) -> None:
    group = await office.group()
    await office.ana.wait_for(
        lambda chat: any("pictures?" in words for words in chat.texts), within=PATIENCE
    )
    office.whatsapp.faults.add(WhatsAppFault(kind=WhatsAppFaultKind.SERVER_ERROR, times=None))
    asked = office.ana.view().messages[-1].id
    office.ana.send_media("image", picture(), caption="Lost", reply_to=asked)
    message = await office.olga.until(f"conversations/{group}/messages", shown("image"))
    path = f"files/{message['payload']['file_id']}"
    assert (await office.olga.get(path))["state"] == "receiving"
    office.whatsapp.expire_files()
    office.whatsapp.faults.clear()
    file = await office.olga.until(path, lambda file: file["state"] == "failed" and file)
    assert file["error"] == {"code": "media_gone", "detail": "WhatsApp has the file no longer"}
    await office.tom.wait_for(
        lambda chat: "Ana: [image: WhatsApp has the file no longer]\nLost" in chat.texts,
        within=PATIENCE,
    )


@pytest.mark.embedded("kills `chat4all serve`; tests/chaos kills roles")
async def test_kill_nine_in_the_middle_of_a_fetch_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    telegram = TelegramSimulator()
    token, tom = telegram.add_bot("trip_bot"), telegram.add_person("Tom")
    photo = picture(256, 256)
    async with telegram.serve() as bots:
        settings = {"CHAT4ALL_TELEGRAM_API": bots.url, "CHAT4ALL_TELEGRAM_TOKEN": token}
        (tmp_path / "data").mkdir()
        server = Server(tmp_path / "data", settings)
        await server.start()
        try:
            async with Olga(server.url, "olga").signed_up("Olga") as olga:
                slow = Fault(kind=FaultKind.DELAY, method="file", times=1, seconds=60)
                telegram.faults.add(slow)
                tom.start()
                tom.send_media("photo", photo)
                tom.write("after")
                [chat] = [
                    one["id"]
                    for one in await olga.until("conversations", lambda page: page["items"])
                ]
                message = await olga.until(f"conversations/{chat}/messages", shown("image"))
                path = f"files/{message['payload']['file_id']}"
                assert (await olga.get(path))["state"] == "receiving"
                async with asyncio.timeout(PATIENCE):
                    while telegram.faults.rules:  # noqa: ASYNC110 - until the download has begun
                        await asyncio.sleep(0.05)
        finally:
            await server.kill()
        await server.start()
        try:
            async with Olga(server.url, "olga").signed_in() as olga:
                await olga.until(path, lambda file: file["state"] == "ready")
                page = await olga.get(f"conversations/{chat}/messages")
                kinds = [one["payload"]["type"] for one in page["items"]]
                assert kinds == ["text", "image", "text"]
        finally:
            await server.kill()
