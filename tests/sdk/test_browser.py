"""The TypeScript client in a browser, as it is published: no bundler, and nothing else loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.async_api import Route, async_playwright

from tests.client.people import PASSWORD, two_people
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.sdk.built import built_client
from tests.servers.cache import Missing, skip_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Runs in a page of the server; what it returns is what Bob sees of what he and Ada say.
PROGRAM = """async ([username, password, talk]) => {
  const { Client, NotFound, textOf } = await import("/sdk/index.js");
  const bob = await Client.signIn(location.origin, username, password);
  const seen = [];
  const cursor = await bob.cursor();
  await bob.send(talk, "Hello from a browser");
  const steps = [];
  const notes = new File(["Notes. ".repeat(99_999)], "notes.txt", { type: "text/plain" });
  const progress = (done, size) => steps.push(done / size);
  await bob.sendFile(talk, notes, { caption: "Notes", progress });
  let file;
  for await (const event of bob.events({ cursor })) {
    if (event.type !== "message") continue;
    seen.push(textOf(event.message));
    if (event.message.payload.type === "document") {
      file = await bob.download(event.message.payload.file_id);
      break;
    }
  }
  const unknown = bob.message(crypto.randomUUID());
  const missing = await unknown.catch((error) => error instanceof NotFound);
  await bob.signOut();
  return { seen, last: steps.at(-1), same: (await file.text()) === (await notes.text()), missing };
}"""


async def test_it_signs_in_sends_follows_and_moves_files_in_a_browser(url: str) -> None:
    program = shutil.which(CHROMIUM)
    if program is None:
        skip_for(Missing("Chromium is not on the PATH (Debian: apt-get install chromium)"))
    dist = built_client() / "dist"

    async def module(route: Route) -> None:
        await route.fulfill(path=dist / Path(route.request.url).name)

    async with two_people(url, "web-ada", "web-bob") as (_, _, talk), async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = await browser.new_page()
        await page.route("**/sdk/*.js", module)
        await page.goto(f"{url}/docs")
        told = await page.evaluate(PROGRAM, ["web-bob", PASSWORD, talk])
        await browser.close()
    assert told == {
        "seen": ["Hello from a browser", "Notes"],
        "last": 1,
        "same": True,
        "missing": True,
    }
