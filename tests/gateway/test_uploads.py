"""The tus calls, case by case."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.world import BYTES, TUS, Person, World, append, begin, client_of

DATA = b"0123456789" * 100


def metadata(**words: str) -> str:
    return ",".join(f"{key} {b64encode(word.encode()).decode()}" for key, word in words.items())


def of(group: str, data: bytes) -> dict[str, str]:
    checksum = f"sha256:{hashlib.sha256(data).hexdigest()}"
    words = metadata(filename="cat.png", checksum=checksum, conversation_id=group)
    return {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": words}


async def test_options_tell_what_there_is_without_a_token(world: World) -> None:
    async with client_of(world) as nobody:
        answer = await nobody.options("/v1/files/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert "creation-with-upload" in answer.headers["tus-extension"]
    assert answer.headers["tus-max-size"] == str(2 << 30)


async def test_a_tus_client_creates_looks_and_appends(ana: Person, group: str) -> None:
    made = await ana.http.post("/v1/files/uploads", headers=of(group, DATA))
    assert (made.status_code, made.headers["tus-resumable"]) == (201, "1.0.0")
    where = made.headers["location"]
    head = await ana.http.head(where, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("0", "1000")
    assert head.headers["cache-control"] == "no-store"
    assert "upload-expires" in head.headers
    headers = {**BYTES, "Upload-Offset": "0"}
    assert (await ana.http.patch(where, headers=headers, content=DATA)).status_code == 204
    head = await ana.http.head(where, headers=TUS)
    assert head.headers["upload-offset"] == "1000"
    file_id = where.rpartition("/")[2]
    assert (await ana.http.post(f"/v1/files/{file_id}/complete")).json()["name"] == "cat.png"
    after = await ana.http.head(where, headers=TUS)  # a client that looks once more is done
    assert (after.status_code, after.headers["upload-offset"]) == (200, "1000")


async def test_the_creation_may_carry_the_first_bytes(ana: Person, group: str) -> None:
    headers = {**of(group, DATA), "Content-Type": BYTES["Content-Type"]}
    made = await ana.http.post("/v1/files/uploads", headers=headers, content=DATA[:10])
    assert (made.status_code, made.headers["upload-offset"]) == (201, "10")


@pytest.mark.parametrize(
    "change",
    [
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": ""},
        {"Upload-Metadata": "filename"},
        {"Upload-Metadata": "filename !!!"},
        {"Upload-Metadata": "filename Y2F0,filename Y2F0"},
        {"Upload-Metadata": "filename /w=="},
        {"Upload-Metadata": ",,"},
        {"Upload-Metadata": metadata(filename="a", checksum="md5:1", conversation_id="x")},
        {"Upload-Metadata": "x " + "A" * 9000},
        {"Upload-Defer-Length": "1"},
        {"Upload-Checksum": "crc32 AAAA", "Content-Type": BYTES["Content-Type"]},
    ],
)
async def test_a_creation_that_cannot_be_read_is_refused(
    ana: Person, group: str, change: dict[str, str]
) -> None:
    headers = {**of(group, DATA), **change}
    answer = await ana.http.post("/v1/files/uploads", headers=headers, content=b"")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Tus-Resumable": ""}, 412),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Upload-Offset": "1"}, 409),
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 " + b64encode(b"x" * 20).decode()}, 460),
    ],
)
async def test_a_patch_that_is_not_right_keeps_nothing(
    ana: Person, group: str, headers: dict[str, str], status: int
) -> None:
    file_id = await begin(ana, group, DATA)
    path = f"/v1/files/uploads/{file_id}"
    given = {**BYTES, "Upload-Offset": "0", **headers}
    answer = await ana.http.patch(path, headers=given, content=DATA)
    assert answer.status_code == status
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert (await ana.http.head(path, headers=TUS)).headers["upload-offset"] == "0"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_a_right_checksum_keeps_the_bytes(ana: Person, group: str, algorithm: str) -> None:
    file_id = await begin(ana, group, DATA)
    digest = b64encode(hashlib.new(algorithm, DATA[:500]).digest()).decode()
    headers = {**BYTES, "Upload-Offset": "0", "Upload-Checksum": f"{algorithm} {digest}"}
    path = f"/v1/files/uploads/{file_id}"
    answer = await ana.http.patch(path, headers=headers, content=DATA[:500])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "500")


async def test_more_bytes_than_announced_are_refused(ana: Person, group: str) -> None:
    file_id = await begin(ana, group, DATA)
    assert (await append(ana, file_id, 0, DATA + b"x")).status_code == 413

    async def pieces() -> Any:
        for _ in range(11):
            yield DATA[:100]

    headers = {**BYTES, "Upload-Offset": "0"}
    path = f"/v1/files/uploads/{file_id}"
    answer = await ana.http.patch(path, headers=headers, content=pieces())
    assert answer.status_code == 413
    assert (await ana.http.head(path, headers=TUS)).headers["upload-offset"] == "1000"


async def test_an_ended_upload_is_gone(ana: Person, bia: Person, group: str) -> None:
    file_id = await begin(ana, group, DATA)
    path = f"/v1/files/uploads/{file_id}"
    assert (await bia.http.delete(path, headers=TUS)).status_code == 404
    assert (await ana.http.delete(path, headers=TUS)).status_code == 204
    assert (await ana.http.head(path, headers=TUS)).status_code == 410
    assert (await append(ana, file_id, 0, DATA)).status_code == 410
    assert (await ana.http.post(f"/v1/files/{file_id}/complete")).status_code == 410


async def test_an_expired_upload_is_gone(world: World, ana: Person, group: str) -> None:
    file_id = await begin(ana, group, DATA)
    world.clock.ahead = timedelta(hours=25)
    tokens = await world.deps.sign_in.with_password("ana", "correct horse battery", source="t")
    ana.http.headers["Authorization"] = f"Bearer {tokens.access_token}"
    assert (await append(ana, file_id, 0, DATA)).status_code == 410


async def test_a_client_that_can_only_post_says_what_it_means(ana: Person, group: str) -> None:
    file_id = await begin(ana, group, DATA)
    path = f"/v1/files/uploads/{file_id}"
    headers = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await ana.http.post(path, headers=headers, content=DATA)
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "1000")
    assert (await ana.http.post(path, headers=TUS)).status_code == 400
