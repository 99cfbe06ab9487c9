"""Tokens that are old, stolen, changed or made up open nothing, over HTTP or WebSocket."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from tests.e2e.account import PASSWORD, Account
from tests.e2e.sockets import ended
from tests.e2e.watched_server import Watched, watched_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEEP_ALIVE = 20.0  # seconds in which a connection looks at its token again
KEY = "SELECT value FROM global_keys WHERE name = 'access-token-key'"
Claims = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    server: Watched
    ana: Account
    http: httpx.AsyncClient

    async def token(self, **form: str) -> httpx.Response:
        return await self.http.post("/v1/auth/token", data=form)

    async def sign_in(self) -> dict[str, str]:
        answer = await self.token(grant_type="password", username="ana", password=PASSWORD)
        found: dict[str, str] = answer.raise_for_status().json()
        return found

    async def refresh(self, token: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=token)

    async def me(self, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.get("/v1/users/me", headers=headers)

    async def signing_key(self) -> OKPKey:
        """Return the server's own key, which only who can read its files has."""

        def read() -> str:
            with sqlite3.connect(self.server.data / "directory.sqlite3") as db:
                [found] = db.execute(KEY).fetchone()
            db.close()
            return str(found)

        return OKPKey.import_key(json.loads(await asyncio.to_thread(read)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with (
        watched_server(tmp_path_factory.mktemp("tokens"), log_level="debug") as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield Scene(server, ana, http)
        assert server.complaints() == []


def parts(token: str) -> tuple[Claims, Claims]:
    """Return the header and the claims of a JWT."""
    head, body, _ = token.split(".")
    decoded = (json.loads(base64.urlsafe_b64decode(one + "==")) for one in (head, body))
    return next(decoded), next(decoded)


def unsigned(header: Claims, claims: Claims) -> str:
    coded = (json.dumps(one).encode() for one in (header, claims))
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in coded) + "."


async def refused(scene: Scene, token: str) -> None:
    """Require that neither HTTP nor WebSocket takes the token, and that neither repeats it."""
    answer = await scene.me(token)
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert token not in answer.text
    body = {"conversation_id": "00000000-0000-0000-0000-000000000000", "payload": {}}
    headers = {"Authorization": f"Bearer {token}"}
    sent = await scene.http.post("/v1/messages", json=body, headers=headers)
    assert sent.status_code == 401
    async with scene.ana.bare_socket() as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        end = await ended(socket)
    assert end.code == 4401
    assert token not in end.reason


CHANGES: dict[str, Callable[[Claims], Claims]] = {
    "another audience": lambda claims: {**claims, "aud": "bank"},
    "another issuer": lambda claims: {**claims, "iss": "https://chat.example.org"},
    "no subject": lambda claims: {k: v for k, v in claims.items() if k != "sub"},
    "expired": lambda claims: {**claims, "exp": int(time.time()) - 1},
    "no end": lambda claims: {k: v for k, v in claims.items() if k != "exp"},
    "odd end": lambda claims: {**claims, "exp": "tomorrow"},
    "endless": lambda claims: {**claims, "exp": 10**30},
}


@pytest.mark.embedded("takes the signing key out of a SQLite file")
@pytest.mark.parametrize("change", CHANGES)
async def test_even_a_well_signed_token_must_be_for_here_and_now(scene: Scene, change: str) -> None:
    header, claims = parts((await scene.sign_in())["access_token"])
    forged = jwt.encode(
        header, CHANGES[change](claims), await scene.signing_key(), algorithms=["Ed25519"]
    )
    await refused(scene, forged)


@pytest.mark.embedded("takes the signing key out of a SQLite file")
async def test_the_same_way_of_forging_makes_a_token_that_works(scene: Scene) -> None:
    header, claims = parts((await scene.sign_in())["access_token"])
    same = jwt.encode(header, claims, await scene.signing_key(), algorithms=["Ed25519"])
    assert (await scene.me(same)).status_code == 200


async def test_a_token_without_a_signature_is_refused(scene: Scene) -> None:
    _, claims = parts((await scene.sign_in())["access_token"])
    for alg in ("none", "None", "NONE"):
        await refused(scene, unsigned({"alg": alg, "typ": "at+jwt"}, claims))


async def test_a_token_of_another_key_is_refused(scene: Scene) -> None:
    header, claims = parts((await scene.sign_in())["access_token"])
    other = OKPKey.generate_key("Ed25519")
    await refused(scene, jwt.encode(header, claims, other, algorithms=["Ed25519"]))


async def test_the_public_key_is_no_secret_to_sign_with(scene: Scene) -> None:
    """The confusion of RFC 8725 section 2.1: the public key taken for an HMAC secret."""
    header, claims = parts((await scene.sign_in())["access_token"])
    [public] = (await scene.http.get("/.well-known/jwks.json")).json()["keys"]
    secret = OctKey.import_key(base64.urlsafe_b64decode(public["x"] + "="))
    await refused(scene, jwt.encode({**header, "alg": "HS256"}, claims, secret))


async def test_a_changed_token_is_refused(scene: Scene) -> None:
    token = (await scene.sign_in())["access_token"]
    header, claims = parts(token)
    head, _, signature = token.split(".")
    richer = unsigned(header, {**claims, "scope": "chat4all admin"}).split(".")[1]
    await refused(scene, f"{head}.{richer}.{signature}")
    await refused(scene, token[:-4])
    await refused(scene, "x" * 5_000 if len(token) < 4_096 else "x")


async def test_a_refresh_token_is_no_access_token(scene: Scene) -> None:
    await refused(scene, (await scene.sign_in())["refresh_token"])


async def test_a_replayed_refresh_token_ends_the_whole_sign_in(scene: Scene) -> None:
    first = await scene.sign_in()
    other = await scene.sign_in()
    second = (await scene.refresh(first["refresh_token"])).raise_for_status().json()
    assert (await scene.me(second["access_token"])).status_code == 200

    replayed = await scene.refresh(first["refresh_token"])
    assert replayed.status_code == 400
    assert replayed.json()["error"] == "invalid_grant"
    assert first["refresh_token"] not in replayed.text
    for access in (first["access_token"], second["access_token"]):
        await refused(scene, access)
    assert (await scene.refresh(second["refresh_token"])).status_code == 400
    assert (await scene.me(other["access_token"])).status_code == 200


async def test_two_at_once_with_one_refresh_token_do_not_both_win(scene: Scene) -> None:
    first = await scene.sign_in()
    answers = await asyncio.gather(*(scene.refresh(first["refresh_token"]) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 400, 400, 400, 400]
    [won] = [one.json() for one in answers if one.status_code == 200]
    await refused(scene, won["access_token"])


async def test_a_revoked_sign_in_ends_everywhere(scene: Scene) -> None:
    tokens = await scene.sign_in()
    answer = await scene.http.post("/v1/auth/revoke", data={"token": tokens["refresh_token"]})
    assert answer.status_code == 200
    await refused(scene, tokens["access_token"])
    assert (await scene.refresh(tokens["refresh_token"])).status_code == 400


async def test_what_is_unknown_can_be_revoked_without_an_answer(scene: Scene) -> None:
    for token in ("unknown", "x" * 4_000, "a.b.c"):
        answer = await scene.http.post("/v1/auth/revoke", data={"token": token})
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.slow
async def test_the_connection_of_a_revoked_sign_in_ends(scene: Scene) -> None:
    tokens = await scene.sign_in()
    async with scene.ana.bare_socket() as socket:
        await socket.send(json.dumps({"type": "auth", "token": tokens["access_token"]}))
        assert json.loads(await socket.recv())["type"] == "ready"
        await scene.http.post("/v1/auth/revoke", data={"token": tokens["access_token"]})
        assert (await ended(socket, within=KEEP_ALIVE + 5.0)).code == 4401
    assert (await scene.me(scene.ana.token)).status_code == 200


async def test_wrong_passwords_all_look_alike(scene: Scene) -> None:
    told = set()
    for name, password in (("ana", "not her password"), ("nobody", PASSWORD), ("operator", "x")):
        answer = await scene.token(grant_type="password", username=name, password=password)
        told.add((answer.status_code, answer.json()["error"], answer.json()["detail"]))
    assert len(told) == 1
