"""Files go up from the browser: several ways in, and every way in which it can be interrupted."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from tests.e2e.conftest import People
from tests.e2e.file_talk import Files, cut_off, file
from tests.e2e.media import noise, photo
from tests.e2e.pages import WebClient

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
]

MEGABYTE = 1_000_000
SLOW = MEGABYTE // 8  # bytes a second: most of a file is left when what a test waits for is there
REACHED = """
(percent) => {
  const upload = document.querySelector("[data-testid=upload]");
  const bar = upload.querySelector("[role=progressbar]");
  return upload.dataset.state === "uploading" && Number(bar.ariaValueNow) >= percent;
}
"""
FORGET_BYTES = """
() => new Promise((resolve) => {
  indexedDB.open("chat4all").onsuccess = ({ target: { result: database } }) => {
    const transaction = database.transaction("blobs", "readwrite");
    transaction.objectStore("blobs").clear();
    transaction.oncomplete = () => resolve(database.close());
  };
})
"""


async def test_what_is_chosen_dropped_and_pasted_arrives_byte_for_byte(people: People) -> None:
    rui, sofia = await _two(people, "Rui Antunes", "Sofia Leite")
    talk = Files(rui)
    plan = file("plan, final (2).pdf", "application/pdf", noise(300_000, 1))
    table = file("Preços ção 😀.csv", "text/csv", b"a;b\n1;2\n")
    sheet = file("empty.txt", "text/plain", b"")
    picture = file("mountains.jpg", "image/jpeg", await photo(rui.page))

    await talk.choose(plan)
    await talk.drop(table, sheet)
    await talk.paste(picture)
    await expect(rui.at("attachment")).to_have_count(4)
    await talk.choose(file("wrong.txt", "text/plain", b"?"))
    await rui.at("attachment").last.get_by_test_id("attachment-remove").click()
    await expect(rui.at("attachment")).to_have_count(4)
    await rui.at("composer-input").fill("All of it, as promised")
    await rui.at("composer-send").click()
    await talk.sent()
    await expect(rui.conversation("Sofia Leite")).to_contain_text("📷 Photo")

    await sofia.open("Rui Antunes")
    theirs = Files(sofia)
    assert await theirs.save(theirs.document("plan, final (2).pdf")) == plan["buffer"]
    assert await theirs.save(theirs.document("Preços ção 😀.csv")) == table["buffer"]
    assert await theirs.save(theirs.document("empty.txt")) == b""
    shown = sofia.at("picture")
    await expect(shown).to_have_attribute("data-loaded", "true")
    await shown.click()
    assert await theirs.save(sofia.at("viewer-download")) == picture["buffer"]
    first = sofia.at("message").first
    await expect(first).to_contain_text("plan, final (2).pdf")
    await expect(first).to_contain_text("All of it, as promised")
    assert await sofia.seqs() == [1, 2, 3, 4]


async def test_text_that_is_written_meanwhile_does_not_wait_for_a_file(people: People) -> None:
    tina, ulisses = await _two(people, "Tina Braga", "Ulisses Paz")
    talk, said = Files(tina), asyncio.Event()

    async def held(route: Route) -> None:
        await said.wait()
        await route.continue_()

    await tina.page.route("**/v1/files/uploads/*", held)
    await talk.send(file("film.bin", "application/octet-stream", noise(MEGABYTE)))
    await tina.say("The film follows.")
    await expect(tina.at("upload")).to_have_count(1)
    said.set()
    await talk.sent()
    await ulisses.open("Tina Braga")
    await expect(Files(ulisses).document("film.bin")).to_be_visible()
    await expect(ulisses.at("message").first).to_contain_text("The film follows.")


async def test_an_upload_goes_on_after_a_reload_from_where_it_was(people: People) -> None:
    vasco, wanda = await _two(people, "Vasco Luz", "Wanda Reis")
    talk = Files(vasco)
    data = noise(3 * MEGABYTE)
    async with talk.slow_network(SLOW * 2):
        await talk.send(file("trip.zip", "application/zip", data), caption="All the photos")
        await _reached(talk, 30)
        offsets = talk.patches()
        await vasco.page.reload()
    await expect(vasco.at("conversation-list")).to_be_visible()
    await talk.sent()
    await expect(talk.document("trip.zip")).to_be_visible()
    assert min(offsets) > 0, "it began anew"
    await wanda.open("Vasco Luz")
    assert await Files(wanda).save(wanda.at("document")) == data
    await expect(wanda.at("message")).to_contain_text("All the photos")


async def test_after_a_reload_without_the_bytes_only_the_same_file_goes_on(people: People) -> None:
    xana, yuri = await _two(people, "Xana Melo", "Yuri Prata")
    talk = Files(xana)
    data = noise(2 * MEGABYTE)
    async with talk.slow_network(SLOW):
        await talk.send(file("concert.mov", "application/octet-stream", data))
        await _reached(talk, 20)
        await xana.page.evaluate(FORGET_BYTES)
        await xana.page.reload()
    upload = xana.at("upload")
    await expect(upload).to_have_attribute("data-state", "lost")
    choose = xana.at("upload-choose-input")
    await choose.set_input_files(file("concert.mov", "", noise(2 * MEGABYTE, 2)))
    await expect(xana.at("upload-status")).to_have_text("This is another file, or it was changed.")
    offsets = talk.patches()
    await choose.set_input_files(file("concert.mov", "", data))
    await talk.sent()
    assert offsets[0] > 0, "it began anew"
    await yuri.open("Xana Melo")
    assert await Files(yuri).save(yuri.at("document")) == data


async def test_an_upload_can_be_paused_taken_up_again_and_given_up(people: People) -> None:
    zeca, alba = await _two(people, "Zeca Pinto", "Alba Cruz")
    talk = Files(zeca)
    async with talk.slow_network(SLOW):
        await talk.send(file("a.bin", "application/octet-stream", noise(2 * MEGABYTE)))
        await _reached(talk, 15)
        await zeca.at("upload-pause").click()
        await expect(zeca.at("upload-status")).to_contain_text("Paused at")
        stood = await talk.progress()
        await talk.send(file("b.bin", "application/octet-stream", noise(MEGABYTE)))
        await zeca.at("upload-cancel").last.click()
        await expect(zeca.at("upload")).to_have_count(1)
        assert await talk.progress() == stood
        offsets = talk.patches()
        await zeca.at("upload-resume").click()
        await expect(zeca.at("upload")).to_have_attribute("data-state", "uploading")
    await talk.sent()
    assert offsets[0] > 0, "it began anew"
    await alba.open("Zeca Pinto")
    await expect(alba.at("document")).to_have_count(1)
    assert await Files(alba).save(alba.at("document")) == noise(2 * MEGABYTE)


async def test_an_upload_goes_on_by_itself_when_the_network_is_back(people: People) -> None:
    bento, carla = await _two(people, "Bento Dias", "Carla Nery")
    people.complaints.expected += [r"ERR_INTERNET_DISCONNECTED"]
    talk = Files(bento)
    data = noise(2 * MEGABYTE)
    async with talk.slow_network(SLOW) as network:
        await talk.send(file("c.bin", "application/octet-stream", data))
        await _reached(talk, 15)
        await cut_off(network)
        await expect(bento.at("upload-status")).to_contain_text("No connection")
    await talk.sent()
    await carla.open("Bento Dias")
    assert await Files(carla).save(carla.at("document")) == data


async def test_a_file_that_is_damaged_on_the_way_fails_and_can_be_tried_again(
    people: People,
) -> None:
    dora, elio = await _two(people, "Dora Sales", "Élio Matos")
    people.complaints.expected += [r"status of 422"]
    talk = Files(dora)
    data = noise(100_000)

    async def damage(route: Route) -> None:
        if route.request.method == "PATCH":
            await route.continue_(post_data=data[:-1] + b"?")
        else:
            await route.continue_()

    await dora.page.route("**/v1/files/uploads/*", damage)
    await talk.send(file("d.bin", "application/octet-stream", data))
    await expect(dora.at("upload-status")).to_have_text(
        "Not sent: The file was damaged on the way. Please try again."
    )
    await dora.page.unroute("**/v1/files/uploads/*")
    await dora.at("upload-resume").click()
    await talk.sent()
    await elio.open("Dora Sales")
    assert await Files(elio).save(elio.at("document")) == data


async def _two(people: People, one: str, other: str) -> tuple[WebClient, WebClient]:
    """Sign two people up; the first has the chat with the second open."""
    clients = [
        await people.newcomer(name, re.sub(r"[^a-z]", "", name.lower()) + "_files")
        for name in (one, other)
    ]
    await clients[0].start_chat(other)
    return clients[0], clients[1]


async def _reached(talk: Files, percent: int) -> None:
    """Wait until this much of the first file has gone out."""
    await talk.page.wait_for_function(REACHED, arg=percent, timeout=60_000)
