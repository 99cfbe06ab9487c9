"""One running product, one simulated Telegram and one browser for all sessions here.

Every test uses people of its own; what they do stays in the product for the tests after it.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from chat4all.testing.telegram import SimulatorServer, TelegramSimulator
from tests.e2e.account import PASSWORD, Account
from tests.e2e.pages import Complaints, PhonePage, WebClient
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for

CHROMIUM = "chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_MS = 45_000  # how long a condition may take on a busy machine
BOT = 123456
BOT_TOKEN = f"{BOT}:AAe2e-token-of-the-simulated-bot-0000"
DESKTOP = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}

TakePicture = Callable[[Page, str], Awaitable[None]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="renew the pictures in docs/images")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def telegram() -> AsyncIterator[SimulatorServer]:
    """A Telegram with the product's one bot."""
    simulator = TelegramSimulator()
    simulator.add_bot("chat4all_bot", token=BOT_TOKEN)
    async with simulator.serve() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(
    telegram: SimulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The product, connected to that Telegram: its address.

    Ana was the first to sign up, which makes her the administrator and the bot's owner.
    """
    settings = {
        "CHAT4ALL_TELEGRAM_API": telegram.url,
        "CHAT4ALL_TELEGRAM_TOKEN": BOT_TOKEN,
        "CHAT4ALL_SENDER_RATE": "100000",  # one test floods a client that does not read
        "CHAT4ALL_CONVERSATION_RATE": "100000",
    }
    async with (
        running_server(tmp_path_factory.mktemp("product"), settings) as url,
        Account(url, "ana").signed_up("Ana Souza"),
    ):
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium; skips when there is none."""
    path = shutil.which(CHROMIUM)
    if path is None:
        skip_for(Missing(f"{CHROMIUM} is not on the PATH (Debian: apt-get install chromium)"))
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        await chromium.close()


class People:
    """Those who sit at a browser in one test."""

    def __init__(self, browser: Browser, server: str) -> None:
        self.complaints = Complaints(expected=["blocked by Playwright"])
        self._browser = browser
        self._server = server

    async def page(self, path: str = "/", **options: Any) -> Page:
        """Open the product in a browser of its own, as playwright's context `options` say."""
        told = {
            "viewport": DESKTOP,
            "locale": "en-GB",
            "reduced_motion": "reduce",
            "service_workers": "block",  # they stand between a test and the network it breaks
            **options,
        }
        context = await self._browser.new_context(**told)
        context.set_default_timeout(PATIENCE_MS)
        await self.complaints.listen(context)
        page = await context.new_page()
        await page.goto(self._server + path)
        return page

    async def newcomer(self, name: str, username: str, **options: Any) -> WebClient:
        """Sign somebody up, in a browser of their own."""
        client = WebClient(await self.page(**options))
        await client.sign_up(name, username, PASSWORD)
        return client

    async def signed_in(self, username: str, **options: Any) -> WebClient:
        """Sign somebody in who has an account, in another browser of theirs."""
        client = WebClient(await self.page(**options))
        await client.sign_in(username, PASSWORD)
        return client

    async def phones(self, client: WebClient) -> PhonePage:
        """Open the page of the simulated phones, signed in as the owner of `client`.

        In a window of its own: a page behind another one draws once a second.
        """
        state = await client.page.context.storage_state()
        return PhonePage(await self.page("/phone", storage_state=state))

    async def leave(self) -> None:
        """Close every browser window."""
        for context in self._browser.contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, server: str) -> AsyncIterator[People]:
    """Whoever the test signs up; no browser may have complained at its end."""
    people = People(browser, server)
    yield people
    await people.leave()
    assert people.complaints.remaining() == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> TakePicture:
    """Takes a picture of a page for the documentation, when --screenshots is given."""
    folder = request.config.rootpath / "docs" / "images"

    async def take(page: Page, name: str) -> None:
        if request.config.getoption("--screenshots"):
            folder.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")

    return take
