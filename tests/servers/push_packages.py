"""The npm package that stands for a browser's push service, and decrypts as a browser does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers.npm_packages import NpmPackages

PACKAGES = NpmPackages("push", Path(__file__).with_name("push_npm"), ("serve.cjs",))


class WebPushTesting:
    """`web-push-testing` of npm: it takes pushes as a push service and reads them as a browser."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def subscribe(self, public_key: str) -> dict[str, Any]:
        """Return a subscription as a browser's `toJSON()` gives it, and its `clientHash`."""
        options = {"applicationServerKey": public_key, "userVisibleOnly": "true"}
        return await self._asked("/subscribe", options)

    async def received(self, subscription: dict[str, Any]) -> list[str]:
        """Return what was pushed to a subscription, decrypted."""
        found = await self._asked("/get-notifications", {"clientHash": subscription["clientHash"]})
        messages: list[str] = found["messages"]
        return messages

    async def expire(self, subscription: dict[str, Any]) -> None:
        """Have a subscription be gone."""
        answer = await self._http.post(f"/expire-subscription/{subscription['clientHash']}")
        answer.raise_for_status()

    async def _asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post(path, json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["data"]
        return found


@asynccontextmanager
async def web_push_testing(folder: Path) -> AsyncIterator[WebPushTesting]:
    """Run it from the folder of its packages until the block ends."""
    process = await asyncio.create_subprocess_exec(
        "node",
        "serve.cjs",
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield WebPushTesting(http)
    finally:
        process.stdin.close()
        await process.wait()
