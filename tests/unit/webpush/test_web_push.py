"""Pushes are encrypted and signed as the RFCs say, and reach nothing inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from chat4all.adapters.http.guarded_post import GuardedPost
from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.webpush.encryption import CURVE, base64url, encrypted, point, unbase64
from chat4all.adapters.webpush.sender import MAX_BODY, WebPushSender, body_of
from chat4all.adapters.webpush.vapid import VapidKey, new_private_key
from chat4all.domain.errors import BadSettings, InvalidInput
from chat4all.domain.public_addresses import AllowedAddresses
from chat4all.ports.push import Push, PushResult, Urgency
from chat4all.ports.webhooks import Answer
from chat4all.testing.receiver import PaperReceiver
from tests.servers.push_service import Browser, LocalPushService

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUSH = Push(
    title="Ana",
    text="hello",
    data={"kind": "message", "seq": 7},
    unread=1,
    thread="talk",
    topic="a-topic",
    ttl=60,
    urgency=Urgency.NORMAL,
)


def test_the_example_of_the_rfc_comes_out() -> None:
    """https://www.rfc-editor.org/rfc/rfc8291#section-5."""
    keys = {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyP"
        "js7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }
    number = int.from_bytes(unbase64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    sender = ec.derive_private_key(number, CURVE)
    body = b"When I grow up, I want to be a watermelon"
    made = encrypted(body, keys, sender=sender, salt=unbase64("DGv6ra1nlYgDCS1FRnbzlw"))
    assert base64url(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_the_worker_reads_json_with_what_is_shown_and_what_it_is_about() -> None:
    assert body_of(PUSH) == (b'{"kind":"message","seq":7,"title":"Ana","body":"hello","unread":1}')
    assert b"unread" not in body_of(replace(PUSH, unread=None))


@given(body=st.binary(max_size=MAX_BODY))
def test_what_was_encrypted_the_browser_alone_reads_and_never_twice_the_same(body: bytes) -> None:
    browser = Browser()
    first, second = encrypted(body, browser.keys), encrypted(body, browser.keys)
    assert browser.read(first) == browser.read(second) == body
    assert first != second
    assert len(first) <= 4_096


@pytest.mark.parametrize(
    "broken",
    [
        lambda keys: {**keys, "p256dh": base64url(bytes(65))},
        lambda keys: {**keys, "p256dh": keys["p256dh"][:-4]},
        lambda keys: {**keys, "p256dh": "é" * 87},
        lambda keys: {**keys, "auth": base64url(bytes(15))},
        lambda keys: {"auth": keys["auth"]},
    ],
)
async def test_keys_that_are_none_are_refused(
    broken: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    async with LocalPushService().on() as service:
        sender = WebPushSender(PaperReceiver(), VapidKey.read(new_private_key()))
        device = replace(service.device, keys=broken(dict(service.device.keys)))
        with pytest.raises(InvalidInput, match="cannot be encrypted"):
            await sender.check(device)


async def test_a_push_service_knows_who_sends_for_how_long_and_how_urgent() -> None:
    receiver = PaperReceiver()
    key = VapidKey.read(new_private_key())
    sender = WebPushSender(receiver, key, contact="mailto:ana@chat.example", now=lambda: NOW)
    async with LocalPushService().on() as service:
        device = replace(service.device, endpoint="https://push.example:444/a/b?c=d")
        assert (await sender.send(device, PUSH)).result is PushResult.TAKEN
    [call] = receiver.calls
    headers = dict(call.headers)
    scheme, _, rest = headers.pop("authorization").partition(" ")
    token, _, public = rest.partition(", ")
    assert (scheme, public) == ("vapid", f"k={key.public}")
    assert headers == {
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": "60",
        "topic": "a-topic",
        "urgency": "normal",
    }
    signed = jwt.decode(token.removeprefix("t="), _public(key.public), ["ES256"])
    assert signed.header == {"typ": "JWT", "alg": "ES256"}
    assert signed.claims == {
        "aud": "https://push.example:444",
        "exp": int(NOW.timestamp()) + 12 * 3_600,
        "sub": "mailto:ana@chat.example",
    }


async def test_a_push_goes_nowhere_inside() -> None:
    async with (
        LocalPushService().on() as service,
        GuardedPost(AllowedAddresses()) as post,
    ):
        sender = WebPushSender(post, VapidKey.read(new_private_key()))
        with pytest.raises(InvalidInput, match="no address that may be called"):
            await sender.check(service.device)
        outcome = await sender.send(service.device, PUSH)
        assert outcome.result is PushResult.LATER
        assert await service.received() == []


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, PushResult.TAKEN),
        (201, PushResult.TAKEN),
        (301, PushResult.REFUSED),
        (400, PushResult.REFUSED),
        (404, PushResult.GONE),
        (410, PushResult.GONE),
        (413, PushResult.REFUSED),
        (429, PushResult.LATER),
        (500, PushResult.LATER),
        (None, PushResult.LATER),
    ],
)
async def test_what_each_status_means(status: int | None, result: PushResult) -> None:
    sender = WebPushSender(
        PaperReceiver(lambda _: Answer(status=status)), VapidKey.read(new_private_key())
    )
    async with LocalPushService().on() as service:
        assert (await sender.send(service.device, PUSH)).result is result


async def test_the_first_start_makes_a_key_which_stays() -> None:
    directory = MemoryDirectory()
    first, second = await VapidKey.load(directory.keys), await VapidKey.load(directory.keys)
    assert first.public == second.public
    assert len(unbase64(first.public)) == 65
    given_key = new_private_key()
    other = await VapidKey.load(directory.keys, given_key)
    assert other.public == VapidKey.read(given_key).public != first.public


@pytest.mark.parametrize("text", ["abc", base64url(bytes(31)), base64url(bytes(32)), "é", "a" * 50])
async def test_a_given_key_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(BadSettings, match="VAPID_PRIVATE_KEY") as caught:
        await VapidKey.load(MemoryDirectory().keys, text)
    assert text not in str(caught.value)


async def test_neither_a_device_nor_a_push_shows_secrets_when_it_is_printed() -> None:
    async with LocalPushService().on() as service:
        device = service.device
        shown = repr(device) + repr(PUSH)
    for secret in (device.endpoint, device.keys["auth"], device.keys["p256dh"], "hello"):
        assert secret not in shown


def _public(text: str) -> ECKey:
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unbase64(text))
    assert point(key) == unbase64(text)
    found: Any = ECKey.import_key(key)
    return ECKey.import_key(json.loads(json.dumps(found.as_dict(private=False))))
