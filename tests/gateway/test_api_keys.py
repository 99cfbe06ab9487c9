"""Service accounts, their API keys, and acting as a user, over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from chat4all.domain.api_keys import EVERYTHING, Scope, hash_of, is_key
from chat4all.domain.errors import StorageFull
from chat4all.domain.ids import KeyId, UserId
from chat4all.gateway.rest.app import create_rest_app
from chat4all.gateway.rest.bearer import scope_of
from tests.gateway.world import PASSWORD, Person, World, client_of, say, sign_up

ACCOUNTS = "/v1/service-accounts"
DELEGATES = "/v1/users/me/delegates"
BEHALF = "Chat4All-On-Behalf-Of"


async def account_of(person: Person, username: str = "reports") -> str:
    answer = await person.http.post(ACCOUNTS, json={"username": username})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def key_of(person: Person, account: str, *scopes: str, **more: Any) -> dict[str, Any]:
    body = {"name": "nightly", "scopes": scopes or ["read"], **more}
    answer = await person.http.post(f"{ACCOUNTS}/{account}/keys", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def status(world: World, key: str, path: str = "/v1/users/me", **headers: str) -> int:
    async with client_of(world, key) as client:
        return (await client.get(path, headers=headers)).status_code


async def test_a_key_is_shown_once_and_kept_as_a_hash(world: World, ana: Person) -> None:
    account = await account_of(ana)
    made = await key_of(ana, account, "read", "send")
    text = made.pop("key")
    assert is_key(text)
    assert text.endswith(made["hint"])
    listed = (await ana.http.get(f"{ACCOUNTS}/{account}/keys")).json()
    assert listed == {"items": [made], "next": None}
    [kept] = await world.directory.api_keys.of_account(UserId(account))
    assert kept.secret_hash == hash_of(text)
    assert text not in repr(kept)


async def test_a_program_reads_and_sends_with_its_key(world: World, ana: Person) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account, "read", "send", "manage")
    async with client_of(world, key["key"]) as http:
        me = (await http.get("/v1/users/me")).json()
        assert (me["id"], me["kind"], me["username"]) == (account, "service", "reports")
        group = {"type": "group", "member_ids": [ana.id], "name": "Reports"}
        made = (await http.post("/v1/conversations", json=group)).json()
        said = await say(Person(account, "reports", http, {}), made["id"], "All is well")
    page = (await ana.http.get(f"/v1/conversations/{made['id']}/messages")).json()
    assert [(one["from"], one["message_id"]) for one in page["items"]] == [
        (account, said["message_id"])
    ]


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("GET", "/v1/conversations", "read"),
        ("GET", "/v1/sync", "read"),
        ("POST", "/v1/messages", "send"),
        ("PUT", "/v1/presence", "send"),
        ("POST", "/v1/contacts", "manage"),
        ("GET", "/v1/webhook-endpoints", "webhooks"),
        ("GET", "/v1/admin/users", "admin"),
        ("GET", ACCOUNTS, "account"),
        ("GET", DELEGATES, "account"),
        ("POST", "/v1/auth/introspect", "account"),
        ("POST", "/v1/users/me/channels/link-code", "account"),
    ],
)
async def test_a_key_opens_what_its_scopes_say_and_nothing_else(
    world: World, ana: Person, method: str, path: str, needs: str
) -> None:
    account = await account_of(ana)
    others = sorted({"read", "send", "manage", "webhooks", "act"} - {needs})
    key = await key_of(ana, account, *others)
    async with client_of(world, key["key"]) as http:
        refused = await http.request(method, path, json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    told = refused.headers["www-authenticate"]
    assert told == f'Bearer realm="chat4all", error="insufficient_scope", scope="{needs}"'
    if needs not in {"admin", "account"}:
        key = await key_of(ana, account, needs)
        async with client_of(world, key["key"]) as http:
            assert (await http.request(method, path, json={})).status_code != 403


async def test_each_route_that_changes_something_says_which_scope_it_takes(world: World) -> None:
    """What says nothing is for no key: these are meant so."""
    silent = set()
    for route in create_rest_app(world.deps).routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                scope = scope_of(handler, method)
                assert scope in EVERYTHING
                told = {"admin", "public", "scope"} & handler.opt.keys()
                if scope is Scope.ACCOUNT and not told and method != "OPTIONS":
                    silent.add(f"{method} {route.path_format}")
    assert silent == {
        "POST /v1/auth/introspect",
        "PATCH /v1/users/me",
        "POST /v1/users/me/channels",
        "DELETE /v1/users/me/channels/{channel_id}",
        "POST /v1/users/me/channels/link-code",
    }


async def test_a_key_that_is_not_whole_unknown_or_expired_opens_nothing(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    until = (world.clock() + timedelta(hours=1)).isoformat()
    key = (await key_of(ana, account, expires_at=until))["key"]
    assert await status(world, key) == 200
    assert await status(world, key[:-1]) == 401
    swapped = key[:5] + ("a" if key[5] != "a" else "b") + key[6:]
    assert await status(world, swapped) == 401
    world.clock.ahead = timedelta(hours=1)
    assert await status(world, key) == 401


async def test_a_revoked_key_opens_nothing_at_once(world: World, ana: Person) -> None:
    account = await account_of(ana)
    key, other = await key_of(ana, account), await key_of(ana, account)
    assert await status(world, key["key"]) == 200
    path = f"{ACCOUNTS}/{account}/keys/{key['id']}"
    for _ in range(2):
        assert (await ana.http.delete(path)).status_code == 204
        assert await status(world, key["key"]) == 401
    assert await status(world, other["key"]) == 200
    world.clock.ahead = timedelta(days=1)  # long after what the processes remember
    assert await status(world, key["key"]) == 401


async def test_a_rotated_key_lives_on_for_the_time_stated(world: World, ana: Person) -> None:
    account = await account_of(ana)
    old = await key_of(ana, account, "read", "send", per_minute=7)
    assert await status(world, old["key"]) == 200
    path = f"{ACCOUNTS}/{account}/keys/{old['id']}/rotate"
    new = (await ana.http.post(path, json={"overlap": 3600})).json()
    same = ("name", "scopes", "per_minute", "expires_at")
    assert [new[name] for name in same] == [old[name] for name in same]
    assert [await status(world, one["key"]) for one in (old, new)] == [200, 200]
    world.clock.ahead = timedelta(seconds=3601)
    assert [await status(world, one["key"]) for one in (old, new)] == [401, 200]
    assert (await ana.http.post(path, json={})).status_code == 401  # ana's own token is old
    ana = Person(ana.id, "ana", await signed_in(world, "ana"), {})
    assert (await ana.http.post(path, json={})).json()["code"] == "conflict"
    await ana.http.aclose()


async def signed_in(world: World, username: str) -> httpx.AsyncClient:
    grant = await world.deps.sign_in.with_password(username, PASSWORD, source="test")
    return client_of(world, grant.access_token)


async def test_a_key_rotated_without_overlap_ends_at_once(world: World, ana: Person) -> None:
    account = await account_of(ana)
    old = await key_of(ana, account)
    assert await status(world, old["key"]) == 200
    path = f"{ACCOUNTS}/{account}/keys/{old['id']}/rotate"
    assert (await ana.http.post(path, json={"overlap": 59})).status_code == 400
    new = (await ana.http.post(path, json={"overlap": 0})).json()
    assert [await status(world, one["key"]) for one in (old, new)] == [401, 200]


async def test_the_last_use_is_kept_and_not_written_for_each_call(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account)
    assert key["used_at"] is None

    async def used_at() -> Any:
        [kept] = await world.directory.api_keys.of_account(UserId(account))
        return kept.used_at

    await status(world, key["key"])
    first = await used_at()
    assert first is not None
    world.clock.ahead = timedelta(seconds=45)
    await status(world, key["key"])
    assert await used_at() == first
    world.clock.ahead = timedelta(seconds=90)
    await status(world, key["key"])
    assert await used_at() > first


async def test_a_key_is_good_while_its_use_cannot_be_kept(
    world: World, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(key: KeyId, at: datetime) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(world.directory.api_keys, "used", full)
    key = await key_of(ana, await account_of(ana))
    assert await status(world, key["key"]) == 200


async def test_a_key_is_told_its_limit_and_held_to_it(world: World, ana: Person) -> None:
    account = await account_of(ana)
    key, other = [(await key_of(ana, account, per_minute=2))["key"] for _ in range(2)]
    async with client_of(world, key) as http:
        answers = [await http.get("/v1/users/me") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert answers[0].headers["ratelimit"] == '"key";r=1;t=30'
    assert answers[1].headers["ratelimit"].startswith('"key";r=0;t=')
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert answers[2].headers["ratelimit"].startswith('"key";r=0;t=')
    assert await status(world, other) == 200
    assert "ratelimit" not in (await ana.http.get("/v1/users/me")).headers


async def test_nobody_else_sees_an_account_or_its_keys(
    world: World, ana: Person, bia: Person
) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account)
    body = {"name": "mine", "scopes": ["read"]}
    root = await sign_up(world, "root", admin=True)
    for person, seen in ((bia, 404), (root, 200)):
        keys = f"{ACCOUNTS}/{account}/keys"
        assert (await person.http.get(keys)).status_code == seen
        assert (await person.http.get(f"{ACCOUNTS}/{account}/acts")).status_code == seen
        # Nor does an administrator get a key to what another person's program reads.
        assert (await person.http.post(keys, json=body)).status_code == 404
        turned = await person.http.post(f"{keys}/{key['id']}/rotate", json={})
        assert turned.status_code == 404
    assert (await bia.http.delete(f"{ACCOUNTS}/{account}/keys/{key['id']}")).status_code == 404
    assert await status(world, key["key"]) == 200
    assert (await root.http.delete(f"{ACCOUNTS}/{account}/keys/{key['id']}")).status_code == 204
    assert await status(world, key["key"]) == 401
    await root.http.aclose()


async def test_administrators_have_the_accounts_without_an_owner(world: World, ana: Person) -> None:
    root = await sign_up(world, "root", admin=True)
    body = {"username": "ops", "display_name": "Ops", "admin": True}
    made = (await root.http.post("/v1/admin/services", json=body)).json()
    account = made["user"]["id"]
    assert (await ana.http.get(f"{ACCOUNTS}/{account}/keys")).status_code == 404
    with_admin, without = await key_of(root, account, "admin"), await key_of(root, account, "read")
    assert await status(world, with_admin["key"], "/v1/admin/users") == 200
    assert await status(world, without["key"], "/v1/admin/users") == 403
    async with client_of(world, with_admin["key"]) as http:  # no key makes users
        another = {"username": "another", "display_name": "Another", "admin": True}
        for path in ("/v1/admin/services", "/v1/admin/people"):
            refused = await http.post(path, json=another)
            assert refused.json()["code"] == "insufficient_scope"
    mine = await account_of(ana)
    asked = {"name": "too much", "scopes": ["admin"]}
    refused = await ana.http.post(f"{ACCOUNTS}/{mine}/keys", json=asked)
    assert refused.json()["errors"][0]["pointer"] == "/scopes"
    await root.http.aclose()


async def test_a_deleted_account_is_nobody_and_its_keys_open_nothing(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account)
    assert await status(world, key["key"]) == 200
    assert (await ana.http.delete(f"{ACCOUNTS}/{account}")).status_code == 204
    assert await status(world, key["key"]) == 401
    assert (await ana.http.get(ACCOUNTS)).json()["items"] == []
    assert (await ana.http.get(f"{ACCOUNTS}/{account}/keys")).status_code == 404


async def test_a_program_acts_for_who_allowed_it_and_it_is_kept(
    world: World, ana: Person, bia: Person, group: str
) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account, "read", "send", "act")
    async with client_of(world, key["key"]) as http:
        # Not even for the person who owns the account.
        for person in (ana, bia):
            refused = await http.get("/v1/users/me", headers={BEHALF: person.id})
            assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
        assert (await bia.http.put(f"{DELEGATES}/{account}")).status_code == 204
        http.headers[BEHALF] = bia.id.upper()
        assert (await http.get("/v1/users/me")).json()["id"] == bia.id
        said = await say(Person(bia.id, "bia", http, {}), group, "From the shop")
        assert said["from"] == bia.id
    acts = (await bia.http.get(f"{DELEGATES}/acts")).json()["items"]
    assert [one["what"] for one in acts] == ["POST /v1/messages", "GET /v1/users/me"]
    assert {(one["account_id"], one["key_id"], one["user_id"]) for one in acts} == {
        (account, key["id"], bia.id)
    }
    assert (await ana.http.get(f"{ACCOUNTS}/{account}/acts")).json()["items"] == acts
    assert (await ana.http.get(f"{DELEGATES}/acts")).json()["items"] == []
    first = (await bia.http.get(f"{DELEGATES}/acts?limit=1")).json()
    rest = (await bia.http.get(f"{DELEGATES}/acts?limit=1&cursor={first['next']}")).json()
    assert [*first["items"], *rest["items"]] == acts
    assert rest["next"] is None


async def test_a_withdrawn_consent_ends_it_with_the_next_call(
    world: World, ana: Person, bia: Person
) -> None:
    account = await account_of(ana)
    key = (await key_of(ana, account, "read", "act"))["key"]
    behalf = {BEHALF: bia.id}
    await bia.http.put(f"{DELEGATES}/{account}")
    assert await status(world, key, **behalf) == 200
    [delegate] = (await bia.http.get(DELEGATES)).json()["items"]
    assert (delegate["account"]["id"], delegate["account"]["username"]) == (account, "reports")
    assert (await bia.http.delete(f"{DELEGATES}/{account}")).status_code == 204
    assert await status(world, key, **behalf) == 403
    assert (await bia.http.get(DELEGATES)).json()["items"] == []


async def test_acting_takes_the_scope_act_and_gives_no_more_than_the_key_has(
    world: World, ana: Person, bia: Person
) -> None:
    account = await account_of(ana)
    root = await sign_up(world, "root", admin=True)
    for person in (bia, root):
        await person.http.put(f"{DELEGATES}/{account}")
    without = (await key_of(ana, account, "read", "send", "manage"))["key"]
    assert await status(world, without, **{BEHALF: bia.id}) == 403
    key = (await key_of(ana, account, "read", "webhooks", "act"))["key"]
    assert await status(world, key, "/v1/webhook-endpoints") == 200
    assert await status(world, key, "/v1/webhook-endpoints", **{BEHALF: bia.id}) == 403
    assert await status(world, key, "/v1/admin/users", **{BEHALF: root.id}) == 403
    assert await status(world, key, DELEGATES, **{BEHALF: bia.id}) == 403
    assert await status(world, key, **{BEHALF: "bia"}) == 400
    # A person's token acts for nobody.
    refused = await ana.http.get("/v1/users/me", headers={BEHALF: bia.id})
    assert refused.status_code == 403
    body = {"conversation_id": bia.id, "payload": {"type": "text", "text": "x"}}
    refused = await ana.http.post("/v1/messages", json=body, headers={BEHALF: bia.id})
    assert refused.status_code == 403
    await root.http.aclose()


async def test_only_a_service_account_is_allowed_to_act(ana: Person, bia: Person) -> None:
    refused = await ana.http.put(f"{DELEGATES}/{bia.id}")
    assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["account"]}, "/scopes/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "/expires_at"),
        ({"per_minute": 6_001}, "/per_minute"),
        ({"per_minute": 0}, "/per_minute"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    ana: Person, body: dict[str, Any], pointer: str
) -> None:
    account = await account_of(ana)
    whole = {"name": "nightly", "scopes": ["read"], **body}
    refused = await ana.http.post(f"{ACCOUNTS}/{account}/keys", json=whole)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_there_are_so_many_accounts_and_keys_and_no_more(world: World, ana: Person) -> None:
    accounts = [await account_of(ana, f"bot-{n}") for n in range(20)]
    refused = await ana.http.post(ACCOUNTS, json={"username": "bot-20"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    keys = [await key_of(ana, accounts[0]) for _ in range(20)]
    path = f"{ACCOUNTS}/{accounts[0]}/keys"
    body = {"name": "one more", "scopes": ["read"]}
    assert (await ana.http.post(path, json=body)).status_code == 409
    await ana.http.delete(f"{path}/{keys[0]['id']}")
    assert (await ana.http.post(path, json=body)).status_code == 201
    assert await status(world, keys[1]["key"]) == 200


async def tokens_for(world: World, **form: str) -> httpx.Response:
    async with client_of(world) as http:
        form = {"grant_type": "client_credentials", **form}
        return await http.post("/v1/auth/token", data=form)


async def test_a_key_gets_tokens_that_are_good_for_no_more_and_end_with_it(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    until = (world.clock() + timedelta(seconds=60)).isoformat()
    key = await key_of(ana, account, "read", "send", expires_at=until, per_minute=3)
    got = await tokens_for(world, client_id=key["id"], client_secret=key["key"])
    assert got.json()["scope"] == "read send"
    assert 55 <= got.json()["expires_in"] <= 60
    named = {"client_id": "reports", "client_secret": key["key"]}
    narrow = (await tokens_for(world, **named, scope="read")).json()
    assert narrow["scope"] == "read"
    async with client_of(world, narrow["access_token"]) as http:
        me = await http.get("/v1/users/me")
        assert (me.json()["id"], me.headers["ratelimit"]) == (account, '"key";r=2;t=20')
        body = {"conversation_id": ana.id, "payload": {"type": "text", "text": "x"}}
        refused = await http.post("/v1/messages", json=body)
        assert refused.json()["code"] == "insufficient_scope"
    assert await status(world, got.json()["access_token"]) == 200
    await ana.http.delete(f"{ACCOUNTS}/{account}/keys/{key['id']}")
    for token in (got.json()["access_token"], narrow["access_token"]):
        assert await status(world, token) == 401


async def test_a_key_of_another_client_or_for_more_than_it_is_good_for_gets_no_token(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    key, other = await key_of(ana, account), await key_of(ana, account)
    mixed = await tokens_for(world, client_id=other["id"], client_secret=key["key"])
    assert (mixed.status_code, mixed.json()["error"]) == (401, "invalid_client")
    asked = {"client_id": key["id"], "client_secret": key["key"], "scope": "read send"}
    more = await tokens_for(world, **asked)
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert more.headers["content-type"] == "application/json"


async def test_who_finds_a_key_can_stop_it_and_who_finds_a_token_stops_that_alone(
    world: World, ana: Person
) -> None:
    account = await account_of(ana)
    key = await key_of(ana, account)
    named = {"client_id": key["id"], "client_secret": key["key"]}
    tokens = [(await tokens_for(world, **named)).json()["access_token"] for _ in range(2)]
    async with client_of(world) as nobody:
        await nobody.post("/v1/auth/revoke", data={"token": tokens[0]})
        told = [await status(world, one) for one in (*tokens, key["key"])]
        assert told == [401, 200, 200]
        await nobody.post("/v1/auth/revoke", data={"token": key["key"]})
    assert [await status(world, one) for one in (*tokens, key["key"])] == [401, 401, 401]
    [listed] = (await ana.http.get(f"{ACCOUNTS}/{account}/keys")).json()["items"]
    assert listed["revoked_at"] is not None
