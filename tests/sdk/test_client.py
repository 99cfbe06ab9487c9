"""Programs that use the TypeScript client, against a real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from chat4all.domain.ids import new_id
from tests.client.people import PASSWORD, register
from tests.sdk.node_client import ThrownError, node_client
from tests.sdk.node_people import signed_in, two_node_people, whole_history

pytestmark = pytest.mark.timeout(120)


async def test_two_people_talk(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-ada", "ts-bob") as (ada, bob, talk):
        bob.begun("follow", {"cursor": await bob.call("cursor")})
        ada.begun("follow", {"cursor": await ada.call("cursor")})
        sent = await ada.call("send", talk, "Hello Bob")
        [heard] = await bob.until("message", 1)
        assert heard["message"]["message_id"] == sent["message_id"]
        assert heard["message"]["payload"] == {"type": "text", "text": "Hello Bob"}

        await bob.call("markRead", talk, heard["message"]["seq"])
        place = {"type": "location", "latitude": -23.5, "longitude": -46.6}
        options = {"replyTo": sent["message_id"], "metadata": {"mood": "good"}}
        await bob.call("send", talk, place, options)
        _, answer = [one["message"] for one in await ada.until("message", 2)]
        [read] = await ada.until("status", 1)
        assert (read["message_id"], read["status"]) == (sent["message_id"], "read")
        assert {**answer["payload"], **place} == answer["payload"]
        assert answer["reply_to"] == sent["message_id"]
        assert answer["metadata"] == {"mood": "good"}

        kept = [one["message_id"] for one in await bob.call("history", talk)]
        assert kept == [sent["message_id"], answer["message_id"]]
        status = await ada.call("status", sent["message_id"])
        assert status["recipients"][0]["status"] == "read"
        edited = await ada.call("edit", sent["message_id"], "Hello, Bob!")
        assert edited["payload"]["text"] == "Hello, Bob!"
        [shown] = await bob.call("conversations")
        assert (shown["id"], shown["unread_count"]) == (talk, 0)
        assert [one["id"] for one in await ada.call("findUsers", "ts-bob")] == [bob.user["id"]]


async def test_messages_are_scheduled_listed_changed_and_cancelled(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-later-ida", "ts-later-jon") as (ida, jon, talk):
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        about = await ida.call("send", talk, "Lunch?")
        name, options = new_id(), {"replyTo": about["message_id"], "metadata": {"mood": "good"}}
        first = {**options, "messageId": name, "timeZone": "Asia/Kathmandu"}
        made = await ida.call("sendLaterOn", talk, "Soon", at.isoformat(), first)
        assert made["message_id"] == name
        assert datetime.fromisoformat(made["send_at"]) == at
        assert (made["reply_to"], made["metadata"]) == (about["message_id"], {"mood": "good"})
        clock = at.replace(tzinfo=None) + timedelta(hours=1)
        zone = {"timeZone": "Asia/Kathmandu"}
        local = await ida.call("sendLater", talk, "Later", clock.isoformat(), zone)
        assert datetime.fromisoformat(local["local_time"]).replace(tzinfo=None) == clock
        assert await ida.call("scheduled") == [local, made]  # a clock there is ahead
        assert await jon.call("scheduled") == []

        later = {"at": (clock + timedelta(days=1)).isoformat()}
        moved = await ida.call("editScheduled", local["message_id"], later)
        assert moved["local_time"][:16] == later["at"][:16]
        assert moved["time_zone"] == "Asia/Kathmandu"
        with pytest.raises(ThrownError, match="Invalid"):  # a zone alone says nothing
            await ida.call("editScheduled", name, {"timeZone": "Asia/Tokyo"})
        changed = await ida.call("editScheduled", name, {"what": "Sooner"})
        assert changed["payload"]["text"] == "Sooner"
        assert changed["send_at"] == made["send_at"]
        assert await ida.call("scheduled") == [changed, moved]

        for _ in range(2):
            await ida.call("cancel", name)
        assert await ida.call("scheduled") == [moved]
        [gone] = await ida.call("scheduled", {"state": "cancelled"})
        assert gone["message_id"] == name
        with pytest.raises(ThrownError) as late:
            await ida.call("editScheduled", name, {"what": "Never"})
        assert (late.value.name, late.value.fields["code"]) == ("Conflict", "too_late")
        with pytest.raises(ThrownError, match="Invalid"):
            await ida.call("sendLater", talk, "Past", (at - timedelta(days=9)).isoformat())


async def test_a_scheduled_message_goes_out_once_though_answers_were_lost(
    url: str, folder: Path
) -> None:
    async with two_node_people(url, folder, "ts-later-kim", "ts-later-lou") as (kim, lou, talk):
        lou.begun("follow", {"cursor": await lou.call("cursor")})
        await kim.call("asked")
        await kim.call("instead", "lost", {"status": 503, "headers": {"Retry-After": "0"}})
        at = datetime.now(UTC) + timedelta(seconds=2)
        made = await kim.call("sendLater", talk, "Good morning", at.isoformat())
        bodies = [asked["body"] for asked in await kim.call("asked") if asked["body"]]
        assert bodies == bodies[:1] * 3
        [heard] = await lou.until("message", 1)
        assert heard["message"]["message_id"] == made["message_id"]
        assert datetime.fromisoformat(heard["message"]["created_at"]) >= at
        assert len(await lou.call("history", talk)) == 1
        assert await kim.call("scheduled") == []


async def test_history_goes_over_its_pages(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-pages", "ts-reader") as (one, _, talk):
        for part in (range(300), range(300, 450)):
            messages = [
                {"conversation_id": talk, "payload": {"type": "text", "text": str(number)}}
                for number in part
            ]
            await one.call("call", "POST", "/v1/messages/batch", {"body": {"messages": messages}})
        found = await whole_history(one, talk, 450)
        assert [each["seq"] for each in found] == list(range(1, 451))
        assert [each["payload"]["text"] for each in found] == [str(number) for number in range(450)]
        later = await one.call("history", talk, {"afterSeq": 448})
        assert [each["seq"] for each in later] == [449, 450]


async def test_a_send_whose_answers_were_lost_is_one_message(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-lossy", "ts-listener") as (one, _, talk):
        one.begun("follow", {"cursor": await one.call("cursor")})
        await one.call("asked")
        await one.call("instead", "lost", "lost")
        sent = await one.call("send", talk, "once")
        bodies = [asked["body"] for asked in await one.call("asked") if asked["body"]]
        assert bodies == bodies[:1] * 3
        await one.until("message", 1)
        [message] = await one.call("history", talk)
        assert message["message_id"] == sent["message_id"]
        with pytest.raises(ThrownError) as refused:
            await one.call("send", talk, "other", {"messageId": sent["message_id"]})
        assert refused.value.name == "Conflict"
        assert refused.value.fields["code"] == "message_id_conflict"


async def test_what_may_work_later_is_sent_again_when_it_was_told(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-later", "ts-patient") as (one, _, talk):
        await one.call("asked")
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        answers = [
            {"status": 429, "headers": {"Retry-After": "1"}},
            {"status": 502},
            {"status": 503, "headers": {"Retry-After": date}},
            {"status": 504},
        ]
        await one.call("instead", *answers)
        began = time.monotonic()
        await one.call("send", talk, "at last")
        assert len(await one.call("asked")) == 5
        assert time.monotonic() - began > 1.0


async def test_a_call_ends_at_its_deadline(url: str, folder: Path) -> None:
    await register(url, "ts-hasty")
    async with signed_in(url, folder, "ts-hasty", patience=2.0) as hasty:
        await hasty.call("instead", {"status": 503, "headers": {"Retry-After": "60"}})
        with pytest.raises(ThrownError) as refused:
            await hasty.call("cursor")
        assert (refused.value.name, refused.value.fields["retryAfter"]) == ("Unavailable", 60)
        await hasty.call("asked")
        await hasty.call("instead", *["lost"] * 100)
        with pytest.raises(ThrownError, match="NotReached"):
            await hasty.call("cursor")
        assert len(await hasty.call("asked")) > 2
        with pytest.raises(ThrownError, match="NotReached"):  # nobody said it can be repeated
            await hasty.call("call", "POST", "/v1/contacts", {"body": {"display_name": "Grace"}})
        assert len(await hasty.call("asked")) == 1
        await hasty.call("forget")
        await hasty.call("instead", {"status": 401}, "late")  # the token is not renewed in time
        began = time.monotonic()
        with pytest.raises(ThrownError, match=r"NotReached.*it is late"):
            await hasty.call("cursor")
        assert time.monotonic() - began < 45.0


async def test_errors_say_what_the_server_said(url: str, folder: Path) -> None:
    async with two_node_people(url, folder, "ts-wrong", "ts-right") as (one, _, talk):
        with pytest.raises(ThrownError) as invalid:
            await one.call("send", talk, "")
        fields = invalid.value.fields
        assert invalid.value.name == "Invalid"
        assert (fields["code"], fields["status"]) == ("validation_failed", 400)
        assert fields["title"] == "Validation failed"
        assert fields["kinds"] == ["Refused", "ClientError"]
        assert [each["pointer"] for each in fields["errors"]] == ["/payload/text"]
        assert invalid.value.message.startswith(f"{fields['detail']} (/payload/text: ")
        with pytest.raises(ThrownError) as missing:
            await one.call("send", new_id(), "Hello?")
        assert missing.value.name == "NotFound"
        assert missing.value.fields["code"] == "conversation_not_found"
        await one.call("instead", {"status": 429, "headers": {"Retry-After": "3600"}})
        with pytest.raises(ThrownError, match=r"RateLimited.*the server answered 429"):
            await one.call("send", talk, "too much")
        with pytest.raises(ThrownError, match="this cursor is not one of ours"):
            await one.call("follow", {"cursor": "1.x"})
    async with node_client(folder) as stranger:
        with pytest.raises(ThrownError) as refused:
            await stranger.call("signIn", url, "ts-wrong", "not the password")
        assert refused.value.name == "Unauthenticated"


async def test_a_sign_in_ends_at_the_server(url: str, folder: Path) -> None:
    await register(url, "ts-leaver")
    async with (
        signed_in(url, folder, "ts-leaver") as leaver,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        refresh = [one for one in await leaver.call("asked") if one["path"] == "/v1/auth/token"]
        assert len(refresh) == 1
        await leaver.call("signOut")
        [left] = await leaver.call("asked")
        [token] = parse_qs(left["body"])["token"]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        assert left["path"] == "/v1/auth/revoke"
        assert (await http.post("/v1/auth/token", data=form)).status_code == 400


async def test_a_token_that_is_refused_is_renewed_once_for_all_who_wait(
    url: str, folder: Path
) -> None:
    await register(url, "ts-renewer")
    async with signed_in(url, folder, "ts-renewer") as renewer:
        await renewer.call("asked")
        await renewer.call("instead", *[{"status": 401}] * 5)
        await renewer.call("atOnce", 5, "cursor")
        asked = await renewer.call("asked")
        forms = [one["body"] for one in asked if one["path"] == "/v1/auth/token"]
        assert [parse_qs(form)["grant_type"] for form in forms] == [["refresh_token"]]


async def test_events_need_a_websocket_and_say_so(url: str, folder: Path) -> None:
    await register(url, "ts-old")
    async with node_client(folder) as old:
        await old.call("signIn", url, "ts-old", PASSWORD, {"WebSocket": None})
        with pytest.raises(ThrownError, match="no WebSocket: pass that of the package `ws`"):
            await old.call("follow", {})
