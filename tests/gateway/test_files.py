"""Files: begun, sent, completed, read, shown, deleted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chat4all.domain.files import MAX_FILE_BYTES
from chat4all.domain.ids import new_id
from tests.gateway.world import (
    QUOTA,
    Person,
    World,
    announcement,
    append,
    begin,
    client_of,
    upload,
)

DATA = bytes(range(256)) * 40


async def initiate(person: Person, **fields: Any) -> httpx.Response:
    return await person.http.post("/v1/files/initiate", json=fields)


async def show(person: Person, talk: str, file_id: str, **more: Any) -> httpx.Response:
    payload = {"type": "document", "file_id": file_id, "caption": "Look"}
    body = {"conversation_id": talk, "payload": payload, **more}
    return await person.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"})


async def state_of(person: Person, file_id: str) -> str:
    return str((await person.http.get(f"/v1/files/{file_id}")).json()["state"])


async def until_state(person: Person, file_id: str, state: str) -> None:
    async with asyncio.timeout(30):
        while True:
            if await state_of(person, file_id) == state:
                return
            await asyncio.sleep(0.01)


async def kept(world: World) -> list[str]:
    """Return every object and unfinished upload that the store has."""
    objects = world.files.storage.objects
    published = [one.key async for one in objects.objects()]
    return published + [token async for token, _ in objects.unfinished()]


async def test_a_file_is_announced_sent_completed_and_read(
    ana: Person, bia: Person, group: str
) -> None:
    file_id = await begin(ana, group, DATA, name="cat é.png")
    shown = (await bia.http.get(f"/v1/files/{file_id}")).json()
    assert (shown["state"], shown["name"], shown["owner_id"]) == ("uploading", "cat é.png", ana.id)
    assert (await append(ana, file_id, 0, DATA[:99])).headers["upload-offset"] == "99"
    assert (await ana.http.get(f"/v1/files/{file_id}")).json()["offset"] == 99
    assert (await bia.http.get(f"/v1/files/{file_id}/content")).status_code == 409
    assert (await append(ana, file_id, 99, DATA[99:])).headers["upload-offset"] == str(len(DATA))
    assert (await bia.http.get(f"/v1/files/{file_id}/content")).status_code == 409
    for _ in range(2):  # a repeat is no error
        answer = await ana.http.post(f"/v1/files/{file_id}/complete")
        assert (answer.status_code, answer.json()["state"]) == (200, "ready")
    read = await bia.http.get(f"/v1/files/{file_id}/content")
    assert read.content == DATA
    assert read.headers["content-type"] == "image/png"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert read.headers["content-disposition"].startswith('inline; filename="cat _.png";')


async def test_a_repeat_with_the_same_id_goes_on_with_the_same_upload(
    ana: Person, bia: Person, group: str
) -> None:
    body = announcement(group, DATA, file_id=new_id())
    first, second = await initiate(ana, **body), await initiate(ana, **body)
    assert first.json() == second.json()
    assert (await initiate(ana, **{**body, "size": 5})).status_code == 409
    assert (await initiate(bia, **body)).status_code == 409


async def test_what_is_too_large_is_refused_before_anything_is_sent(
    ana: Person, group: str
) -> None:
    body = announcement(group, DATA)
    answer = await initiate(ana, **{**body, "size": MAX_FILE_BYTES + 1})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = await initiate(ana, **{**body, "size": QUOTA + 1})
    assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")


async def test_other_bytes_than_announced_are_refused_and_gone(
    world: World, ana: Person, group: str
) -> None:
    file_id = await begin(ana, group, DATA)
    await append(ana, file_id, 0, DATA[::-1])
    for _ in range(2):
        answer = await ana.http.post(f"/v1/files/{file_id}/complete")
        assert (answer.status_code, answer.json()["code"]) == (422, "checksum_mismatch")
    assert await state_of(ana, file_id) == "failed"
    assert (await ana.http.get(f"/v1/files/{file_id}/content")).status_code == 410
    assert await kept(world) == []


async def test_a_file_of_no_bytes_is_a_file(ana: Person, group: str) -> None:
    file_id = await begin(ana, group, b"")
    assert (await ana.http.post(f"/v1/files/{file_id}/complete")).status_code == 200
    read = await ana.http.get(f"/v1/files/{file_id}/content")
    assert (read.status_code, read.content, read.headers["content-length"]) == (200, b"", "0")


async def test_a_message_shows_a_file_that_is_ready_and_of_its_conversation(
    ana: Person, bia: Person, group: str
) -> None:
    unfinished = await begin(ana, group, DATA)
    answer = await show(ana, group, unfinished)
    assert (answer.status_code, answer.json()["code"]) == (409, "file_not_ready")
    ready = await upload(ana, group, DATA)
    body = {"type": "private", "member_ids": [bia.id]}
    elsewhere = (await ana.http.post("/v1/conversations", json=body)).json()["id"]
    answer = await show(ana, elsewhere, ready)
    assert answer.json()["errors"] == [
        {"pointer": "/payload/file_id", "detail": "no such file here"}
    ]
    answer = await show(ana, group, ready.upper())
    assert answer.status_code == 201
    payload = {"type": "document", "file_id": ready, "caption": "Look", "name": "cat.png"}
    assert answer.json()["payload"] == payload


async def test_an_edit_changes_the_caption_and_keeps_the_file(ana: Person, group: str) -> None:
    first, second = await upload(ana, group, DATA), await upload(ana, group, DATA[:5])
    message = (await show(ana, group, first)).json()["message_id"]
    for file_id, status in ((first, 200), (second, 409)):
        payload = {"type": "document", "file_id": file_id, "caption": "A cat"}
        answer = await ana.http.patch(f"/v1/messages/{message}", json={"payload": payload})
        assert answer.status_code == status
    for words in ("A cat", "cat.png"):  # by its caption, and by the name of its file
        found = await ana.http.get("/v1/messages/search", params={"q": words})
        assert [one["message_id"] for one in found.json()["items"]] == [message]


async def test_bytes_go_with_the_last_message_that_shows_them(ana: Person, group: str) -> None:
    file_id = await upload(ana, group, DATA)
    messages = [(await show(ana, group, file_id)).json()["message_id"] for _ in range(2)]
    refused = await ana.http.delete(f"/v1/files/{file_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    for message in messages:
        assert (await ana.http.get(f"/v1/files/{file_id}/content")).status_code == 200
        await ana.http.delete(f"/v1/messages/{message}", params={"for": "everyone"})
    await until_state(ana, file_id, "deleted")
    answer = await ana.http.get(f"/v1/files/{file_id}/content")
    assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")


async def test_hiding_a_message_keeps_its_file(ana: Person, bia: Person, group: str) -> None:
    file_id = await upload(ana, group, DATA)
    message = (await show(ana, group, file_id)).json()["message_id"]
    await ana.http.delete(f"/v1/messages/{message}", params={"for": "me"})
    await show(ana, group, file_id)
    assert (await bia.http.get(f"/v1/files/{file_id}/content")).content == DATA


async def test_the_files_of_a_deleted_conversation_go(
    world: World, ana: Person, group: str
) -> None:
    shown, begun = await upload(ana, group, DATA), await begin(ana, group, DATA)
    await show(ana, group, shown)
    assert (await ana.http.delete(f"/v1/conversations/{group}")).status_code == 204
    async with asyncio.timeout(30):
        while True:
            if not await kept(world):
                break
            await asyncio.sleep(0.01)
    assert (await ana.http.get(f"/v1/files/{begun}")).status_code == 404


async def test_a_link_serves_anybody_until_it_expires(
    world: World, ana: Person, group: str, anonymous: httpx.AsyncClient
) -> None:
    file_id = await upload(ana, group, DATA)
    made = await ana.http.post(f"/v1/files/{file_id}/links", json={"expires_in": 60})
    url = httpx.URL(made.json()["url"])
    assert (await anonymous.get(url)).content == DATA
    part = await anonymous.get(url, headers={"Range": "bytes=-3"})
    assert (part.status_code, part.content) == (206, DATA[-3:])
    for name, value in {
        "expires": str(int(url.params["expires"]) + 1),
        "signature": url.params["signature"][:-1] + "x",
        "disposition": "attachment",
    }.items():
        forged = await anonymous.get(url.copy_set_param(name, value))
        assert forged.status_code == 403, name
    other = await upload(ana, group, DATA[:7])
    assert (await anonymous.get(str(url).replace(file_id, other))).status_code == 403
    world.clock.ahead = timedelta(seconds=61)
    late = await anonymous.get(url)
    assert (late.status_code, late.json()["code"]) == (403, "not_permitted")


async def test_a_link_may_ask_a_browser_to_save_the_file(
    world: World, ana: Person, group: str
) -> None:
    file_id = await upload(ana, group, DATA)
    body = {"expires_in": 60, "disposition": "attachment"}
    url = (await ana.http.post(f"/v1/files/{file_id}/links", json=body)).json()["url"]
    async with client_of(world) as anybody:
        read = await anybody.get(url)
        assert read.headers["content-disposition"] == 'attachment; filename="cat.png"'
        bare = httpx.URL(url).copy_remove_param("disposition")
        assert (await anybody.get(bare)).status_code == 403


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-0", 206, DATA[:1]),
        ("bytes=100-199", 206, DATA[100:200]),
        ("bytes=10000-", 206, DATA[10000:]),
        ("bytes=-10", 206, DATA[-10:]),
        ("bytes=-999999", 206, DATA),
        ("bytes=10-999999", 206, DATA[10:]),
        ("bytes=0-1,5-6", 200, DATA),
        ("bytes=9-5", 200, DATA),
        ("bytes=", 200, DATA),
        ("lines=1-2", 200, DATA),
        ("bytes=-0", 416, None),
        (f"bytes={len(DATA)}-", 416, None),
    ],
)
async def test_a_range_is_answered_as_rfc_9110_says(
    ana: Person, group: str, asked: str, status: int, expected: bytes | None
) -> None:
    file_id = await upload(ana, group, DATA)
    answer = await ana.http.get(f"/v1/files/{file_id}/content", headers={"Range": asked})
    assert answer.status_code == status
    if expected is None:
        assert answer.headers["content-range"] == f"bytes */{len(DATA)}"
        return
    assert answer.content == expected
    assert answer.headers["content-length"] == str(len(expected))
    assert ("content-range" in answer.headers) == (status == 206)


async def test_what_the_client_has_is_not_sent_again(ana: Person, group: str) -> None:
    file_id = await upload(ana, group, DATA)
    path = f"/v1/files/{file_id}/content"
    head = await ana.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["content-length"], head.headers["accept-ranges"]) == (
        str(len(DATA)),
        "bytes",
    )
    etag = head.headers["etag"]
    for known in (etag, f'W/{etag}, "x"', "*"):
        answer = await ana.http.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    ranged = {"Range": "bytes=0-1"}
    same = await ana.http.get(path, headers={**ranged, "If-Range": etag})
    other = await ana.http.get(path, headers={**ranged, "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/png", "inline"),
        ("image/avif", "inline"),
        ("video/mp4", "inline"),
        ("audio/ogg", "inline"),
        ("application/pdf", "attachment"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/xhtml+xml", "attachment"),
    ],
)
async def test_only_what_can_do_no_harm_is_shown_in_place(
    ana: Person, group: str, mime_type: str, kind: str
) -> None:
    file_id = await upload(ana, group, DATA, mime_type=f"{mime_type}; codecs=opus", name="a")
    answer = await ana.http.get(f"/v1/files/{file_id}/content")
    assert answer.headers["content-type"] == mime_type
    assert answer.headers["content-disposition"] == f'{kind}; filename="a"'


async def test_vanished_bytes_are_gone_and_an_audit_tells(
    world: World, ana: Person, group: str
) -> None:
    file_id = await upload(ana, group, DATA)
    [stored] = [one async for one in world.files.storage.objects.objects()]
    await world.files.storage.objects.delete(stored.key)
    answer = await ana.http.get(f"/v1/files/{file_id}/content")
    assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
    found = [one async for one in world.deps.integrity.findings()]
    assert [(one.check, one.conversation_id) for one in found] == [("missing_object", group)]


async def test_parts_go_to_a_store_that_takes_them_and_else_the_answer_says_where(
    ana: Person, bia: Person, group: str
) -> None:
    file_id = await begin(ana, group, DATA)
    body = {"number": 1, "checksum": f"sha256:{'0' * 64}"}
    refused = await ana.http.post(f"/v1/files/{file_id}/parts", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "upload_url" in refused.json()["detail"]
    stranger = await bia.http.post(f"/v1/files/{file_id}/parts", json=body)
    assert stranger.status_code == 404
