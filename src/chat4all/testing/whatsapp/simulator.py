"""A WhatsApp of our own: businesses on one side over the Cloud API, people on the other.

Businesses connect with any client that can be pointed at another host; people are played
through `WhatsAppSimulator.phone` or the JSON API under `/sim`.

Differences from WhatsApp: callback addresses may be http:// on loopback; callbacks keep
their order unless a fault says otherwise; files are kept in memory until the simulator
stops; one number has one app.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from chat4all.testing.listening import listening
from chat4all.testing.whatsapp.asgi import WhatsAppApp
from chat4all.testing.whatsapp.callbacks import Backoff, CallbackQueue, challenge
from chat4all.testing.whatsapp.control import ControlApi
from chat4all.testing.whatsapp.errors import ChallengeFailed, SimulationError
from chat4all.testing.whatsapp.faults import FaultPlan
from chat4all.testing.whatsapp.files import FileLimits, Files
from chat4all.testing.whatsapp.graph_api import GraphApi
from chat4all.testing.whatsapp.limits import NO_LIMITS, RateLimiter, RateLimits
from chat4all.testing.whatsapp.model import Number, Person
from chat4all.testing.whatsapp.network import Network
from chat4all.testing.whatsapp.phone import Phone
from chat4all.testing.whatsapp.templates import Template

CALLBACK_TIMEOUT = 20.0  # seconds that a callback may take to be answered


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorServer:
    """A simulator that is being served: `url` has no trailing slash."""

    url: str
    simulator: WhatsAppSimulator


class WhatsAppSimulator:
    """State and behaviour of a simulated WhatsApp; nothing runs before `serve`.

    `clock` gives Unix seconds and drives dates, the 24-hour window and rate limits. `seed`
    makes random faults, ids and tokens repeat. Rate limits are off unless `limits` is given;
    files have WhatsApp's own limits unless `file_limits` is.
    `batch` is how many things one callback may tell.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        limits: RateLimits = NO_LIMITS,
        backoff: Backoff | None = None,
        batch: int = 1,
        file_limits: FileLimits | None = None,
    ) -> None:
        # Repeatable on purpose; two generators, so that faults do not depend on ids.
        self._random = Random(seed)  # noqa: S311
        self.network = Network(clock=clock, random=self._random, files=Files(file_limits))
        self.faults = FaultPlan(Random(seed))  # noqa: S311
        self.limiter = RateLimiter(limits, clock)
        self._backoff = backoff or Backoff()
        self._batch = batch
        self._http: httpx.AsyncClient | None = None
        self._deliveries: list[asyncio.Task[None]] = []

    def add_number(
        self,
        name: str = "Chat4All",
        *,
        phone_number_id: str | None = None,
        access_token: str | None = None,
        app_secret: str | None = None,
        verify_token: str | None = None,
    ) -> Number:
        """Create a business phone number with an app; what is not given is made up."""
        count = len(self.network.numbers) + 1
        number = Number(
            phone_number_id=phone_number_id or f"{106540000000000 + count}",
            business_account_id=f"{102290000000000 + count}",
            display_phone_number=f"+1 555-010-{count:04}",
            verified_name=name,
            access_token=access_token or f"EAA{self._random.randbytes(24).hex()}",
            app_secret=app_secret or self._random.randbytes(16).hex(),
            verify_token=verify_token or self._random.randbytes(12).hex(),
        )
        self.network.numbers[number.phone_number_id] = number
        queue = CallbackQueue(
            number,
            changes=self.network.changes,
            faults=self.faults,
            backoff=self._backoff,
            batch=self._batch,
        )
        self.network.queues[number.phone_number_id] = queue
        if self._http is not None:
            self._deliver(queue, self._http)
        return number

    def add_template(
        self, number: Number, name: str, language: str, body: str, **more: Any
    ) -> None:
        """Approve a template; `more` are further fields of `Template`."""
        number.templates.append(Template(name=name, language=language, body=body, **more))

    def add_person(
        self, name: str, *, phone: str | None = None, read_receipts: bool = True
    ) -> Phone:
        """Create somebody with WhatsApp and return their phone. `phone` is in digits."""
        phone = phone or f"{5571990000000 + len(self.network.people) + 1}"
        if not (phone.isascii() and phone.isdigit()) or phone in self.network.people:
            raise SimulationError(f"{phone} is taken, or not the digits of a phone number.")
        person = Person(
            phone=phone,
            name=name,
            user_id=f"BR.{self._random.randrange(10**14, 10**15)}",
            read_receipts=read_receipts,
        )
        self.network.people[phone] = person
        self.network.changes.announce()
        return Phone(self.network, person)

    def phone(self, phone: str) -> Phone:
        """Return the phone of an existing person; raises `NoSuchParticipant`."""
        return Phone(self.network, self.network.person(phone))

    async def subscribe(
        self, number: Number, url: str | None, verify_token: str | None = None
    ) -> None:
        """Call back at `url` from now on, once it answered the challenge; None stops it.

        Raises `ChallengeFailed`, also before `serve`.
        """
        if url is not None:
            if self._http is None:
                raise ChallengeFailed("The simulator does not run yet.")
            await challenge(self._http, url, verify_token or number.verify_token)
        number.callback_url = url
        self.network.changes.announce()

    def pause_callbacks(self, number: Number, *, paused: bool = True) -> None:
        """Keep callbacks back, or let them go."""
        self.network.queues[number.phone_number_id].paused = paused
        self.network.changes.announce()

    def expire_files(self) -> None:
        """Lose every file there is, as WhatsApp loses old ones."""
        self.network.files.expire()

    async def told(self, *, within: float = 10.0) -> bool:
        """Wait until every callback is accepted; return whether that came to be."""
        queues = self.network.queues.values()
        return await self.network.changes.until(
            lambda: all(queue.idle for queue in queues), within=within
        )

    def app(self) -> WhatsAppApp:
        """Return the ASGI application."""
        api = GraphApi(
            self.network, faults=self.faults, limiter=self.limiter, subscribe=self.subscribe
        )
        return WhatsAppApp(api, ControlApi(self))

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[SimulatorServer]:
        """Listen until the block ends; port 0 takes a free one.

        It may be served again later, with all it knows: as after an outage.
        """
        # The environment's proxies are for the outside, callbacks here are mostly on loopback.
        async with httpx.AsyncClient(trust_env=False, timeout=CALLBACK_TIMEOUT) as http:
            self._http = http
            self.network.changes.open()
            for queue in self.network.queues.values():
                self._deliver(queue, http)
            close = self.network.changes.close
            try:
                async with listening(self.app(), host=host, port=port, before_stop=close) as url:
                    yield SimulatorServer(url=url, simulator=self)
            finally:
                self._http = None
                for delivery in self._deliveries:
                    delivery.cancel()
                await asyncio.gather(*self._deliveries, return_exceptions=True)
                self._deliveries.clear()

    def _deliver(self, queue: CallbackQueue, http: httpx.AsyncClient) -> None:
        self._deliveries.append(asyncio.create_task(queue.run(http), name="whatsapp-callbacks"))
