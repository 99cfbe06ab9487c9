"""Messages are edited and deleted over the WebSocket as they are over REST."""

from __future__ import annotations

from typing import Any

from chat4all.domain.api_keys import Scope
from chat4all.domain.ids import MessageId, new_id
from tests.gateway.test_api_keys_live import Socket, Talk, a_talk, saying


async def said(talk: Talk, socket: Socket, words: str) -> str:
    """Say something; return the id of the message once it has its place."""
    socket.say(**saying(talk, words))
    return str((await socket.until("message"))["message"]["message_id"])


async def refused(socket: Socket, **frame: Any) -> dict[str, Any]:
    """Return the answer to a frame that is refused."""
    socket.frames = [one for one in socket.frames if one["type"] != "error"]
    socket.say(request_id="bad", **frame)
    return await socket.until("error")


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


async def test_an_edit_is_answered_and_told() -> None:
    async with a_talk() as talk:
        key = (await talk.key(Scope.READ, Scope.SEND)).text
        async with talk.socket(key) as socket:
            about = await said(talk, socket, "Lunch at noon?")
            edit = {"type": "edit", "message_id": about.upper(), "payload": text("At one?")}
            socket.say(request_id="edit", **edit)
            assert await socket.until("done") == {
                "type": "done",
                "request_id": "edit",
                "message_id": about,
            }
            told = (await socket.until("edited"))["message"]
            assert (told["message_id"], told["payload"]["text"]) == (about, "At one?")


async def test_a_message_is_deleted_for_everyone_unless_it_is_for_me() -> None:
    async with a_talk() as talk:
        key = (await talk.key(Scope.READ, Scope.SEND)).text
        store = talk.process.store
        for whom, gone in (({"for": "me"}, False), ({}, True)):
            async with talk.socket(key) as socket:
                about = await said(talk, socket, f"Forget this {gone}")
                socket.say(type="delete", request_id="delete", message_id=about, **whom)
                assert (await socket.until("done"))["message_id"] == about
                assert (await socket.until("deleted"))["message_id"] == about
                [kept] = (await store.find([MessageId(about)])).values()
                assert (kept.message.deleted_at is not None) is gone


async def test_what_cannot_be_changed_is_refused_with_its_place() -> None:
    async with a_talk() as talk:
        key = (await talk.key(Scope.READ, Scope.SEND)).text
        async with talk.socket(key) as socket:
            about = await said(talk, socket, "Hello")
            empty = await refused(socket, type="edit", message_id=about, payload=text(""))
            assert (empty["code"], empty["request_id"]) == ("validation_failed", "bad")
            assert [one["pointer"] for one in empty["errors"]] == ["/payload/text"]
            place = {"type": "location", "latitude": 1, "longitude": 2}
            other = await refused(socket, type="edit", message_id=about, payload=place)
            assert other["code"] == "conflict"
            whom = await refused(socket, type="delete", message_id=about, **{"for": "nobody"})
            assert [one["pointer"] for one in whom["errors"]] == ["/for"]
        async with talk.socket((await talk.key(Scope.READ)).text) as socket:
            await socket.until("ready")
            edit = {"type": "edit", "message_id": about, "payload": text("Not mine to say")}
            assert (await refused(socket, **edit))["code"] == "insufficient_scope"


async def test_while_the_store_stays_behind_an_answer_is_to_come_again_later() -> None:
    async with a_talk() as talk:
        key = (await talk.key(Scope.READ, Scope.SEND)).text
        async with talk.socket(key) as socket:
            about = await said(talk, socket, "Lunch?")
            await talk.process.__aexit__()  # the router is gone: nothing is stored any more
            socket.say(**saying(talk, "Anybody?"))
            await socket.until("accepted")
            message = {**saying(talk, "To what?")["message"], "reply_to": new_id()}
            error = await refused(socket, type="send", message=message)
            assert (error["code"], error["retry_after"]) == ("unavailable", 1)
            message["reply_to"] = about
            socket.frames.clear()
            socket.say(type="send", request_id="answer", message=message)
            assert (await socket.until("accepted"))["request_id"] == "answer"
