"""The bench of groups: what is counted at the members, what is told to all, and what is told."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.bare_server import Broadcast
from bench.crowd import CrowdJob, Delivered, Tally, bodies_of, id_in, renumbered
from bench.groups import BARE, OURS, broken_of, doubts_of, lines_of
from bench.members import add_group
from bench.socket_client import SocketClient
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.directory import Role
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.services.clock import utc_now

HERE = "01890000-0000-7000-8000-000000000001"
SAID = "01890000-0000-7000-8000-0000000000aa"
FRAME = (
    f'{{"cursor":"c","type":"message","message":{{"message_id":"{SAID}","seq":41,"text":"hi"}}}}'
)


def test_a_message_is_with_all_when_each_member_has_it() -> None:
    tally = Tally(2)
    assert not tally.arrived(0, "a", 7, 1.0)
    assert tally.arrived(1, "a", 7, 2.0)
    assert (tally.complete, tally.disorder, tally.last_at) == (1, 0, {"a": 2.0})


@pytest.mark.parametrize("seq", [6, 7, 9])
def test_a_frame_that_is_not_the_next_one_is_disorder(seq: int) -> None:
    tally = Tally(2)
    tally.arrived(0, "a", 7, 1.0)
    tally.arrived(1, "a", 7, 1.0)
    tally.arrived(0, "b", seq, 2.0)
    assert tally.disorder == 1


def job(frame: str = "") -> CrowdJob:
    return CrowdJob(
        host="here",
        port=1,
        server_pid=1,
        seconds=1.0,
        ahead=1,
        sender_token="ana",
        tokens=[],
        conversation_id=HERE,
        text="hi",
        frame=frame,
    )


def test_the_bare_server_is_given_the_frame_of_the_product_with_an_id_and_a_seq_of_its_own() -> (
    None
):
    contents = [raw.partition(b"\r\n\r\n")[2] for raw in islice(bodies_of(job(FRAME)), 2)]
    first, second = (msgspec.json.decode(one)["message"] for one in contents)
    assert (first["seq"], second["seq"], second["text"]) == (1, 2, "hi")
    assert SAID != first["message_id"] != second["message_id"]
    assert msgspec.json.decode(renumbered(FRAME.encode(), SAID.encode(), 41)) == (
        msgspec.json.decode(FRAME)
    )


def test_the_product_is_sent_messages_to_the_group() -> None:
    [raw] = islice(bodies_of(job()), 1)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"authorization: Bearer ana" in head
    assert msgspec.json.decode(body) == {
        "conversation_id": HERE,
        "payload": {"type": "text", "text": "hi"},
    }


class Peer:
    """The other end of an ASGI connection."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self._events = list(events)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self._events.pop(0)

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)


async def test_what_is_posted_comes_to_every_websocket_as_one_frame() -> None:
    app, listener = Broadcast(), Peer()
    app._sends[1] = listener.send
    half = len(FRAME) // 2
    poster = Peer(
        {"type": "http.request", "body": FRAME[:half].encode(), "more_body": True},
        {"type": "http.request", "body": FRAME[half:].encode()},
    )
    await app({"type": "http"}, poster.receive, poster.send)
    assert listener.sent == [{"type": "websocket.send", "text": FRAME}]
    assert poster.sent[0]["status"] == 202
    assert id_in(poster.sent[1]["body"]) == SAID


async def test_a_websocket_is_told_that_it_is_ready_and_forgotten_when_it_ends() -> None:
    app = Broadcast()
    peer = Peer(
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "{}"},
        {"type": "websocket.disconnect"},
    )
    await app({"type": "websocket"}, peer.receive, peer.send)
    assert [one["type"] for one in peer.sent] == ["websocket.accept", "websocket.send"]
    assert app._sends == {}
    heard: list[int] = []
    client = SocketClient("here", 1, "token", lambda _, seq, __: heard.append(seq))
    client._take(FRAME.encode(), 1.0)
    assert heard == [41]


async def test_members_are_in_the_group_and_their_tokens_are_those_of_the_product(
    tmp_path: Path,
) -> None:
    group = await add_group(tmp_path, 3, issuer="http://127.0.0.1:8000")
    async with SqlDirectory(f"sqlite:///{tmp_path / 'directory.sqlite3'}") as directory:
        key = await SigningKey.load(directory.keys)
        revocations = Revocations(directory.tokens, MemoryEphemeral().bus, now=utc_now)
        access = JwtAccessTokens(key, revocations, issuer="http://127.0.0.1:8000", now=utc_now)
        found = [access.verify(token).user_id for token in group.tokens()]
        kept = await directory.conversations.get(group.conversation_id)
    assert kept is not None
    assert found == [member.user_id for member in kept.members]
    assert kept.created_by == found[0]
    assert [member.role for member in kept.members] == [Role.OWNER, Role.MEMBER, Role.MEMBER]
    assert len(set(found)) == 3


def delivered(rate: float, **more: Any) -> Delivered:
    values: dict[str, Any] = {
        "deliveries": rate,
        "messages": rate / 10,
        "to_all": None,
        "accepted": 1,
        "missing": 0,
        "disorder": 0,
        "reconnects": 0,
        "generator_cpu": 0.3,
        "server_loop_cpu": 0.4,
        "server_threads_cpu": 0.1,
        "frame": FRAME,
        **more,
    }
    return Delivered(**values)


def test_deliveries_are_compared_with_those_of_the_bare_server_in_the_same_round() -> None:
    rounds = [
        {OURS: delivered(factor * 1_000), BARE: delivered(factor * 4_000)}
        for factor in (1.0, 5.0, 2.0)
    ]
    lines = dict(lines_of(rounds))
    assert lines[f"{OURS} / {BARE}, deliveries, goal 0.5"].most == 0.25
    assert lines[f"{BARE} / {OURS}, processor of a delivery"].least == 0.25
    assert lines[f"{OURS}: us of the server's processor a delivery"].most == 500


def test_what_is_missing_twice_or_astray_breaks_a_promise_of_the_product_alone() -> None:
    fine, bad = delivered(1.0), delivered(1.0, missing=-2, disorder=3, astray=1)
    assert broken_of([{OURS: bad, BARE: fine}, {OURS: fine, BARE: bad}]) == 6


def test_a_crowd_that_may_be_the_limit_is_told() -> None:
    fine, busy = delivered(1.0), delivered(1.0, generator_cpu=0.95)
    assert doubts_of([{OURS: fine, BARE: fine}]) == []
    [doubt] = doubts_of([{OURS: fine, BARE: busy}])
    assert doubt.startswith(BARE)
