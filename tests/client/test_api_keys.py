"""Programs that use the client with an API key, against a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat4all.client import Client, MessageAdded, NotPermitted, Unauthenticated
from tests.client.people import Listener, events_until, history, make_lossy, two_people
from tests.client.programs import allow, forbid, is_online, program_of

pytestmark = pytest.mark.timeout(120)


async def test_a_program_is_its_service_account_and_follows_what_happens(
    url: str, tmp_path: Path
) -> None:
    async with two_people(url, "ada", "bob") as (ada, _, _):
        made = await program_of(ada, "reports", "read", "send", "manage")
        (tmp_path / "notes.txt").write_text("Notes")
        async with Client.with_api_key(url, made.key) as program:
            assert (program.user.id, program.user.kind) == (made.id, "service")
            talk = await program.private_chat(ada.user.id)
            begin = await program.cursor()
            await program.send(talk.id, "All is well")
            await program.send_file(talk.id, tmp_path / "notes.txt")
            found = await history(ada, talk.id, 2)
            assert [one.sender for one in found] == [made.id] * 2
            await ada.send(talk.id, "Thank you")
            events = await events_until(
                program,
                begin,
                lambda one: isinstance(one, MessageAdded) and one.message.text == "Thank you",
            )
            assert sum(isinstance(one, MessageAdded) for one in events) == 3
            shown = found[1].payload
            assert shown is not None
            assert shown.file_id is not None
            await program.download(shown.file_id, tmp_path / "copy.txt")
            assert (tmp_path / "copy.txt").read_text() == "Notes"


async def test_a_key_that_only_sends_does(url: str) -> None:
    async with two_people(url, "sam", "tom") as (sam, _, _):
        made = await program_of(sam, "alarm", "send")
        talk = await sam.private_chat(made.id)
        async with Client.with_api_key(url, made.key) as program:
            await program.send(talk.id, "The house burns")
            assert [one.text for one in await history(sam, talk.id, 1)] == ["The house burns"]
            with pytest.raises(NotPermitted, match="the scope read"):
                _ = program.user
            with pytest.raises(NotPermitted, match="the scope read"):
                await anext(program.events())


async def test_a_program_acts_as_a_user_who_allowed_it(url: str) -> None:
    async with two_people(url, "uma", "vic") as (uma, vic, talk):
        made = await program_of(vic, "assistant", "read", "send", "act")
        with pytest.raises(NotPermitted, match="does not let"):
            async with Client.with_api_key(url, made.key, on_behalf_of=uma.user.id):
                pass
        await allow(uma, made)
        async with Client.with_api_key(url, made.key, on_behalf_of=uma.user.id) as program:
            assert program.user.id == uma.user.id
            async with Listener(program, await program.cursor()).listening() as told:
                await program.send(talk, "I am not there")
                await vic.send(talk, "Who says so?")
                assert [one.sender for one in await told.until(2)] == [uma.user.id, vic.user.id]
            acts = (await uma.call("GET", "/v1/users/me/delegates/acts"))["items"]
            assert {"POST /v1/messages", "websocket"} <= {one["what"] for one in acts}
            await forbid(uma, made)
            with pytest.raises(NotPermitted, match="does not let"):
                await program.send(talk, "And now?")
            with pytest.raises(NotPermitted, match="does not let"):
                await anext(program.events())


async def test_a_key_that_was_revoked_ends_calls_uploads_and_events(
    url: str, tmp_path: Path
) -> None:
    async with two_people(url, "wim", "xia") as (wim, _, talk):
        made = await program_of(wim, "gone", "read", "send")
        await wim.private_chat(made.id)  # whose presence is told to who knows it
        (tmp_path / "notes.txt").write_text("Notes")
        async with Client.with_api_key(url, made.key) as program:
            following = asyncio.ensure_future(anext(program.events(await program.cursor())))
            await is_online(made)
            await made.revoke()
            with pytest.raises(Unauthenticated, match="does not take this API key"):
                await asyncio.wait_for(following, 30)
            lossy = make_lossy(program)
            with pytest.raises(Unauthenticated, match="does not take this API key"):
                await program.send(talk, "Still here?")
            assert len(lossy.asked) == 1
            with pytest.raises(Unauthenticated):
                await asyncio.wait_for(program.upload(talk, tmp_path / "notes.txt"), 30)
    with pytest.raises(Unauthenticated, match="does not take this API key"):
        async with Client.with_api_key(url, made.key):
            pass
