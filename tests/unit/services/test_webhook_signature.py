"""Signatures that the libraries of receivers take, and nothing that was changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from standardwebhooks.webhooks import WebhookVerificationError

from chat4all.domain.webhook_signature import new_secret, signed_headers
from tests.servers.cache import Missing, skip_for
from tests.servers.webhook_packages import PACKAGES

OLD, NEW = new_secret(), new_secret()
BODY = json.dumps({"id": "01a2", "data": "é 🙂"}, ensure_ascii=False).encode()


VERIFIERS: Mapping[str, type[Any]] = {
    "standardwebhooks": standardwebhooks.Webhook,
    "svix": svix.webhooks.Webhook,
}


def now() -> datetime:
    return datetime.now(UTC)


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of https://docs.svix.com/receiving/verifying-payloads/how-manual
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        datetime.fromtimestamp(1_614_265_330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_code_of_the_page_verifies_what_we_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs/howto/receive-webhooks.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("WEBHOOK_SECRET", NEW)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - it is ours
    is_genuine = names["is_genuine"]
    assert is_genuine(signed_headers([OLD, NEW], "01a2", BODY, now()), BODY)
    assert not is_genuine(signed_headers([OLD], "01a2", BODY, now()), BODY)
    assert not is_genuine(signed_headers([NEW], "01a2", BODY, now()), BODY + b" ")
    assert not is_genuine(signed_headers([NEW], "01a2", BODY, now() - timedelta(days=1)), BODY)


@pytest.mark.parametrize("package", VERIFIERS)
def test_the_packages_of_python_verify_what_we_sign(package: str) -> None:
    headers = signed_headers([NEW, OLD], "01a2", BODY, now())
    for secret in (NEW, OLD):  # while it is rotated a receiver may have either
        VERIFIERS[package](secret).verify(BODY, headers)


@pytest.mark.parametrize("package", VERIFIERS)
def test_the_packages_of_python_refuse_what_was_changed_or_is_old(package: str) -> None:
    good = signed_headers([NEW], "01a2", BODY, now())
    old = signed_headers([NEW], "01a2", BODY, now() - timedelta(minutes=6))
    for body, headers, why in (
        (BODY.replace(b"01a2", b"01a3"), good, "matching signature"),
        (BODY, {**good, "webhook-id": "01a3"}, "matching signature"),
        (BODY, signed_headers([OLD], "01a2", BODY, now()), "matching signature"),
        (BODY, old, "too old"),
    ):
        with pytest.raises(WebhookVerificationError, match=why):
            VERIFIERS[package](NEW).verify(body, headers)


def test_the_package_of_npm_verifies_what_we_sign() -> None:
    try:
        place = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    headers = signed_headers([NEW, OLD], "01a2", BODY, now())
    tampered = {**headers, "webhook-id": "01a3"}
    given: Sequence[Mapping[str, object]] = [
        {"secret": NEW, "headers": headers, "body": BODY.decode()},
        {"secret": OLD, "headers": headers, "body": BODY.decode()},
        {"secret": new_secret(), "headers": headers, "body": BODY.decode()},
        {"secret": NEW, "headers": tampered, "body": BODY.decode()},
    ]
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(
        [node, "verify.mjs"],
        cwd=place,
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert said == ["01a2", "01a2", *["WebhookVerificationError"] * 2]
