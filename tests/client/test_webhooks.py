"""A receiver takes what Chat4All signed, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from chat4all.client import WrongSignature, verify_webhook
from chat4all.domain.webhook_signature import new_secret, signed_headers

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW = AT.timestamp()
OLD, NEW = new_secret(), new_secret()
DATA = {"type": "deleted", "message_id": "0198"}
BODY = json.dumps(
    {
        "specversion": "1.0",
        "id": "01a2",
        "source": "https://chat.example.org",
        "type": "chat4all.deleted",
        "time": AT.isoformat(),
        "data": DATA,
    }
).encode()


@pytest.mark.parametrize("kept", [[NEW], [OLD], [new_secret(), OLD]])
def test_either_secret_verifies_while_they_are_rotated(kept: list[str]) -> None:
    headers = {
        name.title(): value for name, value in signed_headers([NEW, OLD], "01a2", BODY, AT).items()
    }
    event = verify_webhook(headers, BODY, kept, now=NOW)
    assert (event.id, event.type, event.time, event.data) == ("01a2", "chat4all.deleted", AT, DATA)


def test_what_the_package_of_the_standard_signs_is_taken() -> None:
    sent = datetime.now(UTC)
    signature = standardwebhooks.Webhook(NEW).sign("01a2", sent, BODY.decode())
    headers = {
        "webhook-id": "01a2",
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": f"v1a,of-another-kind {signature}",
    }
    assert verify_webhook(headers, BODY, [NEW]).id == "01a2"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook-id": "01a3"}, "no signature"),
        ({"webhook-signature": ""}, "no signature"),
        ({"webhook-signature": "v1,é"}, "no signature"),
        ({"webhook-timestamp": str(int(NOW) + 1)}, "no signature"),
        ({"webhook-timestamp": str(int(NOW) - 301)}, "too old"),
        ({"webhook-timestamp": str(int(NOW) + 301)}, "too old"),
        ({"webhook-timestamp": "soon"}, "no number"),
        ({"webhook-timestamp": ""}, "missing"),
    ],
)
def test_what_was_changed_or_is_old_is_refused(changed: dict[str, str], why: str) -> None:
    headers = {**signed_headers([NEW], "01a2", BODY, AT), **changed}
    with pytest.raises(WrongSignature, match=why):
        verify_webhook(headers, BODY, [NEW], now=NOW)


def test_an_old_one_is_refused_though_it_is_signed() -> None:
    headers = signed_headers([NEW], "01a2", BODY, AT)
    assert verify_webhook(headers, BODY, [NEW], now=NOW + 300)
    with pytest.raises(WrongSignature, match="too old"):
        verify_webhook(headers, BODY, [NEW], now=NOW + 301)


@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_no_bit_of_the_body_can_be_changed(at: int, bit: int) -> None:
    body = bytearray(BODY)
    body[at] ^= 1 << bit
    with pytest.raises(WrongSignature):
        verify_webhook(signed_headers([NEW], "01a2", BODY, AT), bytes(body), [NEW], now=NOW)


def test_no_secret_and_another_one_verify_nothing() -> None:
    headers = signed_headers([NEW], "01a2", BODY, AT)
    for secrets in ([], [OLD]):
        with pytest.raises(WrongSignature, match="no signature"):
            verify_webhook(headers, BODY, secrets, now=NOW)
