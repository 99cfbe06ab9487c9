"""A text is sent later: the choice of a time, and what waits, on a screen of any size."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Route, expect

from tests.e2e.conftest import NARROW, People, TakePicture
from tests.e2e.pages import WebClient

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LATER = "scheduled-messages"
ZONE = "America/Sao_Paulo"
FRIENDS = {
    "narrow-light": "Ben Adler",
    "narrow-dark": "Eva Costa",
    "wide-light": "Ivo Neri",
    "wide-dark": "Leo Prado",
}
SHOWN = ("send-later-menu-wide-light", "send-later-list-narrow-dark")
"""The pictures that the documentation shows."""


async def waiting(client: WebClient) -> list[dict[str, Any]]:
    """Return what the server keeps for whoever sits there."""
    answer = await client.page.evaluate(
        """async () => {
            const { scheduledMessages } = await import("/js/api.js");
            return scheduledMessages("scheduled");
        }"""
    )
    return list(answer)


async def change(client: WebClient, message_id: str, body: dict[str, Any]) -> None:
    """Change a scheduled message as another device of theirs would."""
    await client.page.evaluate(
        """async ([id, body]) => {
            const { changeScheduled } = await import("/js/api.js");
            await changeScheduled(id, body);
        }""",
        [message_id, body],
    )


async def write_later(client: WebClient, text: str, item: str) -> None:
    await client.at("composer-input").fill(text)
    await client.at("send-later").click()
    await client.at(item).click()


def lines(client: WebClient) -> Locator:
    return client.at("scheduled-item")


async def test_a_text_waits_until_tomorrow_and_then_it_goes_out(people: People) -> None:
    livia = await people.newcomer("Livia Prado", "livia-later", timezone_id=ZONE)
    otmar = await people.newcomer("Otmar Braun", "otmar")
    await livia.start_chat("Otmar Braun")
    await expect(livia.at("send-later")).to_have_count(0)  # there is nothing to send
    await write_later(livia, "Good morning!", "later-tomorrow")
    await expect(livia.at("composer-input")).to_have_value("")
    await expect(livia.at("composer-input")).to_be_focused()
    line = livia.at("scheduled-line")
    await expect(line).to_contain_text("1 scheduled message")
    await expect(line).to_contain_text("Tomorrow, 09:00: Good morning!")
    await expect(livia.at("announcer")).to_have_text("It will be sent: Tomorrow, 09:00")
    [kept] = await waiting(livia)
    here = datetime.now(ZoneInfo(ZONE)).date()
    assert kept["local_time"][:16] == f"{here + timedelta(days=1)}T09:00"
    assert kept["time_zone"] == ZONE
    assert await livia.seqs() == []

    soon = datetime.now(UTC) + timedelta(seconds=1)
    await change(livia, kept["message_id"], {"send_at": soon.isoformat()})
    await expect(livia.message("Good morning!")).to_have_attribute("data-seq", "1")
    await expect(line).to_have_count(0)
    await otmar.open("Livia Prado")
    await expect(otmar.message("Good morning!")).to_be_visible()


async def test_in_one_hour_is_that_and_an_answer_stays_one(people: People) -> None:
    nora = await people.newcomer("Nora Dias", "nora-later")
    await people.newcomer("Pavel Weiss", "pavel-later")
    await nora.start_chat("Pavel Weiss")
    asked = await nora.say("Lunch?")
    await nora.act(asked, "menu-reply")
    before = datetime.now(UTC)
    await write_later(nora, "Well?", "later-hour")
    await expect(nora.at("scheduled-line")).to_contain_text("Well?")
    await expect(nora.at("compose-reply")).to_have_count(0)
    [kept] = await waiting(nora)
    at = datetime.fromisoformat(kept["send_at"])
    assert timedelta(hours=1) <= at - before <= timedelta(hours=1, minutes=2)
    assert at.second == 0  # what is shown is when it goes out
    assert kept["reply_to"] == await asked.get_attribute("data-message-id")


async def test_a_time_is_chosen_changed_and_given_up_with_the_keyboard_alone(
    people: People,
) -> None:
    rosa = await people.newcomer("Rosa Leal", "rosa-later", timezone_id=ZONE)
    await people.newcomer("Sören Holm", "soeren-later")
    await rosa.start_chat("Sören Holm")
    press, keys = rosa.page.keyboard.press, rosa.page.keyboard
    await rosa.at("composer-input").focus()
    await keys.type("Happy birthday")
    await tab_to(rosa, rosa.page.get_by_role("button", name="Send later"))
    await press("Enter")
    await expect(rosa.page.get_by_role("menuitem", name="In one hour")).to_be_focused()
    await press("ArrowDown")
    await press("ArrowDown")
    await press("Enter")
    when = rosa.page.get_by_role("dialog", name="Send later").get_by_label("When")
    await expect(when).to_be_focused()
    await expect(when).to_have_accessible_description("In your time zone: America/Sao Paulo")
    day = datetime.now(ZoneInfo(ZONE)) + timedelta(days=40)
    await when.fill(day.strftime("%Y-%m-%dT18:30"))  # its parts are the browser's, in its own order
    await press("Enter")
    line = rosa.at("scheduled-line")
    await expect(line).to_contain_text("Happy birthday")
    [kept] = await waiting(rosa)
    assert kept["local_time"][:16] == day.strftime("%Y-%m-%dT18:30")

    await expect(rosa.at("composer-input")).to_be_focused()
    await tab_to(rosa, line, keys="Shift+Tab")
    await press("Enter")
    edit = lines(rosa).get_by_role("button", name=re.compile("^Change the message of"))
    await tab_to(rosa, edit)
    await press("Enter")
    text = lines(rosa).get_by_label("Message")
    await expect(text).to_be_focused()
    await press("Escape")  # leaves the change, not the dialog
    await expect(edit).to_be_focused()
    await press("Enter")
    await press("End")
    await keys.type(", Sören!")
    await tab_to(rosa, rosa.at("scheduled-save"))
    await press("Enter")
    await expect(lines(rosa)).to_contain_text("Happy birthday, Sören!")
    await expect(edit).to_be_focused()
    [changed] = await waiting(rosa)
    assert (changed["payload"]["text"], changed["send_at"]) == (
        "Happy birthday, Sören!",
        kept["send_at"],
    )

    await press("Tab")
    await press("Enter")
    await tab_to(rosa, rosa.at("scheduled-cancel-yes"))
    await press("Enter")
    await expect(rosa.page.get_by_text("Nothing is scheduled")).to_be_focused()
    assert await waiting(rosa) == []
    await press("Escape")
    await expect(line).to_have_count(0)


async def test_the_time_of_what_waits_is_changed_and_they_stand_in_its_order(
    people: People,
) -> None:
    tara = await people.newcomer("Tara Linde", "tara-later", timezone_id=ZONE)
    await people.newcomer("Ulla Conti", "ulla-later")
    await people.newcomer("Vilma Sousa", "vilma-later")
    await tara.start_chat("Vilma Sousa")
    await write_later(tara, "For Vilma", "later-hour")
    await tara.start_chat("Ulla Conti")
    await expect(tara.at("scheduled-line")).to_have_count(0)  # what is for others is not here
    await write_later(tara, "first", "later-hour")
    await write_later(tara, "second", "later-tomorrow")
    await expect(tara.at("scheduled-line")).to_contain_text("2 scheduled messages")
    await tara.page.reload()
    await tara.at("scheduled-line").click()
    await expect(lines(tara)).to_contain_text(["first", "second"])

    soon = (datetime.now(ZoneInfo(ZONE)) + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M")
    await lines(tara).nth(1).get_by_test_id("scheduled-edit").click()
    await tara.at("scheduled-at").fill(soon)
    await tara.at("scheduled-save").click()
    await expect(lines(tara)).to_contain_text(["second", "first"])
    found = {one["payload"]["text"]: one["local_time"][:16] for one in await waiting(tara)}
    assert found["second"] == soon
    assert len(found) == 3


async def test_what_could_not_be_sent_says_why_until_it_was_seen(people: People) -> None:
    wanda = await people.newcomer("Wilma Tell", "wilma-later")
    xavi = await people.newcomer("Xavi Roca", "xavi-later")
    await xavi.create_group("Choir", "Wilma Tell")
    await wanda.open("Choir")
    await write_later(wanda, "See you there", "later-tomorrow")
    await expect(wanda.at("scheduled-line")).to_be_visible()
    [kept] = await waiting(wanda)
    chat = kept["conversation_id"]
    await wanda.page.route(re.compile(rf"/v1/{LATER}\?"), partial(as_failed, kept))
    await wanda.page.reload()
    assert chat in wanda.page.url
    await expect(wanda.at("scheduled-line")).to_contain_text("1 message was not sent")
    await wanda.at("scheduled-line").click()
    await expect(wanda.at("scheduled-unsent")).to_contain_text("See you there")
    await expect(wanda.at("scheduled-unsent")).to_contain_text("Not sent: you are not in it")
    await wanda.at("scheduled-dismiss").click()
    await expect(wanda.page.get_by_text("Nothing is scheduled")).to_be_visible()
    async with wanda.page.expect_response(re.compile("state=failed")):
        await wanda.page.reload()
    await expect(wanda.at("composer")).to_be_visible()
    await wanda.at("composer-input").fill("they are shown by now")
    await expect(wanda.at("send-later")).to_be_visible()
    await expect(wanda.at("scheduled-line")).to_have_count(0)


async def as_failed(kept: dict[str, Any], route: Route) -> None:
    """Answer as when the message has failed."""
    error = {"code": "conversation_not_found", "text": "you are not in it"}
    failed = {**kept, "state": "failed", "error": error}
    items = [failed] if "state=failed" in route.request.url else []
    await route.fulfill(json={"items": items, "next": None})


async def test_while_the_server_is_not_reached_the_text_stays_and_is_scheduled_once(
    people: People,
) -> None:
    yara = await people.newcomer("Yara Melo", "yara-later")
    await people.newcomer("Zilda Fink", "zilda-later")
    await yara.start_chat("Zilda Fink")

    async def lose(route: Route) -> None:
        await route.fetch()  # the server has it; its answer does not come
        await route.abort()

    await yara.page.route(f"**/v1/{LATER}", lose, times=1)
    people.complaints.expected.append("ERR_FAILED")
    await write_later(yara, "Once", "later-tomorrow")
    await expect(yara.at("notice")).to_have_text("The server cannot be reached.")
    await expect(yara.at("composer-input")).to_have_value("Once")
    await yara.at("send-later").click()
    await yara.at("later-tomorrow").click()
    await expect(yara.at("composer-input")).to_have_value("")
    assert len(await waiting(yara)) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["narrow", "wide"])
async def test_it_fits_every_screen_and_speaks_the_language_of_the_reader(
    people: People, picture: TakePicture, size: str, theme: Any
) -> None:
    name = f"{size}-{theme}"
    look: dict[str, Any] = {"color_scheme": theme, "timezone_id": ZONE}
    if size == "narrow":
        look |= {"viewport": NARROW, "has_touch": True, "is_mobile": True, "locale": "pt-BR"}
    ada = await people.newcomer("Ada Nunes", f"ada-{name}", **look)
    await people.newcomer(FRIENDS[name], f"friend-{name}")
    await ada.start_chat(FRIENDS[name])
    await ada.say("Did you see the weather for the weekend?")
    await write_later(ada, "Bring a coat tomorrow, and the big umbrella too!", "later-tomorrow")
    await write_later(ada, "Are you up?", "later-hour")
    await expect(ada.at("scheduled-line")).to_contain_text(
        "2 mensagens agendadas" if size == "narrow" else "2 scheduled messages"
    )
    await ada.at("composer-input").fill("And a third one")
    await ada.at("send-later").click()
    await expect(ada.at("later-choose")).to_be_visible()
    assert await fits(ada)
    if f"send-later-menu-{name}" in SHOWN:
        await picture(ada.page, f"send-later-menu-{name}")
    await ada.at("later-choose").click()
    await expect(ada.at("later-at")).to_be_visible()
    assert await fits(ada)
    await ada.close_dialog()
    await ada.at("scheduled-line").click()
    await lines(ada).nth(1).get_by_test_id("scheduled-edit").click()
    await expect(ada.at("scheduled-form")).to_be_visible()
    assert await fits(ada)
    if f"send-later-list-{name}" in SHOWN:
        await picture(ada.page, f"send-later-list-{name}")


async def fits(client: WebClient) -> bool:
    """Say whether nothing reaches over the sides of the screen."""
    screen = client.page.viewport_size
    found = await client.page.evaluate(
        """(width) => {
            const parts = ".popup, dialog, .composer-line > *, .scheduled-line, .scheduled li *";
            const found = [...document.querySelectorAll(parts)];
            const boxes = found.map((box) => box.getBoundingClientRect());
            const isInside = ({ left, right }) => left >= 0 && right <= width;
            return document.documentElement.scrollWidth === width && boxes.every(isInside);
        }""",
        screen and screen["width"],
    )
    return bool(found)


async def tab_to(client: WebClient, wanted: Locator, *, keys: str = "Tab") -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(15):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await client.page.keyboard.press(keys)
    raise AssertionError(f"Tab does not reach {wanted}")
