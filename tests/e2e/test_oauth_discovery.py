"""npm openid-client, unchanged, does every flow that the discovery document names."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.oauth_packages import PACKAGES

PERSON = {"username": "ana", "password": "correct horse battery"}


async def test_a_foreign_client_signs_in_by_discovery(tmp_path: Path) -> None:
    try:
        place = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    async with running_server(tmp_path, {}) as url, httpx.AsyncClient(base_url=url) as http:
        key = await a_key(http)
        told = await flows(place, url, key)
        assert set(told["metadata"]["grant_types_supported"]) == {
            "password",
            "refresh_token",
            "client_credentials",
        }
        assert told["rotated"] is True
        assert told["whoami"]["username"] == "ana"
        assert (told["reuse"], told["afterReuse"]) == ("invalid_grant", "invalid_grant")
        assert told["wrong"] == "invalid_grant"
        for way in ("ClientSecretPost", "ClientSecretBasic"):
            assert told[way]["scope"] == "read"
            assert "refresh_token" not in told[way]
            assert told[f"{way}TooMuch"] == "invalid_scope"
            await is_good_for_reading_alone(http, told[way]["access_token"])
        # The client tells the challenge of a 401 (RFC 6749 section 5.2) before what is in its body.
        assert told["wrongKey"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
        assert (told["active"]["active"], told["active"]["username"]) == (True, "ana")
        assert told["revoked"] == {"active": False}


async def a_key(http: httpx.AsyncClient) -> dict[str, str]:
    """Make a key of a service account of Ana's that reads and sends."""
    await http.post("/v1/auth/register", json=PERSON)
    form = {"grant_type": "password", **PERSON}
    token = (await http.post("/v1/auth/token", data=form)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    account = await http.post("/v1/service-accounts", json={"username": "bot"}, headers=bearer)
    path = f"/v1/service-accounts/{account.json()['id']}/keys"
    body = {"name": "nightly", "scopes": ["read", "send"]}
    made = (await http.post(path, json=body, headers=bearer)).json()
    return {"id": made["id"], "text": made["key"]}


async def flows(place: Path, url: str, key: dict[str, str]) -> dict[str, Any]:
    """Run the script; return what it tells."""
    asked = json.dumps({"issuer": url, "person": PERSON, "key": key})
    node = await asyncio.create_subprocess_exec(
        "node",
        str(place / "flows.mjs"),
        asked,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await node.communicate()
    assert node.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told


async def is_good_for_reading_alone(http: httpx.AsyncClient, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    me = await http.get("/v1/users/me", headers=bearer)
    assert me.json()["username"] == "bot"
    assert me.headers["ratelimit-policy"] == '"key";q=600;w=60'
    body = {"conversation_id": me.json()["id"], "payload": {"type": "text", "text": "x"}}
    refused = await http.post("/v1/messages", json=body, headers=bearer)
    assert refused.json()["code"] == "insufficient_scope"
