"""Files in a conversation: pictures, the viewer, sounds, and what cannot be shown."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from chat4all.testing.telegram import SimulatorServer
from tests.e2e.conftest import BOT, NARROW, People
from tests.e2e.file_talk import Files, file
from tests.e2e.media import noise, photo, video
from tests.e2e.pages import WebClient

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
]

NO_MICROPHONE = """
() => {
  const refusal = () => Promise.reject(new DOMException("", "NotAllowedError"));
  navigator.mediaDevices.getUserMedia = refusal;
}
"""
SUMS = """
async (lengths) => {
  const { Sha256 } = await import("/js/files/sha256.js");
  return lengths.map((length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) % 251);
    const sum = new Sha256();
    for (let at = 0; at < length; at += 61) sum.update(bytes.subarray(at, at + 61));
    return sum.digest();
  });
}
"""
SUM_IN_THE_WORKER = """
async (mebibytes) => {
  const { checksumOf } = await import("/js/files/checksum.js");
  const piece = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index % 253);
  return checksumOf(new Blob(Array(mebibytes).fill(piece)));
}
"""


async def test_the_checksum_that_is_computed_piece_by_piece_is_sha_256(people: People) -> None:
    page = await people.page()
    lengths = [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000, 4096, 100_003]
    sums = await page.evaluate(SUMS, lengths)
    expected = [bytes(index * 7 % 251 for index in range(length)) for length in lengths]
    assert sums == [hashlib.sha256(one).hexdigest() for one in expected]
    assert sums[0] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    piece = bytes(index % 253 for index in range(1024 * 1024))
    whole = await page.evaluate(SUM_IN_THE_WORKER, 9)
    assert whole == "sha256:" + hashlib.sha256(piece * 9).hexdigest()


async def test_the_viewer_goes_through_all_pictures_by_keyboard(people: People) -> None:
    mila = await people.newcomer("Mila Prado", "mila")
    await people.newcomer("Nuno Faro", "nuno")
    await mila.start_chat("Nuno Faro")
    talk = Files(mila)
    await mila.say("From Saturday:")
    await talk.send(
        file("lake.jpg", "image/jpeg", await photo(mila.page, 1200, 800)),
        file("notes.txt", "text/plain", b"nothing to see"),
        file("tower.jpg", "image/jpeg", await photo(mila.page, 600, 1500, 300)),
        file("wind.webm", "video/webm", await video(mila.page)),
        caption="The lake at dusk",
    )
    await talk.sent()
    pictures = mila.at("picture")
    await expect(pictures).to_have_count(3)
    await expect(pictures.first.locator("img")).to_have_js_property("complete", value=True)
    box = await pictures.first.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(1200 / 800, rel=0.02)

    await pictures.first.focus()
    await mila.page.keyboard.press("Enter")
    viewer = mila.at("viewer")
    await expect(viewer).to_be_visible()
    await expect(viewer).to_contain_text("The lake at dusk")
    await expect(mila.at("viewer-count")).to_have_text("1 / 3")
    await expect(mila.at("viewer-image")).to_have_attribute("data-loaded", "true")
    await mila.page.keyboard.press("+")
    await expect(viewer.locator(".zoomed")).to_be_visible()
    await mila.page.keyboard.press("ArrowRight")
    await expect(mila.at("viewer-count")).to_have_text("2 / 3")
    await expect(viewer.locator(".zoomed")).to_have_count(0)
    for _ in range(12):
        await mila.page.keyboard.press("Tab")
        assert await _focus_stays_in(mila.page, "viewer")
    await mila.page.keyboard.press("ArrowRight")
    await mila.page.keyboard.press("ArrowRight")
    await expect(mila.at("viewer-count")).to_have_text("3 / 3")
    await _plays(mila.page, "[data-testid=viewer-video]")
    await mila.page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(pictures.first).to_be_focused()


async def test_a_picture_keeps_its_place_so_that_nothing_moves(people: People) -> None:
    omar = await people.newcomer("Omar Lins", "omar")
    await people.newcomer("Pia Sena", "pia")
    await omar.start_chat("Pia Sena")
    talk = Files(omar)
    await talk.send(file("p.jpg", "image/jpeg", await photo(omar.page, 500, 900)))
    await talk.sent()
    last = await omar.say("Below the picture")
    pia = await people.signed_in("pia")

    asked, given = asyncio.Event(), asyncio.Event()

    async def held(route: Route) -> None:
        asked.set()
        await given.wait()
        await route.continue_()

    await pia.page.route(re.compile(r"/thumbnail|/links"), held)
    await pia.open("Omar Lins")
    await asked.wait()
    await expect(last).to_have_attribute("data-status", "read")
    before = await _top(pia, "Below the picture")
    given.set()
    await expect(pia.at("picture").locator("img")).to_have_js_property("complete", value=True)
    assert await _top(pia, "Below the picture") == before


async def test_a_voice_note_is_recorded_here_and_played_there(people: People) -> None:
    raul = await people.newcomer("Raul Brito", "raul")
    sara = await people.newcomer("Sara Nunes", "sara_n", locale="pt-BR", viewport=NARROW)
    await raul.start_chat("Sara Nunes")
    await raul.at("voice-record").click()
    await expect(raul.at("voice-time")).to_have_text("0:01")
    await raul.page.keyboard.press("Escape")
    await expect(raul.at("recording")).to_have_count(0)
    await expect(raul.at("composer-input")).to_be_focused()

    await raul.at("voice-record").focus()
    await raul.page.keyboard.press("Enter")
    await expect(raul.at("voice-time")).to_have_text("0:02")
    await raul.at("voice-send").click()
    await Files(raul).sent()
    await expect(raul.conversation("Sara Nunes")).to_contain_text("🎤 Voice message")

    await expect(sara.conversation("Raul Brito")).to_contain_text("🎤 Mensagem de voz")
    await sara.open("Raul Brito")
    await expect(sara.at("audio")).to_have_attribute("aria-label", "Mensagem de voz")
    await sara.at("audio-toggle").click()
    await expect(sara.at("audio")).to_have_attribute("data-playing", "true")
    await expect(sara.at("audio-time")).to_have_text("0:01")
    await sara.at("audio-toggle").click()
    await expect(sara.at("audio")).to_have_attribute("data-playing", "false")


async def test_a_refused_microphone_is_told(people: People) -> None:
    teo = await people.newcomer("Teo Vaz", "teo")
    await people.newcomer("Uma Reis", "uma")
    await teo.start_chat("Uma Reis")
    await teo.page.evaluate(NO_MICROPHONE)
    await teo.at("voice-record").click()
    await expect(teo.at("notice")).to_contain_text("The microphone is blocked for this page.")
    await expect(teo.at("composer-input")).to_be_visible()


async def test_a_file_that_failed_or_is_on_its_way_says_so(people: People) -> None:
    vito = await people.newcomer("Vito Sá", "vito")
    await people.newcomer("Yasmin Dias", "yasmin")
    await vito.start_chat("Yasmin Dias")
    talk = Files(vito)
    await talk.send(file("song.bin", "application/octet-stream", noise(1000)))
    await talk.sent()
    told: dict[str, Any] = {"state": "receiving"}

    async def another_state(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=json.dumps(await answer.json() | told))

    await vito.page.route(re.compile(r"/v1/files/[0-9a-f-]+$"), another_state)
    await vito.page.reload()
    await expect(vito.at("file-receiving")).to_contain_text("On its way")
    told |= {"state": "failed", "error": {"code": "media_gone", "detail": "410 at the platform"}}
    await expect(vito.at("file-failed")).to_contain_text("no longer there to be fetched")
    told |= {"state": "ready"}
    await vito.page.reload()
    await expect(talk.document("song.bin")).to_be_visible()


async def test_a_photo_from_telegram_is_seen_and_saved_in_the_client(
    people: People, telegram: SimulatorServer
) -> None:
    ana = await people.signed_in("ana")
    taken = await photo(ana.page, 900, 600, 20)
    rosa = telegram.simulator.add_person("Rosa Prates")
    rosa.start(to=BOT)
    rosa.send_media("photo", taken, to=BOT, caption="Here I am")
    await expect(ana.conversation("Rosa Prates")).to_contain_text("📷 Photo: Here I am")
    await ana.open("Rosa Prates")
    await expect(ana.message("Here I am")).to_have_attribute("data-channel", "telegram")
    await expect(ana.at("picture").locator("img")).to_have_js_property("complete", value=True)
    await ana.at("picture").click()
    assert await Files(ana).save(ana.at("viewer-download")) == taken


async def test_files_fit_a_phone_in_the_dark_in_portuguese(people: People) -> None:
    zoe = await people.newcomer(
        "Zoé Lima", "zoe", viewport=NARROW, locale="pt-BR", color_scheme="dark", has_touch=True
    )
    await people.newcomer("Abel Faria", "abel")
    await zoe.start_chat("Abel Faria")
    talk = Files(zoe)
    name = "Um nome de arquivo bem comprido que não cabe em linha nenhuma, versão 12.pdf"
    await talk.send(
        file("wide.jpg", "image/jpeg", await photo(zoe.page, 2000, 500)),
        file("tall.jpg", "image/jpeg", await photo(zoe.page, 300, 2000, 20)),
        file(name, "application/pdf", noise(2_345_678)),
    )
    await talk.sent()
    await expect(talk.document(name)).to_contain_text("2,3 MB")
    assert await _overflow(zoe.page) == 0
    for bubble in await zoe.page.locator(".bubble").all():
        box = await bubble.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]
    await zoe.at("picture").first.click()
    await expect(zoe.at("viewer")).to_have_attribute("aria-label", "Fotos e vídeos")
    assert await _overflow(zoe.page) == 0


async def _focus_stays_in(page: Page, testid: str) -> bool:
    """Return whether the focus is there, or at the browser's own buttons (the body)."""
    inside: bool = await page.evaluate(
        "(id) => document.activeElement.matches(`body, [data-testid=${id}] *`)", testid
    )
    return inside


async def _plays(page: Page, selector: str) -> None:
    await page.wait_for_function(
        "(selector) => document.querySelector(selector)?.currentTime > 0", arg=selector
    )


async def _top(client: WebClient, text: str) -> float:
    top: float = await client.message(text).evaluate("(row) => row.getBoundingClientRect().top")
    return top


async def _overflow(page: Page) -> int:
    wider: int = await page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider
