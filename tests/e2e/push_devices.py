"""Devices of each kind that a test can register and look at, whoever's service they are behind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from chat4all.domain.push import PushKind
from chat4all.testing.push_sender import Seen
from tests.e2e.account import Account
from tests.servers.cache import Missing, skip_for
from tests.servers.phone_services import Phone, PhoneServices
from tests.servers.push_packages import PACKAGES, WebPushTesting, web_push_testing
from tests.servers.push_service import seen_in

T = TypeVar("T")

NETWORKS = {"CHAT4ALL_WEBHOOK_NETWORKS": "127.0.0.0/8"}
PATIENCE = 120.0
"""Seconds; more than a connection is believed in that has just ended."""


class Device(Protocol):
    """A browser or an app."""

    async def register(self, owner: Account) -> str:
        """Register it for a user; return its id."""
        ...

    async def received(self) -> Sequence[Seen]:
        """Return what it showed, in order."""
        ...

    async def expire(self) -> None:
        """Have it be gone."""
        ...


@dataclass(frozen=True)
class Services:
    """What makes devices of one kind, and what a server has to be told to push to them."""

    make: Callable[[], Device]
    settings: Mapping[str, str] = field(default_factory=dict)


class Browser:
    """A browser behind `web-push-testing`."""

    def __init__(self, service: WebPushTesting) -> None:
        self._service = service
        self._subscription: dict[str, Any] = {}

    async def register(self, owner: Account) -> str:
        key = (await owner.get("push-subscriptions/key"))["public_key"]
        self._subscription = await self._service.subscribe(key)
        body = {name: self._subscription[name] for name in ("endpoint", "keys")}
        return str((await owner.post("push-subscriptions", body))["id"])

    async def received(self) -> Sequence[Seen]:
        return [seen_in(one) for one in await self._service.received(self._subscription)]

    async def expire(self) -> None:
        await self._service.expire(self._subscription)


class App:
    """An app on a phone."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone

    async def register(self, owner: Account, **more: Any) -> str:
        body = {**self.phone.body, **more}
        return str((await owner.post("push-subscriptions", body))["id"])

    async def received(self) -> Sequence[Seen]:
        return await self.phone.received()

    async def expire(self) -> None:
        await self.phone.expire()


@asynccontextmanager
async def push_services(kind: PushKind, folder: Path) -> AsyncIterator[Services]:
    """Run what pushes to one kind of devices until the block ends."""
    if kind is PushKind.WEB:
        try:
            packages = PACKAGES.folder()
        except Missing as missing:
            skip_for(missing)
        if shutil.which("node") is None:
            skip_for(Missing("web-push-testing needs Node (Debian: apt-get install nodejs)"))
        async with web_push_testing(packages) as service:
            yield Services(lambda: Browser(service), NETWORKS)
        return
    async with PhoneServices(folder).on() as phones:
        yield Services(lambda: App(phones.phone(kind)), phones.settings)


async def received(device: Device, count: int) -> Sequence[Seen]:
    """Wait for so many pushes, each message counted once; return all that came."""

    async def came() -> Sequence[Seen] | None:
        found = await device.received()
        names = {one.data.get("message_id") for one in found}
        return found if len(names) >= count else None

    return await once(came)


async def once(met: Callable[[], Awaitable[T | None]]) -> T:
    """Return what `met` returns, once it is not None."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await met()
            if found is not None:
                return found
            await asyncio.sleep(0.1)
