"""What belongs to others is not found: an answer does not tell that it exists."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e import raw_http
from tests.e2e.account import Account
from tests.e2e.watched_server import Watched, watched_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = str(uuid.UUID(int=7))


@dataclass(frozen=True)
class Scene:
    """Ana, the administrator, has things that Eva must not learn of; Bia talks with Ana."""

    server: Watched
    ana: Account
    bia: Account
    eva: Account
    things: dict[str, str]

    async def ask(self, who: Account, method: str, path: str, body: Any = None) -> raw_http.Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        return await raw_http.send(
            self.server.address, f"/v1/{path}", raw, token=who.token, method=method
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with (
        watched_server(tmp_path_factory.mktemp("access")) as server,
        Account(server.url, "ana").signed_up("Ana") as ana,
        Account(server.url, "bia").signed_up("Bia") as bia,
        Account(server.url, "eva").signed_up("Eva") as eva,
    ):
        conversation = await ana.chat_with(bia)
        group = {"type": "group", "name": "Club", "member_ids": [bia.user_id]}
        channel = {"platform": "mock", "external_id": "+351900000001"}
        contact = {
            "display_name": "Carl",
            "channels": [{**channel, "external_id": "+351900000002"}],
        }
        things = {
            "conversation": conversation,
            "group": (await ana.post("conversations", group))["id"],
            "message": (await ana.say(conversation, ["the treasure is under the oak"]))[0],
            "contact": (await ana.post("contacts", contact))["id"],
            "channel": (await ana.post("users/me/channels", channel))["id"],
            "ana": ana.user_id,
        }
        yield Scene(server, ana, bia, eva, things)


TEXT = {"type": "text", "text": "mine"}
SECRETS = [
    ("GET", "conversations/{conversation}", None),
    ("PATCH", "conversations/{group}", {"name": "x"}),
    ("DELETE", "conversations/{group}", None),
    ("POST", "conversations/{group}/members", {"user_id": NOBODY}),
    ("PATCH", "conversations/{group}/members/{ana}", {"role": "member"}),
    ("DELETE", "conversations/{group}/members/{ana}", None),
    ("POST", "conversations/{group}/leave", None),
    ("POST", "conversations/{conversation}/archive", {"archived": True}),
    ("GET", "conversations/{conversation}/messages", None),
    ("POST", "conversations/{conversation}/delivered", {"up_to_seq": 1}),
    ("POST", "conversations/{conversation}/read", {"up_to_seq": 1}),
    ("POST", "messages", {"conversation_id": "{conversation}", "payload": TEXT}),
    ("GET", "messages/{message}", None),
    ("PATCH", "messages/{message}", {"payload": TEXT}),
    ("DELETE", "messages/{message}?for=everyone", None),
    ("DELETE", "messages/{message}?for=me", None),
    ("GET", "messages/{message}/status", None),
    ("PUT", "messages/{message}/reactions/%F0%9F%91%8D", None),
    ("DELETE", "messages/{message}/reactions/%F0%9F%91%8D", None),
    ("GET", "messages/search?q=treasure&conversation_id={conversation}", None),
    ("GET", "contacts/{contact}", None),
    ("PATCH", "contacts/{contact}", {"display_name": "x"}),
    ("DELETE", "contacts/{contact}", None),
    ("DELETE", "users/me/channels/{channel}", None),
]


@pytest.mark.parametrize(
    ("method", "path", "body"), SECRETS, ids=[f"{method} {path}" for method, path, _ in SECRETS]
)
async def test_a_stranger_cannot_tell_it_from_what_does_not_exist(
    scene: Scene, method: str, path: str, body: Any
) -> None:
    filled = json.dumps(body) if body is not None else "null"
    told = []
    for things in (scene.things, dict.fromkeys(scene.things, NOBODY)):
        full = filled
        for name, value in things.items():
            full = full.replace("{" + name + "}", value)
        answer = await scene.ask(scene.eva, method, path.format(**things), json.loads(full))
        problem = answer.problem()
        detail = problem["detail"]
        for asked in things.values():  # to repeat what was asked for tells nothing
            detail = detail.replace(asked, "ID")
        told.append((answer.status, problem["code"], detail))
    assert told[0] == told[1]
    assert told[0][0] == 404


async def test_a_search_finds_only_ones_own(scene: Scene) -> None:
    for who, found in ((scene.eva, 0), (scene.bia, 1)):
        answer = await who.get("messages/search", q="treasure")
        assert len(answer["items"]) == found


async def test_a_sync_brings_only_ones_own(scene: Scene) -> None:
    said = json.dumps(await scene.eva.get("sync"))
    assert "treasure" not in said
    assert scene.things["conversation"] not in said


async def test_presence_of_strangers_is_left_out(scene: Scene) -> None:
    asked = f"{scene.ana.user_id},{scene.bia.user_id},{NOBODY}"
    to_eva = await scene.eva.get("presence", user_ids=asked)
    assert to_eva["items"] == []
    to_bia = await scene.bia.get("presence", user_ids=asked)
    assert scene.ana.user_id in {one["user_id"] for one in to_bia["items"]}


async def test_contacts_of_others_are_found_nowhere(scene: Scene) -> None:
    assert (await scene.eva.get("users", query="Carl"))["items"] == []
    assert (await scene.eva.get("contacts"))["items"] == []
    answer = await scene.ask(scene.eva, "GET", f"users/{scene.things['contact']}")
    assert answer.status == 404


async def test_contacts_of_others_cannot_be_put_into_a_group(scene: Scene) -> None:
    for member in (scene.things["contact"], NOBODY):
        body = {"type": "group", "name": "Trap", "member_ids": [member]}
        answer = await scene.ask(scene.eva, "POST", "conversations", body)
        assert answer.status == 404, answer.body


async def test_a_message_of_another_conversation_cannot_be_quoted(scene: Scene) -> None:
    own = (await scene.eva.post("conversations", {"type": "group", "name": "E", "member_ids": []}))[
        "id"
    ]
    told = []
    for quoted in (scene.things["message"], NOBODY):
        body = {"conversation_id": own, "payload": TEXT, "reply_to": quoted}
        answer = await scene.ask(scene.eva, "POST", "messages", body)
        told.append((answer.status, answer.problem()["detail"], answer.pointers()))
    assert told[0] == told[1]


async def test_an_id_of_somebody_elses_message_tells_nothing_of_it(scene: Scene) -> None:
    own = await scene.eva.chat_with(scene.bia)
    body = {"message_id": scene.things["message"], "conversation_id": own, "payload": TEXT}
    answer = await scene.ask(scene.eva, "POST", "messages", body)
    assert answer.status == 409
    assert "treasure" not in answer.body.decode()
    assert scene.things["conversation"] not in answer.body.decode()


@pytest.mark.parametrize(
    "path",
    ["users", "integrity", "dead-letters", "nodes", "connectors", "connectors/accounts"],
)
async def test_administration_is_for_administrators(scene: Scene, path: str) -> None:
    assert (await scene.ask(scene.ana, "GET", f"admin/{path}")).status == 200
    assert (await scene.ask(scene.eva, "GET", f"admin/{path}")).status == 403
    bare = await raw_http.send(scene.server.address, f"/v1/admin/{path}", b"", method="GET")
    assert bare.status == 401


async def test_simulated_phones_of_others_are_left_out(scene: Scene) -> None:
    assert "+3519" not in json.dumps(await scene.eva.get("mock/phones"))
    answer = await scene.ask(scene.eva, "GET", "mock/phones/%2B351900000002")
    assert answer.status == 404
