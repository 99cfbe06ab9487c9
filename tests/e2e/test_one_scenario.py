"""Whatever API people use, what they leave is the same, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.e2e.scenario import STEPS, history_of, perform
from tests.e2e.scenario_people import APIS, Place
from tests.sdk.node_client import prepare
from tests.servers.process import free_port

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.embedded("one process listens on the port of gRPC"),
    pytest.mark.timeout(180),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """The product with gRPC, and a folder that Node runs in."""
    folder, port = tmp_path_factory.mktemp("node"), free_port()
    prepare(folder)
    settings = {"CHAT4ALL_GRPC_PORT": str(port)}
    async with running_server(tmp_path_factory.mktemp("product"), settings) as url:
        yield url, f"127.0.0.1:{port}", folder


async def left_by(api: str, place: Place, folder: Path) -> tuple[str, str]:
    """Do the steps by an API; return the history as each of the two reads it."""
    by = APIS[api]
    async with (
        Account(place[0], f"ada-{api}-{folder.name[-8:]}").signed_up("Ada") as ada,
        Account(place[0], f"bob-{api}-{folder.name[-8:]}").signed_up("Bob") as bob,
    ):
        talk = await ada.chat_with(bob)
        async with by(ada, place) as one, by(bob, place) as other:
            await perform({"ada": one, "bob": other}, talk, folder)
        return await history_of(ada, talk), await history_of(bob, talk)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def by_rest(place: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return await left_by("rest", place, tmp_path_factory.mktemp("rest"))


async def test_what_rest_leaves_is_what_the_scenario_says(by_rest: tuple[str, str]) -> None:
    of_ada, of_bob = by_rest
    for words in ("Lunch at one?", "Yes: Ação, 你好, 👍🏽", "Today", "hungry", '"read"'):
        assert words in of_ada
    assert "Lunch at noon?" not in of_ada
    sent = [step for step in STEPS if "as" in step]
    assert of_bob.count('"seq"') == of_ada.count('"seq"') == len(sent)


@pytest.mark.parametrize("api", [one for one in APIS if one != "rest"])
async def test_every_api_leaves_the_same_history(
    api: str, place: Place, by_rest: tuple[str, str], tmp_path: Path
) -> None:
    of_ada, of_bob = await left_by(api, place, tmp_path)
    assert of_ada == by_rest[0]
    assert of_bob == by_rest[1]
