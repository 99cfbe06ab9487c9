"""Programs that use the client, against a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from chat4all.client import (
    Client,
    Conflict,
    Invalid,
    MessageAdded,
    NotFound,
    NotReached,
    Payload,
    RateLimited,
    StatusChanged,
    Unauthenticated,
    Unavailable,
)
from chat4all.domain.ids import new_id
from tests.client.people import (
    PASSWORD,
    events_until,
    history,
    make_lossy,
    register,
    two_people,
)

pytestmark = pytest.mark.timeout(120)


async def test_two_people_talk(url: str) -> None:
    async with two_people(url, "ada", "bob") as (ada, bob, talk):
        begin = await bob.cursor()
        sent = await ada.send(talk, "Hello Bob")
        [*_, heard] = await events_until(bob, begin, lambda one: isinstance(one, MessageAdded))
        assert isinstance(heard, MessageAdded)
        assert (heard.message.message_id, heard.message.sender) == (sent.message_id, ada.user.id)
        assert heard.message.payload == Payload(type="text", text="Hello Bob")

        begin = await ada.cursor()
        await bob.mark_read(talk, heard.message.seq)
        place = Payload(type="location", latitude=-23.5, longitude=-46.6)
        await bob.send(talk, place, reply_to=sent.message_id, metadata={"mood": "good"})
        read, answer = await events_until(ada, begin, lambda one: isinstance(one, MessageAdded))
        assert isinstance(read, StatusChanged)
        assert (read.message_id, read.status) == (sent.message_id, "read")
        assert isinstance(answer, MessageAdded)
        assert answer.message.payload == place
        assert (answer.message.reply_to, answer.message.metadata) == (
            sent.message_id,
            {"mood": "good"},
        )

        assert [one.message_id for one in await history(bob, talk, 2)] == [
            sent.message_id,
            answer.message.message_id,
        ]
        assert (await ada.status(sent.message_id)).recipients[0].status == "read"
        edited = await ada.edit(sent.message_id, "Hello, Bob!")
        assert edited.payload == Payload(type="text", text="Hello, Bob!")
        [shown] = [one async for one in bob.conversations()]
        assert (shown.id, shown.unread_count) == (talk, 0)
        assert [one.id async for one in ada.find_users("bob")] == [bob.user.id]


async def test_a_message_is_sent_later_listed_and_cancelled(url: str) -> None:
    async with two_people(url, "ida", "jon") as (ida, _jon, talk):
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        made = await ida.send_later(talk, "Soon", at, message_id=new_id())
        clock = at.replace(tzinfo=None) + timedelta(hours=1)
        local = await ida.send_later(talk, "Later", clock, time_zone="Asia/Kathmandu")
        assert local.local_time is not None
        assert local.local_time.replace(tzinfo=None) == clock
        assert [one async for one in ida.scheduled()] == [local, made]
        assert made.send_at == at
        moved = await ida.edit_scheduled(local.message_id, at=clock + timedelta(minutes=5))
        assert (moved.time_zone, moved.payload) == ("Asia/Kathmandu", local.payload)
        assert moved.send_at - local.send_at == timedelta(minutes=5)
        local = await ida.edit_scheduled(local.message_id, "Much later")
        assert (local.payload.text, local.send_at) == ("Much later", moved.send_at)
        with pytest.raises(Invalid):
            await ida.edit_scheduled(local.message_id, time_zone="Asia/Tokyo")
        for _ in range(2):
            await ida.cancel(made.message_id)
        assert [one async for one in ida.scheduled()] == [local]
        [gone] = [one async for one in ida.scheduled(state="cancelled")]
        assert (gone.message_id, gone.payload) == (made.message_id, made.payload)
        with pytest.raises(Invalid):
            await ida.send_later(talk, "Past", at - timedelta(days=9))


async def test_history_goes_over_its_pages(url: str) -> None:
    async with two_people(url, "pages", "reader") as (one, _, talk):
        for part in (range(300), range(300, 450)):
            messages = [
                {"conversation_id": talk, "payload": {"type": "text", "text": str(number)}}
                for number in part
            ]
            await one.call("POST", "/v1/messages/batch", {"messages": messages})
        found = await history(one, talk, 450)
        assert [each.seq for each in found] == list(range(1, 451))
        assert [each.text for each in found] == [str(number) for number in range(450)]
        assert [each.seq async for each in one.history(talk, after_seq=448)] == [449, 450]


async def test_a_send_whose_answers_were_lost_is_one_message(url: str) -> None:
    async with two_people(url, "lossy", "listener") as (one, _, talk):
        lossy = make_lossy(one)
        lossy.lose = 2
        sent = await one.send(talk, "once")
        bodies = [request.content for request in lossy.asked]
        assert bodies == bodies[:1] * 3
        [message] = await history(one, talk, 1)
        assert message.message_id == sent.message_id
        with pytest.raises(Conflict) as refused:
            await one.send(talk, "something else", message_id=sent.message_id)
        assert (refused.value.status, refused.value.code) == (409, "message_id_conflict")


async def test_what_may_work_later_is_sent_again_when_it_was_told(url: str) -> None:
    async with two_people(url, "later", "patient") as (one, _, talk):
        lossy = make_lossy(one)
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        lossy.refuse = [
            httpx.Response(429, headers={"Retry-After": "1"}),
            httpx.Response(502),
            httpx.Response(503, headers={"Retry-After": date}),
            httpx.Response(504),
        ]
        began = time.monotonic()
        await one.send(talk, "at last")
        assert len(lossy.asked) == 5
        assert time.monotonic() - began > 1.0


async def test_a_call_ends_at_its_deadline(url: str) -> None:
    await register(url, "hasty")
    async with Client.sign_in(url, "hasty", PASSWORD, patience=2.0) as hasty:
        lossy = make_lossy(hasty)
        began = time.monotonic()
        lossy.refuse = [httpx.Response(503, headers={"Retry-After": "60"})]
        with pytest.raises(Unavailable) as refused:
            await hasty.cursor()
        assert refused.value.retry_after == 60.0
        lossy.lose = 1_000
        with pytest.raises(NotReached, match="the connection broke"):
            await hasty.cursor()
        assert time.monotonic() - began < 30.0
        assert len(lossy.asked) > 2
        lossy.asked.clear()
        with pytest.raises(NotReached):  # nobody said that it can be repeated
            await hasty.call("POST", "/v1/contacts", {"display_name": "Grace", "channels": []})
        assert len(lossy.asked) == 1
        lossy.lose = 0


async def test_errors_say_what_the_server_said(url: str) -> None:
    async with two_people(url, "wrong", "right") as (one, _, talk):
        with pytest.raises(Invalid) as invalid:
            await one.send(talk, "")
        assert (invalid.value.code, invalid.value.status) == ("validation_failed", 400)
        assert invalid.value.title == "Validation failed"
        assert [each.pointer for each in invalid.value.errors] == ["/payload/text"]
        assert str(invalid.value).startswith(f"{invalid.value.detail} (/payload/text: ")
        with pytest.raises(NotFound) as missing:
            await one.send(new_id(), "Hello?")
        assert missing.value.code == "conversation_not_found"
        lossy = make_lossy(one)
        lossy.refuse = [httpx.Response(429, headers={"Retry-After": "3600"})]
        with pytest.raises(RateLimited, match="the server answered 429"):
            await one.send(talk, "too much")
        with pytest.raises(ValueError, match="this cursor is not one of ours"):
            await anext(one.events("1.x"))
    with pytest.raises(Unauthenticated, match="wrong username or password"):
        async with Client.sign_in(url, "wrong", "not the password"):
            pass


async def test_a_sign_in_ends_with_its_block(url: str) -> None:
    await register(url, "leaver")
    async with Client.sign_in(url, "leaver", PASSWORD) as leaver:
        token = await leaver._connection.token()
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {token}"}
        assert (await http.get("/v1/users/me", headers=headers)).status_code == 401


async def test_a_token_that_is_refused_is_renewed_once_for_all_who_wait(url: str) -> None:
    await register(url, "renewer")
    async with Client.sign_in(url, "renewer", PASSWORD) as renewer:
        token = await renewer._connection.token()
        await renewer._connection._http.post("/v1/auth/revoke", data={"token": token})
        lossy = make_lossy(renewer)
        await asyncio.gather(*[renewer.cursor() for _ in range(5)])
        grants = [one.content for one in lossy.asked if one.url.path == "/v1/auth/token"]
        # The refresh token went with the sign-in that was revoked; then the password does it.
        assert [one.split(b"&")[0] for one in grants] == [
            b"grant_type=refresh_token",
            b"grant_type=password",
        ]


def test_importing_the_client_brings_no_server() -> None:
    program = "import chat4all.client, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "httpx" in loaded
    assert not loaded & {"litestar", "sqlalchemy", "pydantic", "uvicorn", "structlog"}
    ours = {name.split(".")[1] for name in done.stdout.split() if name.startswith("chat4all.")}
    assert ours == {"client", "domain"}
