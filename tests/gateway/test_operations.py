"""Administration, phones, callbacks, health, documents and the web client."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chat4all.domain.ids import new_id
from chat4all.ports.event_log import Record
from chat4all.ports.phones import Phone
from chat4all.services.audit.notes import Notes, Progress, Told, write_notes
from tests.gateway.world import Person, World


async def account(root: Person) -> dict[str, Any]:
    body = {"platform": "telegram", "name": "Shop", "config": {"token": "12:secret"}}
    answer = await root.http.post("/v1/admin/connectors/accounts", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_accounts_are_managed_and_their_secrets_never_shown(root: Person) -> None:
    made = await account(root)
    assert made["config_keys"] == ["token"]
    path = f"/v1/admin/connectors/accounts/{made['id']}"
    off = await root.http.patch(path, json={"enabled": False, "config": {"token": "34:other"}})
    assert off.json()["enabled"] is False
    listed = await root.http.get("/v1/admin/connectors/accounts")
    assert [one["id"] for one in listed.json()["items"]] == [made["id"]]
    assert "secret" not in listed.text
    assert "other" not in off.text
    assert (await root.http.delete(path)).status_code == 204
    assert (await root.http.get(path)).json()["code"] == "account_not_found"


async def test_an_account_needs_a_connector_and_an_owner(root: Person) -> None:
    path = "/v1/admin/connectors/accounts"
    unknown = await root.http.post(path, json={"platform": "pigeon", "name": "Post"})
    assert unknown.json()["errors"][0]["pointer"] == "/platform"
    body = {"platform": "telegram", "name": "Shop", "owner_id": new_id()}
    assert (await root.http.post(path, json=body)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "connectors",
        "connectors/accounts",
        "users",
        "nodes",
        "integrity",
        "integrity/check",
        "dead-letters",
    ],
)
async def test_administration_takes_an_administrator(
    ana: Person, root: Person, anonymous: httpx.AsyncClient, path: str
) -> None:
    assert (await anonymous.get(f"/v1/admin/{path}")).status_code == 401
    refused = await ana.http.get(f"/v1/admin/{path}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert (await root.http.get(f"/v1/admin/{path}")).status_code == 200


async def test_dead_letters_are_listed_and_tried_again(world: World, root: Person) -> None:
    await world.event_log.append([Record("commands", "nowhere", b"not a command")])
    async with asyncio.timeout(30):
        while not (letters := (await root.http.get("/v1/admin/dead-letters")).json()["items"]):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert letters[0]["stream"] == "commands"
    path = f"/v1/admin/dead-letters/{letters[0]['id']}/redrive"
    assert (await root.http.post(path)).status_code == 200
    assert (await root.http.post("/v1/admin/dead-letters/0.999/redrive")).status_code == 404
    assert (await root.http.post("/v1/admin/dead-letters/x/redrive")).status_code == 400


async def test_integrity_counts_findings_per_check(root: Person, group: str) -> None:
    report = (await root.http.get("/v1/admin/integrity/check")).json()
    assert set(report["findings"].values()) == {0}
    assert report["first"] == []


async def test_a_repair_tells_what_it_did_and_takes_no_range_that_means_nothing(
    root: Person, group: str
) -> None:
    path = "/v1/admin/integrity/repair"
    report = (await root.http.post(path, json={"first": 0, "dry_run": True})).json()
    assert (report["filled"], report["unclear"], report["stopped_at"]) == (0, 0, None)
    for wrong in (
        {"first": -1},
        {"last": 2**80},
        {"partition": "0"},
        {"since": "2026-03-01T00:00:00"},
        {"after": "0.1\n"},
        {"after": "0.-1"},
        {"form": 3},
    ):
        refused = await root.http.post(path, json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed"), wrong


async def test_operators_see_what_the_auditor_knows(world: World, root: Person) -> None:
    report = (await root.http.get("/v1/admin/integrity")).json()
    assert (report["proven_until"], report["looked_at"], report["parts"]) == (None, None, [])
    at = datetime(2026, 3, 1, tzinfo=UTC)
    told = Told(
        course="numbers",
        check="sequence_gap",
        conversation_id="c",
        detail="seq 3 is missing",
        found_at=at,
        seen_at=at,
    )
    numbers = Progress(proven_until=at, cycle_seconds=2.5, found={"sequence_gap": 1})
    notes = Notes(looked_at=at, courses={"numbers": numbers}, latest=[told])
    await write_notes(world.deps.audit_notes, notes)
    report = (await root.http.get("/v1/admin/integrity")).json()
    assert report["proven_until"] == "2026-03-01T00:00:00Z"
    assert report["parts"][0]["cycle_seconds"] == 2.5
    assert report["findings"]["sequence_gap"] == 1
    assert report["findings"]["lost_record"] == 0
    assert report["latest"][0]["detail"] == "seq 3 is missing"
    notes.courses["cursors"] = Progress()
    await write_notes(world.deps.audit_notes, notes)
    report = (await root.http.get("/v1/admin/integrity")).json()
    assert report["proven_until"] is None


async def test_phones_are_their_contacts_owners(world: World, ana: Person, eve: Person) -> None:
    world.phones.owned[ana.id, "p1"] = Phone(external_id="p1", display_name="Carla")
    world.phones.owned[eve.id, "p2"] = Phone(external_id="p2", display_name="Dora")
    listed = (await ana.http.get("/v1/mock/phones")).json()["items"]
    assert listed == [{"external_id": "p1", "display_name": "Carla", "online": True, "fail": None}]
    wrote = await ana.http.post("/v1/mock/phones/p1/messages", json={"text": "Hi"})
    assert (wrote.status_code, wrote.json()["text"]) == (201, "Hi")
    changed = await ana.http.patch("/v1/mock/phones/p1", json={"fail": "temporary"})
    assert (changed.json()["fail"], changed.json()["online"]) == ("temporary", True)
    changed = await ana.http.patch("/v1/mock/phones/p1", json={"online": False})
    assert (changed.json()["fail"], changed.json()["online"]) == ("temporary", False)
    changed = await ana.http.patch("/v1/mock/phones/p1", json={"fail": None})
    assert changed.json()["fail"] is None
    assert (await ana.http.post("/v1/mock/phones/p1/read", json={})).status_code == 204
    refused = [
        await eve.http.get("/v1/mock/phones/p1"),
        await eve.http.patch("/v1/mock/phones/p1", json={"online": True}),
        await eve.http.post("/v1/mock/phones/p1/messages", json={"text": "Hi"}),
        await eve.http.post("/v1/mock/phones/p1/read"),
    ]
    refused += await _files_of_a_phone(ana, eve)
    assert {one.status_code for one in refused} == {404}
    hers = (await eve.http.get("/v1/mock/phones")).json()["items"]
    assert [one["external_id"] for one in hers] == ["p2"]


async def _files_of_a_phone(ana: Person, eve: Person) -> list[httpx.Response]:
    """Send a file from Ana's phone and read it there; return what Eve is answered."""
    path, data = "/v1/mock/phones/p1", b"<script>alert(1)</script>"
    about = {"name": "../sea.html", "mime_type": "text/html", "caption": "Look"}
    typed = {"Content-Type": "application/octet-stream"}
    sent = await ana.http.post(f"{path}/files", params=about, content=data, headers=typed)
    assert (sent.status_code, sent.json()["payload"]["caption"]) == (201, "Look")
    assert sent.json()["file"] == {"name": "sea.html", "mime_type": "text/html", "size": len(data)}
    read = await ana.http.get(f"{path}/messages/{sent.json()['external_id']}/file")
    assert read.content == data
    assert read.headers["content-disposition"] == 'attachment; filename="sea.html"'
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (await ana.http.get(f"{path}/messages/m1/file")).status_code == 404
    named = await ana.http.post(f"{path}/files", params=about, json={"file": "?"})
    assert named.status_code == 415
    nameless = await ana.http.post(f"{path}/files", params={"name": "x"}, content=data)
    assert nameless.status_code == 400
    return [
        await eve.http.post(f"{path}/files", params=about, content=data, headers=typed),
        await eve.http.get(f"{path}/messages/m2/file"),
    ]


