"""The AsyncAPI document is in order, and what is really posted is what it says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chat4all.domain.webhooks import EVENT_KINDS, SWITCHED_OFF, TYPE_PREFIX
from chat4all.gateway.rest.asyncapi import asyncapi_document
from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.e2e.test_webhooks import NETWORKS, Receiver
from tests.servers.asyncapi_packages import PACKAGES
from tests.servers.cache import Missing, skip_for

WARNING = 1
CHECK = Path(sys.executable).with_name("check-jsonschema")


def test_the_validator_of_asyncapi_finds_no_error_and_nothing_to_warn_of(tmp_path: Path) -> None:
    """It is the library that `asyncapi validate` calls; all of `@asyncapi/cli` is 1.5 GB."""
    try:
        place = PACKAGES.folder()
    except Missing as missing:
        skip_for(missing)
    command = ["node", str(place / "validate.mjs")]
    done = subprocess.run(
        command,
        input=json.dumps(asyncapi_document()),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [one for one in json.loads(done.stdout) if one["severity"] <= WARNING] == []


def test_every_kind_of_event_that_is_posted_has_a_message() -> None:
    posted = asyncapi_document()["channels"]["webhook"]["messages"]
    assert set(posted) == {TYPE_PREFIX + one for one in (*EVENT_KINDS, "test", SWITCHED_OFF)}


@pytest.mark.slow
async def test_what_is_posted_is_what_the_document_says(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, NETWORKS) as url,
        Receiver().on() as receiver,
        Account(url, "ana").signed_up("Ana") as ana,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        endpoint = await ana.post("webhook-endpoints", {"url": receiver.url})
        await what_has_every_kind(ana, bia)
        await ana.post(f"webhook-endpoints/{endpoint['id']}/test", {})
        events = await by_kind(receiver, len(EVENT_KINDS) + 1)
    assert set(events) == {TYPE_PREFIX + one for one in (*EVENT_KINDS, "test")}
    for kind, event in events.items():
        await fits(tmp_path, kind, event)
        event["data"]["type"] = "something else"
        with pytest.raises(AssertionError):
            await fits(tmp_path, kind, event)


async def what_has_every_kind(ana: Account, bia: Account) -> None:
    talk = await ana.chat_with(bia)
    [first, second] = await ana.say(talk, ["Hello", "Goodbye"])
    await bia.history(talk, 2)
    await bia.post(f"conversations/{talk}/read", {"up_to_seq": 2})
    await ana.patch(f"messages/{first}", {"payload": {"type": "text", "text": "Hello!"}})
    answer = await bia.ask("PUT", f"/v1/messages/{first}/reactions/👍")
    answer.raise_for_status()
    (await ana.ask("DELETE", f"/v1/messages/{second}")).raise_for_status()


async def by_kind(receiver: Receiver, count: int) -> dict[str, dict[str, Any]]:
    """Return one event of each kind once so many kinds came."""
    async with asyncio.timeout(60):
        while True:
            events = [json.loads(body) for _, body in receiver.taken]
            found = {event["type"]: event for event in events}
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def fits(folder: Path, kind: str, event: dict[str, Any]) -> None:
    """Hold an event to its schema in the document."""
    components = asyncapi_document()["components"]
    schema = {"$ref": f"#/components/messages/{kind}/payload", "components": components}
    for name, value in (("schema.json", schema), ("event.json", event)):
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    words = ["--schemafile", "schema.json", "event.json"]
    process = await asyncio.create_subprocess_exec(
        CHECK, *words, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
