"""The suite that every `PushSender` passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pytest

from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import ELLIPSIS, PushSubscription
from chat4all.ports.push import Push, PushOutcome, PushResult, PushSender

HELLO = Push(
    title="Ana",
    text="Olá",
    data={"kind": "message", "conversation_id": "a-talk", "seq": 7},
    unread=3,
    thread="a-talk",
    topic="a-topic",
    ttl=60,
)
ESCAPED = "\x01"
"""Takes six bytes in JSON, which is more than any other character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A push as the device had it; the values of `data` as text."""

    title: str
    text: str
    unread: int | None
    data: Mapping[str, str]


class PushService(Protocol):
    """A push service that does as it is told, with one device."""

    @property
    def device(self) -> PushSubscription:
        """Return the device."""
        ...

    @property
    def unusable(self) -> PushSubscription:
        """Return one of the same kind that lacks what it takes to push to it."""
        ...

    def answer(self, result: PushResult, *, retry_after: float | None = None) -> None:
        """Have it answer so from now on."""
        ...

    async def received(self) -> Sequence[Seen]:
        """Return what the device could read, in order."""
        ...


class PushSenderContract(ABC):
    """Bind it by giving a sender, and a push service that it reaches."""

    @pytest.fixture
    @abstractmethod
    def sender(self) -> PushSender:
        """Return the sender."""

    @pytest.fixture
    @abstractmethod
    def service(self) -> PushService:
        """Return the push service."""

    async def test_the_device_reads_what_was_sent(
        self, sender: PushSender, service: PushService
    ) -> None:
        await sender.check(service.device)
        largest = replace(HELLO, title=100 * ESCAPED, text=300 * ESCAPED)
        plain = replace(HELLO, unread=None, data={"kind": "test"})
        for push in (HELLO, largest, plain, HELLO):
            assert await sender.send(service.device, push) == PushOutcome(result=PushResult.TAKEN)
        seen = [seen_of(one) for one in (HELLO, largest, plain, HELLO)]
        assert await service.received() == seen

    async def test_a_text_that_is_too_long_is_cut_and_nothing_else_is(
        self, sender: PushSender, service: PushService
    ) -> None:
        long = replace(HELLO, text="🙂é" * 5_000)
        assert (await sender.send(service.device, long)).result is PushResult.TAKEN
        [seen] = await service.received()
        assert long.text.startswith(seen.text.removesuffix(ELLIPSIS))
        assert len(seen.text) >= 300
        assert replace(seen, text="") == replace(seen_of(long), text="")

    @pytest.mark.parametrize("result", [PushResult.GONE, PushResult.REFUSED, PushResult.LATER])
    async def test_what_the_service_says_is_told(
        self, sender: PushSender, service: PushService, result: PushResult
    ) -> None:
        service.answer(result)
        outcome = await sender.send(service.device, HELLO)
        assert (outcome.result, outcome.retry_after) == (result, None)
        assert await service.received() == []

    async def test_a_service_that_asks_for_patience_says_for_how_long(
        self, sender: PushSender, service: PushService
    ) -> None:
        service.answer(PushResult.LATER, retry_after=90)
        assert (await sender.send(service.device, HELLO)).retry_after == 90

    async def test_a_device_that_lacks_what_it_takes_cannot_be_pushed_to(
        self, sender: PushSender, service: PushService
    ) -> None:
        with pytest.raises(InvalidInput):
            await sender.check(service.unusable)


def seen_of(push: Push) -> Seen:
    """Return a push as a device has it."""
    data = {name: str(value) for name, value in push.data.items()}
    return Seen(title=push.title, text=push.text, unread=push.unread, data=data)
