"""The senders of pushes against their suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from chat4all.adapters.apns.provider_tokens import TeamKey
from chat4all.adapters.apns.sender import ApnsSender
from chat4all.adapters.fcm.sender import FcmSender
from chat4all.adapters.fcm.service_account import ServiceAccount
from chat4all.adapters.http.guarded_post import GuardedPost
from chat4all.adapters.memory.push import TAKEN, MemoryPushSender
from chat4all.adapters.webpush.sender import WebPushSender
from chat4all.adapters.webpush.vapid import VapidKey, new_private_key
from chat4all.domain.ids import SubscriptionId, UserId
from chat4all.domain.public_addresses import AllowedAddresses, networks_of
from chat4all.domain.push import PushKind, PushSubscription
from chat4all.ports.push import PushOutcome, PushResult
from chat4all.testing.push_sender import PushSenderContract, Seen, seen_of
from tests.servers.phone_services import KEY_ID, TEAM, TOPIC, Phone, PhoneServices
from tests.servers.push_service import LocalPushService


class MemoryService:
    """The push service inside of `MemoryPushSender`."""

    def __init__(self) -> None:
        self._outcome = TAKEN
        self.sender = MemoryPushSender(lambda *_: self._outcome)
        self.device = PushSubscription(
            id=SubscriptionId("phone"),
            user_id=UserId("ana"),
            endpoint="https://push.example/1",
            keys={"key": "one"},
            created_at=datetime.now(UTC),
            updated_at=datetime.now(UTC),
            registered_at=datetime.now(UTC),
        )

    @property
    def unusable(self) -> PushSubscription:
        return replace(self.device, endpoint="")

    def answer(self, result: PushResult, *, retry_after: float | None = None) -> None:
        self._outcome = PushOutcome(result=result, retry_after=retry_after)

    async def received(self) -> Sequence[Seen]:
        return [seen_of(push) for _, push in self.sender.taken]


class TestMemory(PushSenderContract):
    @pytest.fixture
    def service(self) -> MemoryService:
        return MemoryService()

    @pytest.fixture
    def sender(self, service: MemoryService) -> MemoryPushSender:
        return service.sender


class TestWebPush(PushSenderContract):
    @pytest.fixture
    async def service(self) -> AsyncIterator[LocalPushService]:
        async with LocalPushService().on() as service:
            yield service

    @pytest.fixture
    async def sender(self) -> AsyncIterator[WebPushSender]:
        async with GuardedPost(AllowedAddresses(networks_of("127.0.0.1/32"))) as post:
            yield WebPushSender(post, VapidKey.read(new_private_key()))


@pytest.fixture
async def phones(tmp_path: Path) -> AsyncIterator[PhoneServices]:
    async with PhoneServices(tmp_path).on() as services:
        yield services


class TestFcm(PushSenderContract):
    @pytest.fixture
    def service(self, phones: PhoneServices) -> Phone:
        return phones.phone(PushKind.FCM)

    @pytest.fixture
    async def sender(self, phones: PhoneServices) -> AsyncIterator[FcmSender]:
        account = ServiceAccount.load(str(phones.service_account))
        async with httpx.AsyncClient(trust_env=False) as http:
            yield FcmSender(http, account, api=phones.addresses["fcm"])


class TestApns(PushSenderContract):
    @pytest.fixture
    def service(self, phones: PhoneServices) -> Phone:
        return phones.phone(PushKind.APNS)

    @pytest.fixture
    async def sender(self, phones: PhoneServices) -> AsyncIterator[ApnsSender]:
        key = TeamKey.load(str(phones.team_key), key_id=KEY_ID, team=TEAM)
        async with phones.http2() as http:
            yield ApnsSender(http, key, [TOPIC], hosts=phones.addresses)
