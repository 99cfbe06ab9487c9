"""What people do with the two pages, in their own words."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, WebError, expect

WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy violated:", event.violatedDirective, event.blockedURI));
"""
UNLOADED = "Failed to load resource"


@dataclass
class Complaints:
    """What a browser had to complain about: console errors and warnings, uncaught errors.

    `expected` are patterns of what a test brings about on purpose, such as being offline.
    """

    expected: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    async def listen(self, context: BrowserContext) -> None:
        """Hear everything that any page of `context` says from now on."""
        context.on("console", self._console)
        context.on("weberror", self._uncaught)
        await context.add_init_script(WATCH_POLICY)

    def remaining(self) -> list[str]:
        """Return what nobody expected."""
        return [one for one in self.heard if not any(re.search(p, one) for p in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.heard.append(f"{message.type}: {message.text} ({where})")

    def _uncaught(self, error: WebError) -> None:
        self.heard.append(f"uncaught: {error.error}")


class WebClient:
    """The web client in one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.at = page.get_by_test_id

    async def sign_up(self, name: str, username: str, password: str) -> None:
        """Make an account; the empty list of conversations follows."""
        await self.at("show-signup").click()
        await self.at("signup-display-name").fill(name)
        await self.at("signup-username").fill(username)
        await self.at("signup-password").fill(password)
        await self.at("signup-submit").click()
        await expect(self.at("conversation-list")).to_be_visible()

    async def sign_in(self, username: str, password: str) -> None:
        """Sign in to an account there is."""
        await self.at("signin-username").fill(username)
        await self.at("signin-password").fill(password)
        await self.at("signin-submit").click()
        await expect(self.at("conversation-list")).to_be_visible()

    # -- starting something

    async def start_chat(self, name: str) -> None:
        """Find a user by name and open the private chat with them."""
        await self.at("new-menu").click()
        await self.at("new-menu-chat").click()
        await self.at("new-chat-search").fill(name)
        await self.at("new-chat-result").filter(has_text=name).click()
        await expect(self.page.locator(".thread-bar h2")).to_have_text(name)

    async def add_contact(self, name: str, platform: str, address: str) -> None:
        """Add somebody who is reached over another channel, and open the chat with them."""
        await self.at("new-menu").click()
        await self.at("new-menu-contact").click()
        await self.at("new-contact-name").fill(name)
        await self.at("new-contact-platform").select_option(platform)
        await self.at("new-contact-external-id").fill(address)
        await self.at("new-contact-submit").click()
        await expect(self.page.locator(".thread-bar h2")).to_have_text(name)

    async def create_group(self, name: str, *people: str) -> None:
        """Make a group of these people and open it."""
        await self.at("new-menu").click()
        await self.at("new-menu-group").click()
        await self.at("new-group-name").fill(name)
        for person in people:
            await self.at("new-group-search").fill(person)
            await self.at("new-group-result").filter(has_text=person).click()
        await self.at("new-group-submit").click()
        await expect(self.page.locator(".thread-bar h2")).to_have_text(name)

    async def add_member(self, name: str) -> None:
        """Add somebody to the open group."""
        await self.at("thread-members").click()
        await self.at("add-member").click()
        await self.at("add-member-search").fill(name)
        await self.at("add-member-result").filter(has_text=name).click()
        await expect(self.at("member").filter(has_text=name)).to_be_visible()
        await self.close_dialog()

    # -- talking

    def conversation(self, title: str) -> Locator:
        """Return a line of the list of conversations."""
        return self.at("conversation-item").filter(has_text=title)

    async def open(self, title: str) -> None:
        """Open a conversation of the list."""
        await self.conversation(title).click()
        await expect(self.page.locator(".thread-bar h2")).to_have_text(title)

    async def say(self, text: str) -> Locator:
        """Send a text in the open conversation; return its bubble once it has its place."""
        await self.at("composer-input").fill(text)
        await self.at("composer-send").click()
        sent = self.message(text)
        await expect(sent).to_have_attribute("data-seq", re.compile(r"^\d+$"))
        return sent

    def message(self, text: str) -> Locator:
        """Return the bubble whose text this is; a quote of it is another message's."""
        content = self.page.locator(".content", has_text=re.compile(f"^\\s*{re.escape(text)}\\s*$"))
        return self.at("message").filter(has=content)

    async def act(self, message: Locator, item: str) -> None:
        """Choose from the menu of a message."""
        await message.hover()
        await message.get_by_test_id("message-menu").click()
        await self.at(item).click()

    async def seqs(self) -> list[int]:
        """Return the places of the messages that are shown, from the top."""
        found: list[int] = await self.at("message").evaluate_all(
            "rows => rows.map((row) => Number(row.dataset.seq ?? 0))"
        )
        return found

    async def texts(self) -> list[str]:
        """Return the texts that are shown, from the top."""
        return [one.strip() for one in await self.page.locator(".content").all_inner_texts()]

    async def details(self, message: Locator) -> Locator:
        """Open how far a message has come; return the lines of its recipients."""
        await self.act(message, "menu-details")
        lines = self.at("status-recipient")
        await expect(lines.first).to_be_visible()
        return lines

    async def close_dialog(self) -> None:
        """Close the dialog that is open."""
        await self.at("dialog-close").click()
        await expect(self.page.locator("dialog")).to_have_count(0)

    async def open_dialog(self, item: str) -> None:
        """Choose from the menu of the account."""
        await self.at("account-menu").click()
        await self.at(item).click()


class PhonePage:
    """The page of the simulated phones, with one phone chosen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.at = page.get_by_test_id

    async def choose(self, number: str) -> None:
        """Take a phone into the hand."""
        await self.page.locator(f'[data-testid=phone-item][data-external-id="{number}"]').click()
        await expect(self.at("phone-screen")).to_be_visible()

    def message(self, text: str) -> Locator:
        """Return a bubble on the phone's screen."""
        content = self.page.locator(".text", has_text=re.compile(f"^{re.escape(text)}$"))
        return self.at("phone-message").filter(has=content)

    async def write(self, text: str, *, reply_to: Locator | None = None) -> None:
        """Write as the phone's owner."""
        if reply_to is not None:
            await reply_to.hover()
            await reply_to.get_by_test_id("phone-reply").click()
        await self.at("phone-input").fill(text)
        await self.at("phone-send").click()
        await expect(self.message(text)).to_have_attribute("data-direction", "out")

    async def fail(self, how: str) -> None:
        """Make what is sent to the phone fail: "temporary", "permanent" or "" for no more."""
        async with self._taken():
            await self.at("phone-fail").select_option(how)

    async def turn(self, *, on: bool) -> None:
        """Switch the phone on or off."""
        async with self._taken():
            await self.at("phone-online").set_checked(on, force=True)

    def _taken(self) -> AbstractAsyncContextManager[object]:
        """Wait at the end of the block until the product has taken the change of the phone."""
        return self.page.expect_response(lambda answer: answer.request.method == "PATCH")