async def test_callbacks_hand_the_raw_body_over(
    world: World, root: Person, anonymous: httpx.AsyncClient
) -> None:
    made = await account(root)
    path = f"/v1/webhooks/telegram/{made['id']}"
    raw = b'{"spaces":  "kept"}\n'
    taken = await anonymous.post(path, content=raw, headers={"Content-Type": "application/json"})
    assert taken.status_code == 200
    asked = await anonymous.get(path, params={"challenge": "42"})
    assert asked.text == "42"
    assert world.callbacks == [
        ("telegram", made["id"], "POST", raw),
        ("telegram", made["id"], "GET", b""),
    ]
    forged = await anonymous.post(path, content=b"forged")
    assert (forged.status_code, forged.json()["code"]) == (401, "webhook_rejected")
    unknown = await anonymous.post(f"/v1/webhooks/telegram/{new_id()}", content=b"{}")
    assert unknown.status_code == 404
    large = await anonymous.post(path, content=b"x" * (10 * 1024 * 1024 + 1))
    assert large.status_code == 413


async def test_health_and_metrics_need_no_sign_in(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/healthz")).json() == {"status": "ok"}
    metrics = await anonymous.get("/metrics", headers={"Accept": "text/plain;version=0.0.4"})
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "up 1" in metrics.text


@pytest.mark.parametrize(
    "path", ["/", "/phone", "/trace", "/admin", "/docs", "/js/main.js", "/docs/docs.js"]
)
async def test_pages_are_served_with_a_strict_policy_and_an_etag(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    page = await anonymous.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-cache"
    known = await anonymous.get(path, headers={"If-None-Match": page.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert (await anonymous.head(path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/js/none.js", "/js/../pyproject.toml", "/js/%2e%2e/x", "/schema"]
)
async def test_nothing_else_is_served(anonymous: httpx.AsyncClient, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 404


async def test_the_docs_page_loads_nothing_from_elsewhere(anonymous: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        assert "//" not in (await anonymous.get(path)).text.replace("https://www.rfc", "")


async def test_the_asyncapi_document_names_every_frame(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    named = set(document["components"]["messages"])
    assert {"client.auth", "client.send", "server.ready", "server.status"} <= named
    for reference in references(document):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [one for child in value.values() for one in references(child)]
    if isinstance(value, list):
        return [one for child in value for one in references(child)]
    return []


async def test_every_reference_of_the_openapi_document_leads_somewhere(
    anonymous: httpx.AsyncClient,
) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert "\\Z" not in json.dumps(document)
