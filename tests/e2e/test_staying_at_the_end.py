"""Who reads the end of a conversation stays there, whatever grows below, until they scroll up."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.conftest import People

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NUMBER = "+5585977776666"
LONG = "\n".join(f"Verse {line} of a long song" for line in range(60))
LAST = "And that was the last one."
FAR = 400

# The browser tells of the scrolling in the next frame, when the list has become taller already.
GROW_AS_IT_SCROLLS = """async (list, [back, space]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const frames = () => frame().then(frame);
  list.scrollTop -= back;
  await frames();
  list.scrollTop += back;
  const row = list.querySelector("[data-testid$=message]:last-of-type");
  row.style.marginTop = space;
  await frames();
  row.dispatchEvent(new Event("load"));
  await frames();
}"""
IS_FAR = """(list, far) => new Promise((done) => {
  const look = () =>
    list.scrollHeight - list.scrollTop - list.clientHeight > far
      ? done()
      : requestAnimationFrame(look);
  look();
})"""
FROM_END = "(list) => list.scrollHeight - list.scrollTop - list.clientHeight"


async def test_a_conversation_stays_at_its_end(people: People) -> None:
    ines = await people.newcomer("Inês Prado", "ines_p")
    await people.newcomer("João Melo", "joao_m")
    await ines.start_chat("João Melo")
    await ines.say(LONG)
    await expect(await ines.say(LAST)).to_be_in_viewport()
    await _stays_until_scrolled_up(ines.page.locator(".scroller"))
    await expect(ines.at("to-end")).to_be_visible()


async def test_a_phone_stays_at_the_end(people: People) -> None:
    kai = await people.newcomer("Kai Duarte", "kai_d")
    await kai.add_contact("Lia", "mock", NUMBER)
    phone = await people.phones(kai)
    await phone.choose(NUMBER)
    await kai.say(LONG)
    await kai.say(LAST)
    await expect(phone.message(LAST)).to_be_in_viewport()
    await _stays_until_scrolled_up(phone.at("phone-message-list"))


async def _stays_until_scrolled_up(reading: Locator) -> None:
    await reading.evaluate(GROW_AS_IT_SCROLLS, [30, "900px"])
    assert await reading.evaluate(FROM_END) < 1
    await reading.hover()
    await reading.page.mouse.wheel(0, -2 * FAR)
    await reading.evaluate(IS_FAR, FAR)
    await reading.evaluate(GROW_AS_IT_SCROLLS, [0, "1200px"])
    assert await reading.evaluate(FROM_END) > FAR
