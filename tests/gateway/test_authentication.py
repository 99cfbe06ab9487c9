"""Signing up, in and out, as the OAuth 2 RFCs say."""

from __future__ import annotations

import base64
from datetime import timedelta

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.gateway.world import ISSUER, PASSWORD, Person, World, client_of


async def token(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data=form)


async def test_somebody_who_registered_signs_in_and_is_themselves(
    world: World, anonymous: httpx.AsyncClient
) -> None:
    body = {"username": "Zoe", "password": PASSWORD, "email": "zoe@example.org"}
    made = await anonymous.post("/v1/auth/register", json=body)
    assert made.status_code == 201
    assert made.json()["username"] == "Zoe"
    assert "password" not in made.text

    signed_in = await token(anonymous, grant_type="password", username="zoe", password=PASSWORD)
    assert signed_in.status_code == 200
    assert signed_in.headers["cache-control"] == "no-store"
    answer = signed_in.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)

    async with client_of(world, answer["access_token"]) as zoe:
        me = await zoe.get("/v1/users/me")
    assert me.json()["id"] == made.json()["id"]


async def test_a_username_is_taken_whatever_its_case(
    ana: Person, anonymous: httpx.AsyncClient
) -> None:
    body = {"username": "ANA", "password": PASSWORD}
    answer = await anonymous.post("/v1/auth/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


@pytest.mark.parametrize("username", ["ana", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(
    ana: Person, anonymous: httpx.AsyncClient, username: str
) -> None:
    answer = await token(anonymous, grant_type="password", username=username, password="wrong one")
    assert answer.status_code == 400  # RFC 6749 section 5.2
    assert answer.json()["error"] == "invalid_grant"
    assert answer.json()["detail"] == "wrong username or password"


async def test_sign_ins_are_slowed_down_per_name(anonymous: httpx.AsyncClient) -> None:
    form = {"grant_type": "password", "username": "victim", "password": "a guess"}
    answers = [await token(anonymous, **form) for _ in range(21)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_an_unknown_grant_and_a_missing_field_are_named(
    anonymous: httpx.AsyncClient,
) -> None:
    assert (await token(anonymous, grant_type="magic")).json()["error"] == "unsupported_grant_type"
    missing = await token(anonymous, grant_type="password", username="ana")
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_sign_in(
    world: World, ana: Person, anonymous: httpx.AsyncClient
) -> None:
    first = ana.tokens["refresh_token"]
    rotated = await token(anonymous, grant_type="refresh_token", refresh_token=first)
    assert rotated.status_code == 200
    assert rotated.json()["refresh_token"] != first

    reused = await token(anonymous, grant_type="refresh_token", refresh_token=first)
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")

    newest = rotated.json()["refresh_token"]
    after = await token(anonymous, grant_type="refresh_token", refresh_token=newest)
    assert after.status_code == 400
    async with client_of(world, rotated.json()["access_token"]) as client:
        assert (await client.get("/v1/users/me")).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_sign_in(
    ana: Person, anonymous: httpx.AsyncClient, which: str
) -> None:
    revoked = await anonymous.post("/v1/auth/revoke", data={"token": ana.tokens[which]})
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert (await ana.http.get("/v1/users/me")).status_code == 401
    refresh = ana.tokens["refresh_token"]
    again = await token(anonymous, grant_type="refresh_token", refresh_token=refresh)
    assert again.status_code == 400


async def test_revoking_what_is_no_token_is_no_error(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/v1/auth/revoke", data={"token": "nonsense"})
    assert answer.status_code == 200


async def test_introspection_tells_about_ones_own_tokens_only(
    ana: Person, bia: Person, anonymous: httpx.AsyncClient
) -> None:
    form = {"token": ana.tokens["access_token"]}
    own = (await ana.http.post("/v1/auth/introspect", data=form)).json()
    assert (own["active"], own["sub"], own["username"]) == (True, ana.id, "ana")
    assert (await bia.http.post("/v1/auth/introspect", data=form)).json() == {"active": False}
    assert (await anonymous.post("/v1/auth/introspect", data=form)).status_code == 401

    refresh = {"token": ana.tokens["refresh_token"]}
    kept = (await ana.http.post("/v1/auth/introspect", data=refresh)).json()
    assert (kept["active"], kept["token_type"]) == (True, "refresh_token")


@pytest.mark.parametrize("basic", [True, False])
async def test_a_service_signs_in_with_its_secret_by_either_way(
    world: World, root: Person, anonymous: httpx.AsyncClient, *, basic: bool
) -> None:
    made = await root.http.post(
        "/v1/admin/services", json={"username": "crm", "display_name": "CRM"}
    )
    assert made.status_code == 201
    name, secret = made.json()["client_id"], made.json()["client_secret"]
    form = {"grant_type": "client_credentials"}
    headers = {}
    if basic:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
    else:
        form |= {"client_id": name, "client_secret": secret}
    answer = await anonymous.post("/v1/auth/token", data=form, headers=headers)
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
    async with client_of(world, answer.json()["access_token"]) as crm:
        assert (await crm.get("/v1/users/me")).json()["kind"] == "service"


async def test_a_wrong_client_secret_is_401_with_a_challenge(
    anonymous: httpx.AsyncClient,
) -> None:
    headers = {"Authorization": "Basic " + base64.b64encode(b"crm:wrong").decode()}
    form = {"grant_type": "client_credentials"}
    answer = await anonymous.post("/v1/auth/token", data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_person_cannot_sign_in_as_a_service(
    ana: Person, anonymous: httpx.AsyncClient
) -> None:
    form = {"grant_type": "client_credentials", "client_id": "ana", "client_secret": PASSWORD}
    assert (await token(anonymous, **form)).status_code == 401


async def test_an_expired_access_token_is_refused_also_when_it_was_seen_before(
    world: World, ana: Person
) -> None:
    assert (await ana.http.get("/v1/users/me")).status_code == 200
    world.clock.ahead = timedelta(seconds=901)
    refused = await ana.http.get("/v1/users/me")
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer a.b.c", "nonsense"]
)
async def test_anything_else_than_a_good_token_is_401(
    anonymous: httpx.AsyncClient, header: str
) -> None:
    answer = await anonymous.get("/v1/users/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_others_can_check_our_tokens_with_the_published_key(
    ana: Person, anonymous: httpx.AsyncClient
) -> None:
    discovered = (await anonymous.get("/.well-known/oauth-authorization-server")).json()
    assert discovered["issuer"] == ISSUER
    keys = KeySet.import_key_set((await anonymous.get(discovered["jwks_uri"])).json())
    decoded = jwt.decode(ana.tokens["access_token"], keys, algorithms=["Ed25519"])
    assert decoded.claims["sub"] == ana.id
    assert {"iss", "aud", "iat", "exp", "jti", "sid", "scope"} <= set(decoded.claims)
    assert all("d" not in key for key in keys.as_dict(private=False)["keys"])
