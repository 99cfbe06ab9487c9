"""The distributed column, once through every channel; `--column distributed` runs all the rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.channel_files import Office, open_office, picture
from tests.e2e.column import DISTRIBUTED, ROLES, chosen

pytestmark = [pytest.mark.timeout(600), pytest.mark.own_engines]

RITA = "+5511955550001"
PATIENCE = 90.0
WORDS = "Who brings coffee?"


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "name", DISTRIBUTED)


async def test_a_photo_and_a_text_go_through_every_channel(
    tmp_path: Path, distributed: None
) -> None:
    assert Counter(words.split()[0] for words in ROLES.values()) == {
        "gateway": 2,
        "router": 2,
        "notifier": 2,
        "connector": 3,
        "files": 1,
        "presence": 1,
        "auditor": 1,
    }
    async with open_office(tmp_path) as office:
        group = await with_rita(office)
        await office.olga.say(group, [WORDS])
        await at_ritas(office, lambda one: one["text"] == f"Olga: {WORDS}")
        photo = picture(64, 64)
        await send_from_rita(office, photo)
        message = await office.olga.until(
            f"conversations/{group}/messages",
            lambda page: next((one for one in page["items"] if "file_id" in one["payload"]), None),
        )
        assert message["payload"]["caption"] == "I do"
        await office.olga.until(
            f"files/{message['payload']['file_id']}", lambda file: file["state"] == "ready"
        )
        assert await office.content(message["payload"]["file_id"]) == photo
        view = await office.ana.wait_for(
            lambda chat: any(one.kind == "image" for one in chat.messages), within=PATIENCE
        )
        [theirs] = [one for one in view.messages if one.kind == "image"]
        assert office.ana.download(theirs) == photo
        seen = await office.tom.wait_for(
            lambda chat: any(one.caption == "Rita: I do" for one in chat.messages), within=PATIENCE
        )
        assert [one for one in seen.texts if WORDS in one] == [f"Olga: {WORDS}"]


async def with_rita(office: Office) -> str:
    """Return the group of the three, and Rita with a simulated phone."""
    group = await office.group()
    card = {"display_name": "Rita", "channels": [{"platform": "mock", "external_id": RITA}]}
    rita = await office.olga.post("contacts", card)
    body = {"user_id": rita["id"], "role": "member"}
    await office.olga.post(f"conversations/{group}/members", body)
    return group


async def at_ritas(office: Office, wanted: Any) -> None:
    """Wait until her phone shows a message."""
    await office.olga.until(
        f"mock/phones/{RITA}", lambda phone: any(wanted(one) for one in phone["messages"])
    )


async def send_from_rita(office: Office, photo: bytes) -> None:
    headers = {
        "Authorization": f"Bearer {office.olga.token}",
        "Content-Type": "application/octet-stream",
    }
    named = {"name": "cup.png", "mime_type": "image/png", "caption": "I do"}
    async with httpx.AsyncClient(base_url=office.url, trust_env=False, timeout=60.0) as http:
        path = f"/v1/mock/phones/{RITA}/files"
        answer = await http.post(path, params=named, headers=headers, content=photo)
        answer.raise_for_status()
