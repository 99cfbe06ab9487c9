"""FCM and APNs on 127.0.0.1, of Node: they check what is sent as their documents say."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from chat4all.domain.ids import UserId
from chat4all.domain.push import PushKind, PushSubscription, subscription_id
from chat4all.ports.push import PushResult
from chat4all.testing.push_sender import Seen
from tests.servers.cache import Missing, skip_for
from tests.servers.certificate import self_signed

PROGRAM = Path(__file__).with_name("phone_push") / "serve.mjs"
PROJECT, EMAIL = "a-project", "sender@a-project.iam.gserviceaccount.com"
KEY_ID, TEAM, TOPIC = "ABC123DEFG", "DEF123GHIJ", "org.example.chat"
FCM_REFUSAL = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


class PhoneServices:
    """The two services, and the phones that they know.

    What opens them is in files: `service_account` of FCM, `team_key` of APNs, and
    `certificate` is what to trust.
    """

    def __init__(self, folder: Path) -> None:
        self.service_account = folder / "service-account.json"
        self.team_key = folder / f"AuthKey_{KEY_ID}.p8"
        self.certificate = folder / "apns.pem"
        self._settings = folder / "phones.json"
        self._http = httpx.Client(trust_env=False)
        self.addresses: dict[str, str] = {}

    @asynccontextmanager
    async def on(self) -> AsyncIterator[PhoneServices]:
        """Run them until the block ends."""
        if shutil.which("node") is None:
            skip_for(Missing("the phones' services need Node (Debian: apt-get install nodejs)"))
        rsa_key, ec_key = _keys()
        certificate, key = self_signed()
        self.certificate.write_bytes(certificate)
        self.team_key.write_text(_private(ec_key))
        names = {"fcm": {"project": PROJECT, "keyId": "a-key", "email": EMAIL}}
        served: dict[str, dict[str, Any]] = {
            "fcm": {**names["fcm"], "publicKey": _public(rsa_key)},
            "apns": {
                "publicKey": _public(ec_key),
                "keyId": KEY_ID,
                "team": TEAM,
                "topics": [TOPIC, "org.example.other"],
                "certificate": certificate.decode(),
                "key": key.decode(),
            },
        }
        self._settings.write_text(json.dumps(served))
        process = await asyncio.create_subprocess_exec(
            "node",
            str(PROGRAM),
            str(self._settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            self.addresses = json.loads(await process.stdout.readline())
            self._write_service_account(_private(rsa_key))
            with self._http:
                yield self
        finally:
            process.stdin.close()
            await process.wait()

    def _write_service_account(self, key: str) -> None:
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "a-key",
            "private_key": key,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": f"{self.addresses['fcm']}/token",
            "universe_domain": "googleapis.com",
        }
        self.service_account.write_text(json.dumps(account))

    @property
    def settings(self) -> dict[str, str]:
        """Return what a server has to be told in its environment."""
        return {
            "CHAT4ALL_FCM_CREDENTIALS": str(self.service_account),
            "CHAT4ALL_FCM_API": self.addresses["fcm"],
            "CHAT4ALL_APNS_KEY": str(self.team_key),
            "CHAT4ALL_APNS_KEY_ID": KEY_ID,
            "CHAT4ALL_APNS_TEAM_ID": TEAM,
            "CHAT4ALL_APNS_TOPICS": f"{TOPIC}, org.example.other",
            "CHAT4ALL_APNS_API": self.addresses["production"],
            "SSL_CERT_FILE": str(self.certificate),
        }

    def http2(self) -> httpx.AsyncClient:
        """Return a client that trusts APNs."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.AsyncClient(verify=trust, http1=False, http2=True, trust_env=False)

    def ask(self, what: str, **about: Any) -> Any:
        """Tell the services something, or ask; see `control` in `serve.mjs`."""
        answer = self._http.post(f"{self.addresses['fcm']}/control/{what}", json=about)
        return answer.raise_for_status().json()

    def phone(self, kind: PushKind, **about: Any) -> Phone:
        """Make a phone that its service knows."""
        return Phone(self, kind, self.ask("device", kind=kind.value, **about)["token"])


