"""Pushes go out as Apple's documents say, and what it answers is understood."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey

from chat4all.adapters.apns.provider_tokens import ProviderTokens, TeamKey
from chat4all.adapters.apns.sender import MAX_BODY, ApnsSender, body_of
from chat4all.domain.errors import BadSettings, InvalidInput
from chat4all.domain.push import PushKind, PushSubscription
from chat4all.ports.push import PushResult, Urgency
from chat4all.testing.push_sender import HELLO
from tests.servers.phone_services import KEY_ID, TEAM, TOPIC, Phone, PhoneServices
from tests.unit.phones.conftest import Clock

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def phone(services: PhoneServices) -> Phone:
    return services.phone(PushKind.APNS)


@pytest.fixture
async def sender(services: PhoneServices, clock: Clock) -> AsyncIterator[ApnsSender]:
    key = TeamKey.load(str(services.team_key), key_id=KEY_ID, team=TEAM)
    async with services.http2() as http:
        yield ApnsSender(http, key, [TOPIC], hosts=services.addresses, now=clock)


async def test_a_push_says_for_which_app_how_urgent_and_for_how_long(
    phone: Phone, sender: ApnsSender
) -> None:
    before = int(datetime.now(UTC).timestamp())
    calm = replace(HELLO, urgency=Urgency.NORMAL, unread=0)
    for push in (HELLO, calm):
        assert (await sender.send(phone.device, push)).result is PushResult.TAKEN
    loud, quiet = phone.pushes()
    assert before + 60 <= int(loud["headers"].pop("apns-expiration")) <= before + 70
    assert loud["headers"] == {
        "apns-topic": TOPIC,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-collapse-id": "a-topic",
    }
    assert loud["payload"] == {
        "aps": {
            "alert": {"title": "Ana", "body": "Olá"},
            "thread-id": "a-talk",
            "sound": "default",
            "badge": 3,
        },
        "kind": "message",
        "conversation_id": "a-talk",
        "seq": 7,
    }
    assert quiet["headers"]["apns-priority"] == "5"
    assert quiet["payload"]["aps"]["badge"] == 0


@pytest.mark.parametrize("text", ["é" * 5_000, "🙂" * 5_000, "\x01" * 5_000, 'a"\\\n' * 2_000])
def test_a_payload_is_filled_to_the_last_character_that_fits(text: str) -> None:
    body = body_of(replace(HELLO, text=text))
    shown = json.loads(body)["aps"]["alert"]["body"]
    assert MAX_BODY - 12 < len(body) <= MAX_BODY
    assert text.startswith(shown.removesuffix("…"))


async def test_a_device_is_looked_for_at_the_service_of_its_environment(
    services: PhoneServices, sender: ApnsSender
) -> None:
    phone = services.phone(PushKind.APNS, environment="sandbox")
    elsewhere = phone.device
    keys = {"topic": TOPIC, "environment": "sandbox"}
    assert (await sender.send(replace(elsewhere, keys=keys), HELLO)).result is PushResult.TAKEN
    outcome = await sender.send(elsewhere, HELLO)
    assert (outcome.result, outcome.detail) == (PushResult.GONE, "400 BadDeviceToken")


async def test_one_token_and_one_connection_serve_many_pushes(
    services: PhoneServices, phone: Phone, sender: ApnsSender
) -> None:
    for _ in range(5):
        assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
    counts = services.ask("counts")
    assert (counts["apnsTokens"], counts["apnsSessions"]) == (1, 1)


async def test_a_connection_that_apple_ended_costs_no_push(
    services: PhoneServices, phone: Phone, sender: ApnsSender
) -> None:
    for _ in range(3):
        assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
        services.ask("hang-up")
    assert len(phone.pushes()) == 3


async def test_a_service_that_is_not_there_may_be_there_later(
    services: PhoneServices, phone: Phone
) -> None:
    key = TeamKey.load(str(services.team_key), key_id=KEY_ID, team=TEAM)
    async with services.http2() as http:
        hosts = {"production": "https://127.0.0.1:9"}
        outcome = await ApnsSender(http, key, [TOPIC], hosts=hosts).send(phone.device, HELLO)
    assert (outcome.result, outcome.detail) == (PushResult.LATER, "ConnectError")


def test_a_provider_token_is_renewed_no_more_often_and_no_less_than_apple_wants() -> None:
    key = _team_key()
    clock = [NOW]
    tokens = ProviderTokens(key, lambda: clock[0])
    first = tokens.get()
    read = jwt.decode(first, key.key, ["ES256"])
    assert (read.header["alg"], read.header["kid"]) == ("ES256", KEY_ID)
    assert read.claims == {"iss": TEAM, "iat": int(NOW.timestamp())}
    clock[0] = NOW + timedelta(minutes=19)
    assert tokens.get() == tokens.get(refused=first) == first
    clock[0] = NOW + timedelta(minutes=49)
    assert tokens.get() == first
    second = tokens.get(refused=first)
    assert second != first
    assert tokens.get(refused=first) == second
    clock[0] += timedelta(minutes=50)
    assert tokens.get() not in (first, second)


async def test_a_token_that_has_expired_at_apple_s_clock_is_renewed_once(
    services: PhoneServices, phone: Phone, sender: ApnsSender, clock: Clock
) -> None:
    clock.ahead = -timedelta(minutes=65)
    early = await sender.send(phone.device, HELLO)
    assert (early.result, early.detail) == (PushResult.LATER, "403 ExpiredProviderToken")
    assert services.ask("counts")["apnsTries"] == 1  # so soon Apple would not take another
    clock.ahead = -timedelta(minutes=40)
    assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
    assert services.ask("counts")["apnsTries"] == 3


@pytest.mark.parametrize(
    ("status", "reason", "result"),
    [
        (200, None, PushResult.TAKEN),
        (400, "BadDeviceToken", PushResult.GONE),
        (410, "Unregistered", PushResult.GONE),
        (410, "ExpiredToken", PushResult.GONE),
        (410, None, PushResult.GONE),
        (400, "DeviceTokenNotForTopic", PushResult.REFUSED),
        (400, "BadTopic", PushResult.REFUSED),
        (404, "BadPath", PushResult.REFUSED),
        (413, "PayloadTooLarge", PushResult.REFUSED),
        # What is wrong with our key is no device's fault.
        (403, "InvalidProviderToken", PushResult.LATER),
        (429, "TooManyRequests", PushResult.LATER),
        (429, "TooManyProviderTokenUpdates", PushResult.LATER),
        (500, "InternalServerError", PushResult.LATER),
        (503, "Shutdown", PushResult.LATER),
        (503, None, PushResult.LATER),
    ],
)
async def test_what_each_answer_means(
    phone: Phone, sender: ApnsSender, status: int, reason: str | None, result: PushResult
) -> None:
    phone.say(status=status, **({} if reason is None else {"reason": reason}))
    outcome = await sender.send(phone.device, HELLO)
    assert (outcome.result, outcome.gone_since) == (result, None)


async def test_a_device_that_is_gone_is_so_since_a_time(phone: Phone, sender: ApnsSender) -> None:
    since = datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    await phone.expire(since=int(since.timestamp() * 1_000))
    outcome = await sender.send(phone.device, HELLO)
    assert (outcome.result, outcome.gone_since) == (PushResult.GONE, since)


async def test_a_time_that_no_calendar_has_is_none(phone: Phone, sender: ApnsSender) -> None:
    phone.say(status=410, reason="Unregistered", timestamp=10**18)
    outcome = await sender.send(phone.device, HELLO)
    assert (outcome.result, outcome.gone_since) == (PushResult.GONE, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda device: replace(device, endpoint=device.endpoint.upper()),
        lambda device: replace(device, endpoint=device.endpoint[:-1]),
        lambda device: replace(device, endpoint=f"{device.endpoint}/../x"),
        lambda device: replace(device, endpoint="00" * 101),
        lambda device: replace(device, keys={**device.keys, "topic": "org.example.stranger"}),
        lambda device: replace(device, keys={**device.keys, "environment": "staging"}),
        lambda device: replace(device, keys={}),
    ],
)
async def test_what_apple_would_not_know_is_refused_at_once(
    phone: Phone, sender: ApnsSender, change: Callable[[PushSubscription], PushSubscription]
) -> None:
    await sender.check(phone.device)
    with pytest.raises(InvalidInput, match="cannot be pushed to by"):
        await sender.check(change(phone.device))


def test_a_file_that_is_no_key_stops_the_start_and_is_not_quoted(tmp_path: Path) -> None:
    strange = rsa.generate_private_key(65_537, 2_048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "AuthKey.p8"
    for content in (
        b"",
        b"planted",
        b"-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n",
        strange.private_bytes(*pem),
        p384.private_bytes(*pem),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        file.write_bytes(content)
        with pytest.raises(BadSettings, match=r"APNS_KEY: .* is no key for APNs") as caught:
            TeamKey.load(str(file), key_id=KEY_ID, team=TEAM)
        assert "planted" not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(BadSettings, match="cannot read"):
        TeamKey.load(str(tmp_path / "nowhere"), key_id=KEY_ID, team=TEAM)


def _team_key() -> TeamKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return TeamKey(key=ECKey.import_key(pem), key_id=KEY_ID, team=TEAM)
