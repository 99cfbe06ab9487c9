"""The bench of sockets: what a connection costs, who is told nothing, and how many files."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from bench.bare_server import IDLE, Broadcast
from bench.crowd import connected_of
from bench.groups import BARE, OURS
from bench.members import add_group
from bench.servers import BenchFailed, Server
from bench.sockets import SPARE, allow_files, bare_job_of, lines_of
from tests.unit.bench.test_groups_bench import FRAME, Peer, delivered, job


def test_what_is_used_between_two_moments_is_that_of_all_connections() -> None:
    found = connected_of(1_024, (100.0, 80.0, 1.0), (120.0, 90.0, 1.512))
    assert (found.resident_kib, found.anonymous_kib) == (20.0, 10.0)
    assert found.cpu_ms == pytest.approx(0.5)


def test_goals_are_those_of_sockets_and_stand_in_the_lines() -> None:
    cost = connected_of(1_024, (0.0, 0.0, 0.0), (25.0, 20.0, 1.024))
    one = {OURS: delivered(800.0, connected=cost), BARE: delivered(1_000.0)}
    lines = dict(lines_of([one]))
    assert lines["resident memory of a connection, KiB, goal <= 30"].median == 25
    assert lines[f"{OURS} / {BARE}, deliveries, goal 0.7"].median == 0.8
    assert not any("goal 0.5" in line for line in lines)


async def test_an_idle_websocket_of_the_bare_server_is_told_nothing_but_that_it_is_ready() -> None:
    app, kept = Broadcast(), []

    class Idle(Peer):
        async def receive(self) -> dict[str, Any]:
            kept.append(len(app._sends))
            return await super().receive()

    events = [{"type": "websocket.connect"}, {"type": "websocket.disconnect"}]
    for offered, most in (([IDLE], 0), (["bearer.a"], 1)):
        kept.clear()
        peer = Idle(*events)
        await app({"type": "websocket", "subprotocols": offered}, peer.receive, peer.send)
        assert (max(kept), len(peer.sent), app._sends) == (most, 2, {})


def test_the_bare_server_is_told_who_is_idle() -> None:
    found = bare_job_of(Server("http://there:2", 7, "bare"), job(), FRAME)
    assert (found.host, found.port, found.frame, found.idle_tokens) == ("there", 2, FRAME, [])


async def test_others_are_in_no_group(tmp_path: Path) -> None:
    group = await add_group(tmp_path, 2, issuer="http://127.0.0.1:8000", others=3)
    tokens = [*group.tokens(), *group.other_tokens()]
    assert (len(group.tokens()), len(set(tokens))) == (2, 5)


def test_a_hard_limit_that_is_too_low_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 5_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: given.append(limits))
    allow_files(2_000)
    assert given == [(2_000 + SPARE, 5_000)]
    with pytest.raises(BenchFailed, match="hard limit"):
        allow_files(5_000)
