"""Files at the simulated Telegram: limits, albums, loss, and foreign clients with all of it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import httpx
import pytest
import telegram
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, InputMediaPhoto, InputMediaVideo
from telegram.error import BadRequest

from chat4all.testing.telegram import (
    Fault,
    FaultKind,
    FileLimits,
    Phone,
    SimulatorServer,
    TelegramSimulator,
)

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
PDF = b"%PDF-1.7\n" + b"\r\n--x\r\n" * 50


@pytest.fixture
def simulator() -> TelegramSimulator:
    limits = FileLimits(photo=20_000, upload=50_000, download=30_000)
    return TelegramSimulator(file_limits=limits)


@pytest.fixture
async def aiogram_bot(server: SimulatorServer, token: str) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url))
    async with Bot(token, session=session) as bot:
        yield bot


@pytest.fixture
async def ptb_bot(server: SimulatorServer, token: str) -> AsyncIterator[telegram.Bot]:
    url = server.url
    async with telegram.Bot(token, f"{url}/bot", f"{url}/file/bot") as bot:
        yield bot


async def test_aiogram_sends_and_fetches_files(aiogram_bot: Bot, ana: Phone) -> None:
    ana.start()
    sent = await aiogram_bot.send_photo(501, BufferedInputFile(PICTURE, "sea.png"), caption="Sea")
    await aiogram_bot.edit_message_caption(chat_id=501, message_id=sent.message_id, caption="Sky")
    await aiogram_bot.send_document(501, BufferedInputFile(PDF, "a.pdf"))
    photo, document = ana.view().messages[-2:]
    assert photo.media
    assert document.media
    assert (ana.download(photo.media), photo.caption, photo.edited) == (PICTURE, "Sky", True)
    assert (ana.download(document.media), document.media.name) == (PDF, "a.pdf")
    ana.send_media("photo", PICTURE, caption="Mine")
    [update] = (await aiogram_bot.get_updates())[-1:]
    assert update.message
    assert update.message.photo
    fetched = await aiogram_bot.download(update.message.photo[-1])
    assert fetched
    assert fetched.read() == PICTURE


async def test_python_telegram_bot_sends_and_fetches_files(
    ptb_bot: telegram.Bot, ana: Phone
) -> None:
    ana.start()
    await ptb_bot.send_photo(501, PICTURE, caption="Sea")
    await ptb_bot.send_voice(501, b"OggS....")
    await ptb_bot.send_video(501, io.BytesIO(b"....ftyp"), filename="a.mp4")
    shown = ana.view().messages[-3:]
    assert [one.media.kind for one in shown if one.media] == ["photo", "voice", "video"]
    for kind in ("video_note", "animation", "audio", "sticker", "document"):
        ana.send_media(kind, PDF, name="x.bin")
    updates = (await ptb_bot.get_updates())[-5:]
    for update in updates:
        assert update.message
        attached = update.message.effective_attachment
        assert attached is not None
        file = await attached.get_file()  # type: ignore[union-attr]  # each of these kinds has it
        assert await file.download_as_bytearray() == PDF


async def test_an_album_is_several_messages_with_one_name(aiogram_bot: Bot, ana: Phone) -> None:
    ana.start()
    with pytest.raises(TelegramBadRequest, match="2-10"):
        await aiogram_bot.send_media_group(
            501, [InputMediaPhoto(media=BufferedInputFile(PICTURE, "a.png"))]
        )
    sent = await aiogram_bot.send_media_group(
        501,
        [
            InputMediaPhoto(media=BufferedInputFile(PICTURE, "a.png"), caption="one"),
            InputMediaVideo(media=BufferedInputFile(b"....ftyp", "b.mp4")),
        ],
    )
    first, second = ana.view().messages[-2:]
    assert first.album == second.album == sent[0].media_group_id
    assert [one.message_id for one in sent] == [first.message_id, second.message_id]
    album = ana.new_album()
    for number in range(3):
        ana.send_media("photo", PICTURE + bytes([number]), album=album)
    updates = (await aiogram_bot.get_updates())[-3:]
    assert {update.message.media_group_id for update in updates if update.message} == {album}


async def test_what_telegram_does_not_take_is_refused(ptb_bot: telegram.Bot, ana: Phone) -> None:
    ana.start()
    with pytest.raises(BadRequest, match="too big"):
        await ptb_bot.send_photo(501, PICTURE * 2)
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await ptb_bot.send_photo(501, PDF)
    for letter in ("a", "😀"):
        with pytest.raises(BadRequest, match="caption is too long"):
            await ptb_bot.send_photo(501, PICTURE, caption=letter * 1025)
    with pytest.raises(BadRequest, match="too big"):
        await ptb_bot.send_document(501, bytes(50_001))
    assert len(ana.view().messages) == 1
    await ptb_bot.send_photo(501, PICTURE, caption="😀" * 1024)
    assert ana.view().messages[-1].caption == "😀" * 1024


async def test_a_file_over_the_body_limit_is_413(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    answer = await bot.post(
        "sendDocument", data={"chat_id": "501"}, files={"document": ("x", bytes(2 * 1024**2))}
    )
    assert answer.status_code == 413


async def test_a_file_is_too_large_to_fetch_or_gone(
    aiogram_bot: Bot, simulator: TelegramSimulator, ana: Phone
) -> None:
    ana.start()
    ana.send_media("document", bytes(30_001))
    ana.send_media("document", PDF)
    large, small = (await aiogram_bot.get_updates())[-2:]
    assert large.message
    assert large.message.document
    assert small.message
    assert small.message.document
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await aiogram_bot.get_file(large.message.document.file_id)
    found = await aiogram_bot.get_file(small.message.document.file_id)
    simulator.expire_files()
    with pytest.raises(TelegramBadRequest, match="wrong file_id"):
        await aiogram_bot.get_file(small.message.document.file_id)
    async with httpx.AsyncClient(trust_env=False) as http:
        url = aiogram_bot.session.api.file_url(aiogram_bot.token, found.file_path or "")
        assert (await http.get(url)).status_code == 404


async def test_a_download_breaks_off_when_asked_to(
    aiogram_bot: Bot, simulator: TelegramSimulator, ana: Phone
) -> None:
    ana.start()
    ana.send_media("document", PDF)
    [update] = (await aiogram_bot.get_updates())[-1:]
    assert update.message
    assert update.message.document
    found = await aiogram_bot.get_file(update.message.document.file_id)
    url = aiogram_bot.session.api.file_url(aiogram_bot.token, found.file_path or "")
    simulator.faults.add(Fault(kind=FaultKind.BROKEN_DOWNLOAD))
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await http.get(url)
        assert (await http.get(url)).content == PDF


async def test_a_picture_is_played_and_shown_over_http(server: SimulatorServer, ana: Phone) -> None:
    ana.start()
    media = {"kind": "photo", "data": "/9j/Li4u", "caption": "Mar"}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        path = f"/sim/people/{ana.owner.id}/chats/bot"
        assert (await http.post(f"{path}/messages", json={"media": media})).status_code == 200
        shown = (await http.get(path)).json()["messages"][-1]
        assert (shown["caption"], shown["media"]["kind"]) == ("Mar", "photo")
        picture = await http.get(f"/sim/files/{shown['media']['file_id']}")
    assert picture.content == b"\xff\xd8\xff..."
    assert picture.headers["content-type"] == "image/jpeg"
