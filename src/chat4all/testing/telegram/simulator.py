"""A Telegram of our own: bots on one side over the real HTTP API, people on the other.

Bots connect with any client that can be pointed at another Bot API server
(https://core.telegram.org/bots/api#using-a-local-bot-api-server); people are played through
`TelegramSimulator.phone`, the JSON API under `/sim`, or the page at `/`.

Differences from Telegram: webhooks may use http:// on loopback; deliveries to a webhook keep
their order; waiting updates never expire; keyboards and Markdown are not interpreted; photos
keep their bytes, and files are kept in memory until the simulator stops.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import httpx

from chat4all.testing.listening import listening
from chat4all.testing.telegram.asgi import TelegramApp
from chat4all.testing.telegram.bot_api import BotApi
from chat4all.testing.telegram.control import ControlApi
from chat4all.testing.telegram.faults import FaultPlan
from chat4all.testing.telegram.files import FileLimits, Files
from chat4all.testing.telegram.groups import Groups
from chat4all.testing.telegram.limits import NO_LIMITS, RateLimiter, RateLimits
from chat4all.testing.telegram.network import Network
from chat4all.testing.telegram.phone import Phone
from chat4all.testing.telegram.webhook import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

WEBHOOK_TIMEOUT = 60.0  # seconds a webhook may take to answer


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorServer:
    """A simulator that is being served: `url` has no trailing slash."""

    url: str
    simulator: TelegramSimulator


class TelegramSimulator:
    """State and behaviour of a simulated Telegram; nothing runs before `serve`.

    `clock` gives Unix seconds and drives dates, typing and rate limits. `seed` makes random
    faults, tokens and first update ids repeat. Rate limits are off unless `limits` is given;
    files have Telegram's own limits unless `file_limits` is.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        limits: RateLimits = NO_LIMITS,
        backoff: Backoff | None = None,
        file_limits: FileLimits | None = None,
    ) -> None:
        # Repeatable on purpose; two generators, so that faults do not depend on tokens.
        self.network = Network(
            clock=clock,
            random=Random(seed),  # noqa: S311
            files=Files(file_limits),
        )
        self.faults = FaultPlan(Random(seed))  # noqa: S311
        self.groups = Groups(self.network)
        self.limiter = RateLimiter(limits, clock)
        self.api = BotApi(
            self.network, faults=self.faults, limiter=self.limiter, backoff=backoff or Backoff()
        )

    def add_bot(self, username: str, *, token: str | None = None) -> str:
        """Create a bot and return its token, `123456:AA...`; your own is taken as it is."""
        return self.network.add_bot(username, token=token).token

    def add_person(
        self,
        first_name: str,
        *,
        id: int | None = None,  # noqa: A002 - Telegram's own name for it
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = "en",
    ) -> Phone:
        """Create a person and return their phone."""
        person = self.network.add_person(
            first_name,
            id=id,
            last_name=last_name,
            username=username,
            language_code=language_code,
        )
        return Phone(self.network, person)

    def add_group(
        self, title: str, people: Iterable[Phone], *, bots: Iterable[int] | None = None
    ) -> int:
        """Create a group of these people and bots (all of them unless given); return its id."""
        members = [phone.owner.id for phone in people]
        return self.network.add_group(title, members, bots=bots).id

    def expire_files(self) -> None:
        """Lose every file there is, as Telegram loses old ones."""
        self.network.files.expire()

    def phone(self, person_id: int) -> Phone:
        """Return the phone of an existing person; raises `NoSuchParticipant`."""
        return Phone(self.network, self.network.person(person_id))

    def app(self) -> TelegramApp:
        """Return the ASGI application, for tests that need no port.

        Without `serve` webhooks are refused, and connections cannot be cut.
        """
        control = ControlApi(self.network, faults=self.faults, limiter=self.limiter)
        return TelegramApp(self.api, control, self.network.files)

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[SimulatorServer]:
        """Listen until the block ends; port 0 takes a free one.

        It may be served again later, with all it knows: as after an outage.
        """
        # The environment's proxies are for the outside, webhooks here are mostly on loopback.
        async with httpx.AsyncClient(trust_env=False, timeout=WEBHOOK_TIMEOUT) as http:
            self.network.changes.open()
            self.api.open(http)
            close = self.network.changes.close
            try:
                async with listening(self.app(), host=host, port=port, before_stop=close) as url:
                    yield SimulatorServer(url=url, simulator=self)
            finally:
                await self.api.close()


async def run_telegram_simulator(host: str, port: int, token: str) -> None:
    """Serve one bot with this token and two people, until cancelled; print nothing.

    Raises `OSError` when the port is taken and `SimulationError` for a token that does not
    look like `123456:AA...`.
    """
    simulator = TelegramSimulator()
    simulator.add_bot("chat4all_bot", token=token)
    simulator.add_person("Ana", username="ana")
    simulator.add_person("Bruno", username="bruno", language_code="pt")
    async with simulator.serve(host, port):
        await asyncio.Event().wait()


def describe(host: str, port: int, token: str) -> str:
    """Return what to tell somebody who starts the simulator by hand."""
    url = f"http://{host}:{port}"
    return (
        f"Telegram simulator on {url}\n"
        f"  play the people:  {url}/\n"
        f"  Bot API base URL: {url}\n"
        f"  bot token:        {token}\n"
        "Nothing is kept when it stops."
    )
