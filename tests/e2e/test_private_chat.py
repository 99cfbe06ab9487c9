"""Two people talk in two browsers."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.e2e.conftest import People

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_two_people_sign_up_and_talk(people: People) -> None:
    clara = await people.newcomer("Clara Nunes", "clara")
    diego = await people.newcomer("Diego Prado", "diego")
    await clara.start_chat("Diego Prado")
    hello = await clara.say("Are we still on for the hike on Saturday?")
    await expect(hello).to_have_attribute("data-status", "delivered")

    badge = diego.conversation("Clara Nunes").get_by_test_id("unread-badge")
    await expect(badge).to_have_text("1")
    await diego.open("Clara Nunes")
    await expect(badge).to_have_count(0)
    await expect(hello).to_have_attribute("data-status", "read")

    await diego.at("composer-input").press_sequentially("Yes! ")
    await expect(clara.at("typing-indicator")).to_contain_text("Diego Prado")
    await diego.say("Yes! I bring the coffee.")
    await expect(clara.at("typing-indicator")).to_have_count(0)
    await expect(clara.message("Yes! I bring the coffee.")).to_have_attribute("data-own", "false")
    assert await clara.seqs() == await diego.seqs() == [1, 2]


async def test_a_message_that_comes_while_a_conversation_loads_is_shown(people: People) -> None:
    lia = await people.newcomer("Lia Couto", "lia")
    mario = await people.newcomer("Mário Veiga", "mario")
    await lia.start_chat("Mário Veiga")
    await lia.say("The first")
    badge = mario.conversation("Lia Couto").get_by_test_id("unread-badge")
    await expect(badge).to_have_text("1")
    read, told = asyncio.Event(), asyncio.Event()

    async def held(route: Route) -> None:
        answer = await route.fetch()
        read.set()
        await told.wait()
        await route.fulfill(response=answer)

    await mario.page.route("**/messages?before_seq=*", held)
    await mario.conversation("Lia Couto").click()
    await read.wait()
    await lia.say("The second")
    await expect(mario.conversation("Lia Couto")).to_contain_text("The second")
    told.set()
    await expect(mario.message("The second")).to_be_visible()
    assert await mario.seqs() == [1, 2]


async def test_ticks_go_from_sent_over_delivered_to_read(people: People) -> None:
    elena = await people.newcomer("Elena Rocha", "elena")
    fabio = await people.newcomer("Fábio Reis", "fabio")
    people.complaints.expected += [r"ERR_INTERNET_DISCONNECTED"]
    await fabio.page.context.set_offline(offline=True)
    await expect(fabio.at("offline-banner")).to_be_visible()
    await elena.start_chat("Fábio Reis")
    note = await elena.say("Call me when you are back.")
    await expect(note).to_have_attribute("data-status", "sent")

    await fabio.page.context.set_offline(offline=False)
    await expect(note).to_have_attribute("data-status", "delivered")
    await fabio.open("Elena Rocha")
    await expect(note).to_have_attribute("data-status", "read")


async def test_what_came_while_a_page_was_closed_is_delivered_when_it_opens(people: People) -> None:
    nina = await people.newcomer("Nina Alves", "nina")
    otto = await people.newcomer("Otto Braun", "otto")
    await otto.page.goto("about:blank")
    await nina.start_chat("Otto Braun")
    note = await nina.say("You find this when you come.")
    await expect(note).to_have_attribute("data-status", "sent")
    await otto.page.go_back()
    await expect(note).to_have_attribute("data-status", "delivered")


async def test_a_message_is_answered_edited_reacted_to_found_and_deleted(people: People) -> None:
    gil = await people.newcomer("Gil Matos", "gil")
    helena = await people.newcomer("Helena Dias", "helena")
    await gil.start_chat("Helena Dias")
    question = await gil.say("Lunch at noon?")
    await helena.open("Gil Matos")

    await helena.act(helena.message("Lunch at noon?"), "menu-reply")
    answer = await helena.say("Make it half past")
    await expect(answer.get_by_test_id("quote")).to_contain_text("Lunch at noon?")
    seen = gil.message("Make it half past")
    await expect(seen.get_by_test_id("quote")).to_contain_text("Lunch at noon?")

    await helena.act(answer, "menu-edit")
    await helena.at("composer-input").fill("Make it one o'clock")
    await helena.at("composer-send").click()
    edited = gil.message("Make it one o'clock")
    await expect(edited).to_contain_text("edited")
    await expect(edited).to_have_attribute("data-seq", "2")

    await edited.hover()
    await edited.get_by_test_id("react").click()
    await gil.at("emoji").first.click()
    theirs = helena.message("Make it one o'clock").get_by_test_id("reaction")
    await expect(theirs).to_have_attribute("data-emoji", "👍")
    await edited.get_by_test_id("reaction").click()
    await expect(theirs).to_have_count(0)

    await gil.at("search-input").fill("one o'clock")
    found = gil.at("search-result").filter(has_text="Make it")
    await expect(found.locator("mark")).to_have_text("one o'clock")
    await found.locator("button").click()
    await expect(edited).to_be_focused()
    await gil.at("search-clear").click()

    await gil.act(question, "menu-delete-everyone")
    await gil.at("delete-confirm").click()
    await expect(helena.at("message").first).to_contain_text("Message deleted")
    await expect(helena.at("quote")).to_contain_text("Message deleted")
    assert await helena.seqs() == [1, 2]


async def test_what_is_written_offline_is_sent_once_when_the_connection_is_back(
    people: People,
) -> None:
    karin = await people.newcomer("Karin Abreu", "karin")
    leo = await people.newcomer("Léo Farias", "leo")
    await karin.start_chat("Léo Farias")
    await karin.say("Are you on the train?")
    await leo.open("Karin Abreu")
    people.complaints.expected += [r"ERR_INTERNET_DISCONNECTED"]
    await leo.page.context.set_offline(offline=True)
    await expect(leo.at("offline-banner")).to_be_visible()
    await leo.at("composer-input").fill("Yes, in a tunnel")
    await leo.at("composer-send").click()
    await expect(leo.message("Yes, in a tunnel")).to_have_attribute("data-status", "queued")
    assert await leo.seqs() == [1, 0]  # what waits has no place yet

    await leo.page.context.set_offline(offline=False)
    await expect(karin.message("Yes, in a tunnel")).to_have_attribute("data-seq", "2")
    await expect(leo.message("Yes, in a tunnel")).to_have_attribute("data-seq", "2")
    assert await karin.texts() == await leo.texts() == ["Are you on the train?", "Yes, in a tunnel"]


async def test_one_who_was_offline_gets_all_once_and_in_order(people: People) -> None:
    iris = await people.newcomer("Iris Melo", "iris")
    jonas = await people.newcomer("Jonas Vidal", "jonas")
    await iris.start_chat("Jonas Vidal")
    await iris.say("first")
    await jonas.open("Iris Melo")
    await expect(jonas.message("first")).to_be_visible()

    people.complaints.expected += [r"ERR_INTERNET_DISCONNECTED"]
    await jonas.page.context.set_offline(offline=True)
    await expect(jonas.at("offline-banner")).to_be_visible()
    for number in range(20):
        await iris.at("composer-input").fill(f"news {number}")
        await iris.at("composer-send").click()
    await expect(iris.message("news 19")).to_have_attribute("data-seq", "21")
    assert await jonas.seqs() == [1]

    await jonas.page.context.set_offline(offline=False)
    await expect(jonas.at("offline-banner")).to_have_count(0)
    await expect(jonas.at("message")).to_have_count(21)
    expected = ["first", *(f"news {number}" for number in range(20))]
    for client in (iris, jonas):
        assert await client.seqs() == list(range(1, 22))
        assert await client.texts() == expected
    own = iris.page.locator("[data-testid=message][data-own=true]")
    await expect(own.and_(iris.page.locator("[data-status=read]"))).to_have_count(21)
