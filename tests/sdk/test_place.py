"""Where the TypeScript client goes on: as the one in Python, whatever comes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.client.place import Place, read_frame
from tests.sdk.node_client import BRIDGE

cursors = st.dictionaries(st.integers(0, 2), st.integers(0, 4), max_size=3).map(
    lambda offsets: "-".join(f"{part}.{offset}" for part, offset in sorted(offsets.items()))
)
statuses = st.fixed_dictionaries(
    {
        "type": st.just("status"),
        "cursor": cursors,
        "message_id": st.sampled_from("abc"),
        "user_id": st.just("bia"),
        "channel": st.just("app"),
        "status": st.sampled_from(["delivered", "read"]),
        "at": st.none(),
    }
)
messages = st.fixed_dictionaries({"type": st.just("message"), "cursor": cursors})
signals = st.just({"type": "typing"})


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = ["node", BRIDGE.name]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def places_in_node(
    node: subprocess.Popen[str], cursor: str | None, frames: list[dict[str, Any]]
) -> Any:
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps({"id": 0, "call": "places", "args": [cursor, frames]}) + "\n")
    node.stdin.flush()
    return json.loads(node.stdout.readline())["result"]


@given(
    cursor=st.none() | cursors,
    frames=st.lists(statuses | statuses | messages | signals, max_size=9),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_both_clients_tell_the_same_and_resume_with_the_same(
    node: subprocess.Popen[str], cursor: str | None, frames: list[dict[str, Any]]
) -> None:
    place = Place(cursor)
    told = [[place.takes(read_frame(json.dumps(one))), place.cursor] for one in frames]
    assert places_in_node(node, cursor, frames) == told
