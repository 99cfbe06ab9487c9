"""The suite that every `PushSender` passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import PushSubscription
from chat4all.ports.push import MAX_PUSH, Push, PushOutcome, PushResult, PushSender

HELLO = Push(body='{"title":"Olá"}'.encode(), topic="a-topic", ttl=60)


class PushService(Protocol):
    """A push service that does as it is told, with one device."""

    @property
    def device(self) -> PushSubscription:
        """Return the device."""
        ...

    def answer(self, result: PushResult, *, retry_after: float | None = None) -> None:
        """Have it answer so from now on."""
        ...

    async def received(self) -> Sequence[bytes]:
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
        largest = replace(HELLO, body=bytes(range(250)) * (MAX_PUSH // 250))
        for push in (HELLO, largest, HELLO):
            assert await sender.send(service.device, push) == PushOutcome(result=PushResult.TAKEN)
        assert await service.received() == [HELLO.body, largest.body, HELLO.body]

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

    async def test_a_device_without_keys_cannot_be_pushed_to(
        self, sender: PushSender, service: PushService
    ) -> None:
        with pytest.raises(InvalidInput):
            await sender.check(replace(service.device, keys={}))

    async def test_every_device_subscribes_with_the_same_key(self, sender: PushSender) -> None:
        assert sender.public_key
        assert sender.public_key == sender.public_key
