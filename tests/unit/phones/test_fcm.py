"""Pushes go out as Firebase's documents say, and what it answers is understood."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat4all.adapters.fcm.sender import FcmSender, body_of
from chat4all.adapters.fcm.service_account import ServiceAccount
from chat4all.domain.errors import BadSettings
from chat4all.domain.push import PushKind
from chat4all.ports.push import PushResult, Urgency
from chat4all.testing.push_sender import HELLO
from tests.servers.phone_services import PROJECT, Phone, PhoneServices
from tests.unit.phones.conftest import Clock

NOW = datetime(2026, 3, 1, tzinfo=UTC)
INVALID = "The registration token is not a valid FCM registration token"


@pytest.fixture
def phone(services: PhoneServices) -> Phone:
    return services.phone(PushKind.FCM)


@pytest.fixture
async def sender(services: PhoneServices, clock: Clock) -> AsyncIterator[FcmSender]:
    account = ServiceAccount.load(str(services.service_account))
    async with httpx.AsyncClient(trust_env=False) as http:
        yield FcmSender(http, account, api=services.addresses["fcm"], now=clock)


def test_a_message_says_what_android_and_apple_devices_do_with_it() -> None:
    [(name, message)] = json.loads(body_of("a-token", HELLO, NOW)).items()
    assert name == "message"
    assert message == {
        "token": "a-token",
        "notification": {"title": "Ana", "body": "Olá"},
        "data": {"kind": "message", "conversation_id": "a-talk", "seq": "7", "unread": "3"},
        "android": {
            "collapse_key": "a-topic",
            "ttl": "60s",
            "priority": "HIGH",
            "notification": {"tag": "a-topic", "default_sound": True, "notification_count": 3},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": "a-topic",
                "apns-expiration": str(int(NOW.timestamp()) + 60),
                "apns-priority": "10",
            },
            "payload": {"aps": {"thread-id": "a-talk", "sound": "default", "badge": 3}},
        },
    }
    calm = replace(HELLO, urgency=Urgency.NORMAL, unread=None)
    message = json.loads(body_of("a-token", calm, NOW))["message"]
    assert message["android"]["priority"] == "NORMAL"
    assert "notification_count" not in message["android"]["notification"]


async def test_one_token_serves_until_shortly_before_it_expires(
    services: PhoneServices, phone: Phone, sender: FcmSender, clock: Clock
) -> None:
    for minutes, tokens in ((0, 1), (54, 1), (56, 2), (57, 2)):
        clock.ahead = timedelta(minutes=minutes)
        outcome = await sender.send(phone.device, HELLO)
        assert services.ask("counts")["fcmTokens"] == tokens, minutes
        assert outcome.result is PushResult.TAKEN


async def test_a_token_that_is_refused_is_renewed_once(
    services: PhoneServices, phone: Phone, sender: FcmSender
) -> None:
    assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
    services.ask("revoke")
    assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
    assert services.ask("counts")["fcmTokens"] == 2
    phone.say(status=401, body={"error": {"code": 401, "status": "UNAUTHENTICATED"}})
    tries = services.ask("counts")["fcmTries"]
    outcome = await sender.send(phone.device, HELLO)
    assert (outcome.result, outcome.detail) == (PushResult.LATER, "401 UNAUTHENTICATED")
    assert services.ask("counts")["fcmTries"] == tries + 2


async def test_while_google_gives_no_token_pushes_wait(
    services: PhoneServices, phone: Phone
) -> None:
    account = ServiceAccount.load(str(services.service_account))
    async with httpx.AsyncClient(trust_env=False) as http:
        stranger = replace(account, email="somebody@else.example")
        for given, detail in (
            (stranger, "no token: 400 invalid_grant Invalid JWT Signature."),
            (replace(account, token_uri="http://127.0.0.1:9/token"), "no token: ConnectError"),
        ):
            sender = FcmSender(http, given, api=services.addresses["fcm"])
            outcome = await sender.send(phone.device, HELLO)
            assert (outcome.result, outcome.detail) == (PushResult.LATER, detail)
    assert services.ask("counts")["fcmTries"] == 0


def refusal(status: str, message: str = "", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"status": status, "message": message, "details": list(details)}}


def fcm_error(code: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}


def violation(field: str) -> dict[str, Any]:
    fields = [{"field": field, "description": "wrong"}]
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (404, refusal("NOT_FOUND", "", fcm_error("UNREGISTERED")), PushResult.GONE),
        (403, refusal("PERMISSION_DENIED", "", fcm_error("SENDER_ID_MISMATCH")), PushResult.GONE),
        (
            400,
            refusal("INVALID_ARGUMENT", INVALID, fcm_error("INVALID_ARGUMENT")),
            PushResult.GONE,
        ),
        (400, refusal("INVALID_ARGUMENT", "", violation("message.token")), PushResult.GONE),
        (400, refusal("INVALID_ARGUMENT", "", violation("message.data")), PushResult.REFUSED),
        (400, refusal("INVALID_ARGUMENT", "too big"), PushResult.REFUSED),
        (400, "not what is expected", PushResult.REFUSED),
        # A project that is not there, or may not send, is no device's fault.
        (404, refusal("NOT_FOUND"), PushResult.LATER),
        (403, refusal("PERMISSION_DENIED"), PushResult.LATER),
        (429, refusal("RESOURCE_EXHAUSTED", "", fcm_error("QUOTA_EXCEEDED")), PushResult.LATER),
        (500, refusal("INTERNAL", "", fcm_error("INTERNAL")), PushResult.LATER),
        (502, "<html>", PushResult.LATER),
        (302, {}, PushResult.LATER),
    ],
)
async def test_what_each_answer_means(
    phone: Phone, sender: FcmSender, status: int, body: Any, result: PushResult
) -> None:
    phone.say(status=status, body=body)
    assert (await sender.send(phone.device, HELLO)).result is result


async def test_who_is_told_of_too_many_messages_waits_a_minute_or_as_long_as_is_said(
    phone: Phone, sender: FcmSender
) -> None:
    for headers, wait in (({}, 60.0), ({"retry-after": "7"}, 7.0)):
        phone.say(status=429, body=refusal("RESOURCE_EXHAUSTED"), headers=headers)
        assert (await sender.send(phone.device, HELLO)).retry_after == wait


async def test_a_phone_that_was_off_shows_the_newest_push_of_each_topic(
    services: PhoneServices, phone: Phone, sender: FcmSender
) -> None:
    services.ask("off", token=phone.token)
    for text, topic in (("one", "a"), ("two", "a"), ("three", "b")):
        await sender.send(phone.device, replace(HELLO, text=text, topic=topic))
    services.ask("on", token=phone.token)
    assert [one.text for one in await phone.received()] == ["two", "three"]


async def test_what_an_app_was_given_before_is_gone(phone: Phone, sender: FcmSender) -> None:
    await phone.expire()
    assert (await sender.send(phone.device, HELLO)).result is PushResult.GONE
    stranger = replace(phone.device, endpoint="abc:APA91bNobody")
    assert (await sender.send(stranger, HELLO)).result is PushResult.GONE


def broken(**changes: Any) -> bytes:
    whole = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n",
        "client_email": "a@b.example",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**whole, **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"planted",
        broken(),
        broken(type="authorized_user"),
        broken(private_key="planted"),
        broken(private_key=7),
        broken(project_id=None),
    ],
)
def test_a_file_that_is_no_service_account_stops_the_start_and_is_not_quoted(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "account.json"
    file.write_bytes(content)
    with pytest.raises(BadSettings, match=r"FCM_CREDENTIALS.*service account") as caught:
        ServiceAccount.load(str(file))
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(BadSettings, match="cannot read"):
        ServiceAccount.load(str(tmp_path / "nowhere"))


async def test_an_account_does_not_show_its_key_when_it_is_printed(
    services: PhoneServices,
) -> None:
    account = ServiceAccount.load(str(services.service_account))
    key = json.loads(services.service_account.read_text())["private_key"].splitlines()[1]
    assert key not in repr(account)
    assert "key=" not in repr(account).replace("key_id=", "")
