"""What is taken out of log lines, and what stays."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.api_keys import PREFIX
from chat4all.telemetry.current import PLACE
from chat4all.telemetry.logs import configure_logs
from chat4all.telemetry.redaction import HIDDEN, redact, redacted

TOKEN = "123456789:AAF-planted_token_of_a_bot_000000000"
KEY = PREFIX + "Planted" * 5 + "Key"  # of the form of one
IPHONE = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad"
ANDROID = "dQw4w9WgXcQ_abc:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQMRKRrZuJAEcl7B"
PEM = "-----BEGIN PRIVATE KEY-----\ncGxhbnRlZA\ncGxhbnRlZA==\n-----END PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"POST https://api.telegram.org/bot{TOKEN}/sendMessage", TOKEN.partition(":")[2]),
        (f"Authorization: Bearer {JWT}", JWT),
        (f"the token {JWT} is not ours", "c2lnbmF0dXJl"),
        (f"the key {KEY} was found", KEY.removeprefix("c4a_")),
        ("Basic YW5hOnNlY3JldA==", "YW5hOnNlY3JldA"),
        ("cannot connect to kafka://ana:s3cr3t@kafka:9092", "s3cr3t"),
        ("redis://:s3cr3t@10.0.0.1:6379/0 refuses", "s3cr3t"),
        ("mongodb+srv://ana:s%40cr3t@host/db", "s%40cr3t"),
        ("GET /v1/ws?access_token=abc123xyz&x=1", "abc123xyz"),
        ('{"password": "hunter22", "username": "ana"}', "hunter22"),
        ("client_secret=s3cr3ts3cr3t", "s3cr3ts3cr3t"),
        ("Recipient +351 912 345 678 is not on WhatsApp", "912 345 678"),
        ("recipient +5511999990000 is unknown", "99999"),
        ("recipient 5511999990000 is unknown", "99999"),
        ("ana.souza+chat@example.org wrote", "ana.souza"),
        ("text\n  Input should be [input_value='my\nwords', input_type=str]", "words"),
        ("(sqlite3.Error) locked\n[parameters: ('my words', 1)]\n(Background", "words"),
        (f"POST https://api.push.apple.com/3/device/{IPHONE} HTTP/2 410", IPHONE),
        (f"the token {ANDROID} is not registered", ANDROID),
        (f"the token {ANDROID} is not registered", ANDROID.partition(":APA91b")[2]),
        ("Bearer ya29.a0AfH6SMBx_planted-token", "planted-token"),
        ("the token ya29.a0AfH6SMBx_planted-token has expired", "planted-token"),
        (f"cannot read {PEM}", "cGxhbnRlZA"),
        (json.dumps({"private_key": PEM}), "cGxhbnRlZA"),
        (repr({"private_key_id": "1", "private_key": PEM}), "cGxhbnRlZA"),
        ("DETAIL:  Key (username, at)=(my words) already exists.", "words"),
        ("E11000 dup key: { body: 'my words' }, full error: {'x': 'my words'}", "words"),
    ],
)
def test_secrets_and_people_are_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)
    assert HIDDEN in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "command refused",
        "the message 01a21592-e9b1-7000-860c-123456789012 is unknown",
        "not ready: http://127.0.0.1:8000/readyz says kafka:9092 does not answer",
        "2026-11-26T01:57:56.043045+00:00",
        "position 3.1234567 of partition 12",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "token refused: unauthorized",
        'File "/usr/lib/python3/asyncio/tasks.py", line 314, in _step',
        "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_field_named_after_a_secret_is_hidden_whatever_it_holds() -> None:
    event = {
        "event": "x",
        "bot_token": "abc",
        "headers": {"Authorization": "abc", "Accept": "json"},
        "payload": {"text": "hello"},
        "to": ["+5511999990000", 7],
        "attempts": 3,
    }
    assert redact(None, "", event) == {
        "event": "x",
        "bot_token": HIDDEN,
        "headers": {"Authorization": HIDDEN, "Accept": "json"},
        "payload": HIDDEN,
        "to": [HIDDEN, 7],
        "attempts": 3,
    }


@given(st.lists(st.sampled_from([TOKEN, JWT, "+5511999990000", "x", " ", "=", ":", "@", "a@b.c"])))
def test_however_they_stand_together_no_secret_is_left(pieces: list[str]) -> None:
    written = redacted(" ".join(pieces))
    assert not any(one in written for one in (TOKEN, JWT, "+5511999990000", "a@b.c"))


class Written:
    """Collects what configured logging writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
        self._out = io.StringIO()
        monkeypatch.setattr("sys.stderr", self._out)
        configure_logs(level="info", json=as_json, service="hub", environment="trial")

    @property
    def text(self) -> str:
        return self._out.getvalue()


@pytest.fixture
def restored() -> Iterator[None]:
    before = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = before
    structlog.reset_defaults()


def test_a_line_says_who_wrote_it_and_in_which_trace(
    monkeypatch: pytest.MonkeyPatch, restored: None
) -> None:
    written = Written(monkeypatch, as_json=True)
    token = PLACE.set(f"00-{1:032x}-{2:016x}-01")
    structlog.get_logger("chat4all.test").info("delivered", message_id="m")
    logging.getLogger("a.library").warning("slow: %s", "+5511999990000")
    PLACE.reset(token)
    structlog.get_logger("chat4all.test").info("idle")
    ours, theirs, idle = (json.loads(line) for line in written.text.splitlines())
    for line in (ours, theirs):
        assert (line["service"], line["env"]) == ("hub", "trial")
        assert (line["trace_id"], line["span_id"]) == (f"{1:032x}", f"{2:016x}")
    assert (ours["event"], ours["message_id"], ours["level"]) == ("delivered", "m", "info")
    assert theirs["event"] == f"slow: {HIDDEN}"
    assert "trace_id" not in idle


@pytest.mark.parametrize("as_json", [True, False])
def test_the_text_of_an_error_is_redacted_in_either_form(
    monkeypatch: pytest.MonkeyPatch, restored: None, *, as_json: bool
) -> None:
    written = Written(monkeypatch, as_json=as_json)
    try:
        raise RuntimeError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except RuntimeError:
        structlog.get_logger("chat4all.test").exception("broken")
        logging.getLogger("a.library").exception("broken")
    assert written.text.count("RuntimeError: https://api.telegram.org/") == 2
    assert TOKEN.partition(":")[2] not in written.text