class Phone:
    """One phone, and what its service is to say: a `PushService` of `chat4all.testing`."""

    def __init__(self, services: PhoneServices, kind: PushKind, token: str) -> None:
        self.services = services
        self.kind = kind
        self.token = token

    @property
    def device(self) -> PushSubscription:
        """Return the phone as the product keeps it."""
        at = datetime.now(UTC)
        keys = {"topic": TOPIC, "environment": "production"}
        return PushSubscription(
            id=subscription_id(self.token, self.kind),
            user_id=UserId("ana"),
            kind=self.kind,
            endpoint=self.token,
            keys=keys if self.kind is PushKind.APNS else {},
            created_at=at,
            updated_at=at,
            registered_at=at,
        )

    @property
    def unusable(self) -> PushSubscription:
        """Return a phone by a token that is none."""
        device = self.device
        return PushSubscription(
            id=device.id,
            user_id=device.user_id,
            kind=device.kind,
            endpoint="../../no token",
            keys=device.keys,
            created_at=device.created_at,
            updated_at=device.updated_at,
            registered_at=device.registered_at,
        )

    @property
    def body(self) -> dict[str, str]:
        """Return what registers the phone over REST."""
        topic = {"topic": TOPIC} if self.kind is PushKind.APNS else {}
        return {"kind": self.kind.value, "token": self.token, **topic}

    def answer(self, result: PushResult, *, retry_after: float | None = None) -> None:
        """Have the service answer so from now on."""
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
        said = _APNS if self.kind is PushKind.APNS else _FCM
        self.say(**said[result], headers=headers)

    def say(self, **answer: Any) -> None:
        """Have the service answer just so, so many `times`."""
        self.services.ask("answer", kind=self.kind.value, **answer)

    def pushes(self) -> list[dict[str, Any]]:
        """Return what reached the phone, as it came."""
        found: list[dict[str, Any]] = self.services.ask("seen", token=self.token)["seen"]
        return found

    async def received(self) -> Sequence[Seen]:
        """Return what the phone showed and told its app, in order."""
        read = _read_by_iphone if self.kind is PushKind.APNS else _read_by_android
        return [read(one) for one in self.pushes()]

    async def expire(self, **about: Any) -> None:
        """Have the app be removed."""
        self.services.ask("expire", token=self.token, **about)


def _read_by_android(message: dict[str, Any]) -> Seen:
    data = dict(message["data"])
    unread = data.pop("unread", None)
    count = message["android"]["notification"].get("notification_count")
    assert unread == (None if count is None else str(count))
    shown = message["notification"]
    return Seen(title=shown["title"], text=shown["body"], unread=count, data=data)


def _read_by_iphone(push: dict[str, Any]) -> Seen:
    payload = dict(push["payload"])
    aps = payload.pop("aps")
    alert = aps["alert"]
    data = {name: str(value) for name, value in payload.items()}
    return Seen(title=alert["title"], text=alert["body"], unread=aps.get("badge"), data=data)


def _refusal(code: int, status: str, error_code: str) -> dict[str, Any]:
    details = [{"@type": FCM_REFUSAL, "errorCode": error_code}]
    told = {"code": code, "status": status, "message": "as told", "details": details}
    return {"status": code, "body": {"error": told}}


_FCM: dict[PushResult, dict[str, Any]] = {
    PushResult.GONE: _refusal(404, "NOT_FOUND", "UNREGISTERED"),
    PushResult.REFUSED: _refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    PushResult.LATER: _refusal(503, "UNAVAILABLE", "UNAVAILABLE"),
}
_APNS: dict[PushResult, dict[str, Any]] = {
    PushResult.GONE: {"status": 410, "reason": "Unregistered"},
    PushResult.REFUSED: {"status": 400, "reason": "BadTopic"},
    PushResult.LATER: {"status": 503, "reason": "ServiceUnavailable"},
}


@cache
def _keys() -> tuple[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]:
    return rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP256R1())


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    info = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, info).decode()
