"""What people do with files in the web client, in their own words."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import CDPSession, FilePayload, Locator, expect

from tests.e2e.pages import WebClient

TO_TRANSFER = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, data } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  return transfer;
}
"""
PASTE = """
(input, clipboardData) => {
  const how = { clipboardData, bubbles: true, cancelable: true };
  input.dispatchEvent(new ClipboardEvent("paste", how));
}
"""
UNLIMITED = -1


def file(name: str, mime_type: str, data: bytes) -> FilePayload:
    """Return a file as playwright hands it to a page."""
    return {"name": name, "mimeType": mime_type, "buffer": data}


class Files:
    """The files of the conversation that is open in `client`."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self.page = client.page
        self.at = client.at

    async def choose(self, *files: FilePayload) -> None:
        """Choose files with the button."""
        await self.at("attach-input").set_input_files(list(files))

    async def drop(self, *files: FilePayload) -> None:
        """Drag files from a desktop over the window and drop them."""
        transfer = await self.page.evaluate_handle(TO_TRANSFER, _told(files))
        await self.page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
        await expect(self.at("drop-zone")).to_be_visible()
        await self.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
        await expect(self.at("drop-zone")).to_have_count(0)

    async def paste(self, *files: FilePayload) -> None:
        """Paste files from the clipboard into the place to write."""
        transfer = await self.page.evaluate_handle(TO_TRANSFER, _told(files))
        await self.at("composer-input").evaluate(PASTE, transfer)

    async def send(self, *files: FilePayload, caption: str = "") -> None:
        """Choose files and send them; returns before they have arrived."""
        await self.choose(*files)
        await expect(self.at("attachment")).to_have_count(len(files))
        await self.at("composer-input").fill(caption)
        await self.at("composer-send").click()
        await expect(self.at("attachment")).to_have_count(0)

    async def sent(self) -> None:
        """Wait until nothing is on its way any more."""
        await expect(self.at("upload")).to_have_count(0)

    def document(self, name: str) -> Locator:
        """Return the card of a document of the conversation."""
        return self.at("document").filter(has_text=name)

    async def save(self, opener: Locator) -> bytes:
        """Download by clicking on something; return what the browser saved."""
        async with self.page.expect_download() as started:
            await opener.click()
        saved = await (await started.value).path()
        return await asyncio.to_thread(Path(saved).read_bytes)

    async def progress(self) -> int:
        """Return how many percent of the one upload have gone out."""
        value = await self.at("upload-progress").get_attribute("aria-valuenow")
        return int(value or 0)

    @asynccontextmanager
    async def slow_network(self, bytes_per_second: int) -> AsyncIterator[CDPSession]:
        """Let the page send no faster than this until the block ends."""
        session = await self.page.context.new_cdp_session(self.page)
        await _limit(session, bytes_per_second)
        try:
            yield session
        finally:
            await _limit(session, UNLIMITED)
            await session.detach()

    def patches(self) -> list[int]:
        """Return a list that is filled with the offset of every upload request from now on."""
        offsets: list[int] = []
        self.page.on(
            "request",
            lambda request: (
                offsets.append(int(request.headers["upload-offset"]))
                if request.method == "PATCH" and "upload-offset" in request.headers
                else None
            ),
        )
        return offsets


async def cut_off(session: CDPSession) -> None:
    """Take the network from a page that has a slow one, until that ends."""
    await _limit(session, UNLIMITED, offline=True)


async def _limit(session: CDPSession, bytes_per_second: int, *, offline: bool = False) -> None:
    await session.send("Network.enable")
    await session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": UNLIMITED,
            "uploadThroughput": bytes_per_second,
        },
    )


def _told(files: Sequence[FilePayload]) -> list[Mapping[str, str]]:
    return [
        {
            "name": one["name"],
            "type": one["mimeType"],
            "data": base64.b64encode(one["buffer"]).decode(),
        }
        for one in files
    ]
