"""Programs that use the TypeScript client with an API key, against a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.client.people import history, two_people
from tests.client.programs import allow, forbid, is_online, program_of
from tests.sdk.node_client import ThrownError, node_client

pytestmark = pytest.mark.timeout(120)


async def test_a_program_is_its_service_account_and_follows_what_happens(
    url: str, folder: Path, tmp_path: Path
) -> None:
    async with two_people(url, "ada", "bob") as (ada, _, _), node_client(folder) as program:
        made = await program_of(ada, "reports", "read", "send", "manage")
        (tmp_path / "notes.txt").write_text("Notes")
        await program.call("withApiKey", url, made.key)
        assert (await program.call("user"))["id"] == made.id
        talk = (await program.call("privateChat", ada.user.id))["id"]
        program.begun("follow", {"cursor": await program.call("cursor")})
        await program.call("send", talk, "All is well")
        await program.call("sendFile", talk, str(tmp_path / "notes.txt"), {"type": "text/plain"})
        found = await history(ada, talk, 2)
        assert [one.sender for one in found] == [made.id] * 2
        await ada.send(talk, "Thank you")
        await program.until("message", 3)
        assert [one["from"] for one in program.messages] == [made.id, made.id, ada.user.id]
        copy = tmp_path / "copy.txt"
        shown = found[1].payload
        assert shown is not None
        await program.call("download", shown.file_id, str(copy))
        assert copy.read_text() == "Notes"
        await program.call("signOut")
        async with node_client(folder) as another:
            await another.call("withApiKey", url, made.key)


async def test_a_key_that_only_sends_does(url: str, folder: Path) -> None:
    async with two_people(url, "sam", "tom") as (sam, _, _), node_client(folder) as program:
        made = await program_of(sam, "alarm", "send")
        talk = await sam.private_chat(made.id)
        await program.call("withApiKey", url, made.key)
        await program.call("send", talk.id, "The house burns")
        assert [one.text for one in await history(sam, talk.id, 1)] == ["The house burns"]
        for what in ("user", "follow"):
            with pytest.raises(ThrownError, match="the scope read") as thrown:
                await asyncio.wait_for(program.begun(what, *[{}] * (what == "follow")), 30)
            assert thrown.value.name == "NotPermitted"


async def test_a_program_acts_as_a_user_who_allowed_it(url: str, folder: Path) -> None:
    async with two_people(url, "uma", "vic") as (uma, vic, talk), node_client(folder) as program:
        made = await program_of(vic, "assistant", "read", "send", "act")
        options = {"onBehalfOf": uma.user.id}
        with pytest.raises(ThrownError, match="does not let"):
            await program.call("withApiKey", url, made.key, options)
        await allow(uma, made)
        await program.call("withApiKey", url, made.key, options)
        assert (await program.call("user"))["id"] == uma.user.id
        program.begun("follow", {"cursor": await program.call("cursor")})
        await program.call("send", talk, "I am not there")
        await vic.send(talk, "Who says so?")
        await program.until("message", 2)
        assert [one["from"] for one in program.messages] == [uma.user.id, vic.user.id]
        acts = (await uma.call("GET", "/v1/users/me/delegates/acts"))["items"]
        assert {"POST /v1/messages", "websocket"} <= {one["what"] for one in acts}
        await forbid(uma, made)
        for later in (program.begun("send", talk, "And now?"), program.begun("follow", {})):
            with pytest.raises(ThrownError, match="does not let") as thrown:
                await asyncio.wait_for(later, 30)
            assert thrown.value.name == "NotPermitted"


async def test_a_key_that_was_revoked_ends_calls_uploads_and_events(
    url: str, folder: Path, tmp_path: Path
) -> None:
    async with two_people(url, "wim", "xia") as (wim, _, talk), node_client(folder) as program:
        made = await program_of(wim, "gone", "read", "send")
        await wim.private_chat(made.id)  # whose presence is told to who knows it
        (tmp_path / "notes.txt").write_text("Notes")
        await program.call("withApiKey", url, made.key)
        following = program.begun("follow", {})
        await is_online(made)
        await made.revoke()
        later = [
            following,
            program.begun("send", talk, "Still here?"),
            program.begun("upload", talk, str(tmp_path / "notes.txt"), {}),
            program.begun("withApiKey", url, made.key),
        ]
        for one in later:
            with pytest.raises(ThrownError, match="does not take this API key") as thrown:
                await asyncio.wait_for(one, 30)
            assert thrown.value.name == "Unauthenticated"
