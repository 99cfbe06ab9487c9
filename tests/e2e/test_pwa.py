"""The web client as an app: it can be installed, opens without a network, and tells who closed it.

Real here are the server, the browser (Chromium), its service worker, the notification and what the
pages do. Three things are not, for no push service of a browser's maker can be reached from a
test, and a headless browser shows no notification that could be touched:

- `PushManager.subscribe` is answered by `web-push-testing`, which takes our pushes and decrypts
  them;
- what it decrypted is handed to the service worker by the DevTools protocol
  (`deliverPushMessage`), as the browser's connection to its push service would;
- the click is an event `notificationclick` of the test's own, sent to the worker. A browser opens
  windows only after a real one, so the test opens the address that the worker asks for.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, CDPSession, Page, async_playwright, expect

from tests.e2e.account import PASSWORD, Account
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.e2e.pages import Complaints, WebClient
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.push_packages import PACKAGES, WebPushTesting, web_push_testing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]

SUBSCRIBED_ELSEWHERE = """
PushManager.prototype.subscribe = async function ({ applicationServerKey }) {
  const { endpoint, keys } = await window.subscribeElsewhere(applicationServerKey);
  return { endpoint, unsubscribe: async () => true, toJSON: () => ({ endpoint, keys }) };
};
"""
CLICK = """
async () => {
  const [shown] = await self.registration.getNotifications();
  const click = new NotificationEvent("notificationclick", { notification: shown });
  let work, opened = null;
  click.waitUntil = (promise) => { work = promise; };
  self.clients.openWindow = async (address) => { opened = address; };
  self.dispatchEvent(click);
  await work.catch((error) => { if (error.name !== "InvalidAccessError") throw error; });
  return opened;
}
"""
"""Returns the address that the worker asks a window for; to focus one needs a real click too."""
SHOWN = """
async (wanted) => {
  for (;;) {
    const found = await self.registration.getNotifications();
    if (found.some(({ body }) => body === wanted))
      return found.map(({ title, body, tag }) => ({ title, body, tag }));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[WebPushTesting]:
    try:
        folder = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    async with web_push_testing(folder) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[str]:
    async with running_server(tmp_path, {"CHAT4ALL_WEBHOOK_NETWORKS": "127.0.0.0/8"}) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def window(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """A browser with a profile of its own, which may show notifications."""
    path = shutil.which(CHROMIUM)
    if path is None:
        skip_for(Missing(f"{CHROMIUM} is not on the PATH (Debian: apt-get install chromium)"))
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=path, args=ARGUMENTS, locale="en-GB"
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        await context.close()


async def signed_up(context: BrowserContext, server: str) -> WebClient:
    page = await context.new_page()
    await page.goto(server)
    client = WebClient(page)
    await client.sign_up("Bia Ramos", "bia", PASSWORD)
    await page.evaluate("async () => (await navigator.serviceWorker.ready).active.state")
    return client


async def test_the_client_can_be_installed_and_opens_without_a_network(
    server: str, window: BrowserContext
) -> None:
    complaints = Complaints(expected=["ERR_INTERNET_DISCONNECTED", "WebSocket"])
    await complaints.listen(window)
    bia = await signed_up(window, server)
    cdp = await window.new_cdp_session(bia.page)
    manifest = await cdp.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert json.loads(manifest["data"])["name"] == "Chat4All"
    assert (await cdp.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []
    await _kept(bia.page)
    await window.set_offline(True)
    await bia.page.reload()
    await expect(bia.page.locator("#app")).to_contain_text("cannot be reached")
    await window.set_offline(False)
    await expect(bia.at("conversation-list")).to_be_visible()
    assert complaints.remaining() == []


async def test_who_closed_the_page_is_told_and_a_click_lands_in_the_conversation(
    server: str, window: BrowserContext, service: WebPushTesting
) -> None:
    subscriptions: list[dict[str, Any]] = []

    async def subscribe(key: str) -> dict[str, Any]:
        subscriptions.append(await service.subscribe(key))
        return subscriptions[-1]

    complaints = Complaints()
    await complaints.listen(window)
    await window.expose_function("subscribeElsewhere", subscribe)
    await window.add_init_script(SUBSCRIBED_ELSEWHERE)
    await window.grant_permissions(["notifications"], origin=server)
    bia = await signed_up(window, server)
    await bia.open_dialog("open-settings")
    await bia.at("notifications-switch").click()
    await expect(bia.at("quiet-switch")).to_be_visible()
    await bia.at("quiet-switch").click()
    await expect(bia.at("quiet-start")).to_have_value("22:00")
    await bia.at("quiet-switch").click()
    await expect(bia.at("quiet-start")).to_be_hidden()
    [worker] = window.service_workers
    blank = await window.new_page()
    cdp = await window.new_cdp_session(blank)
    await bia.page.close()

    registration = await _registration(cdp, server)

    async def deliver(count: int) -> list[dict[str, str]]:
        said = await _received(service, subscriptions[0], count)
        message = {"origin": server, "registrationId": registration, "data": json.dumps(said)}
        await cdp.send("ServiceWorker.deliverPushMessage", message)
        shown: list[dict[str, str]] = await worker.evaluate(SHOWN, said["body"])
        return shown

    async with Account(server, "ana").signed_up("Ana Souza") as ana:
        found = (await ana.get("users", query="Bia"))["items"][0]["id"]
        body = {"type": "private", "member_ids": [found]}
        chat = (await ana.post("conversations", body))["id"]
        await ana.say(chat, ["Lunch at noon?"])
        shown = await deliver(1)
        assert shown == [{"title": "Ana Souza", "body": "Lunch at noon?", "tag": chat}]
        await ana.say(chat, ["Or at one?"])
        shown = await deliver(2)
        assert shown == [{"title": "Ana Souza", "body": "Or at one?", "tag": chat}]
    opened = await worker.evaluate(CLICK)
    assert opened == f"/#/c/{chat}"
    await blank.goto(server + opened)
    landed = WebClient(blank)
    await expect(landed.message("Lunch at noon?")).to_be_visible()
    await expect(landed.message("Or at one?")).to_be_visible()
    await expect(blank.locator(".thread-bar h2")).to_have_text("Ana Souza")
    assert complaints.remaining() == []


async def _kept(page: Page) -> None:
    """Wait until the service worker has kept the page with all that it consists of."""
    await page.wait_for_function("""async () => {
      const cache = await caches.open("chat4all.shell");
      const kept = (await cache.keys()).map(({ url }) => new URL(url).pathname);
      const loaded = performance.getEntriesByType("resource");
      const paths = loaded.map(({ name }) => new URL(name).pathname);
      const parts = paths.filter((path) => /^\\/(css|js|vendor)\\//.test(path));
      return ["/", "/js/main.js", "/css/base.css", ...parts].every((path) => kept.includes(path));
    }""")


async def _received(
    service: WebPushTesting, subscription: dict[str, Any], count: int
) -> dict[str, Any]:
    """Wait for so many pushes; return the last one."""
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        while len(came := await service.received(subscription)) < count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
    said: dict[str, Any] = json.loads(came[-1])
    return said


async def _registration(cdp: CDPSession, server: str) -> str:
    """Return the browser's id of the service worker."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def updated(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if one["scopeURL"].startswith(server) and not found.done():
                found.set_result(one["registrationId"])

    cdp.on("ServiceWorker.workerRegistrationUpdated", updated)
    await cdp.send("ServiceWorker.enable")
    return await found
