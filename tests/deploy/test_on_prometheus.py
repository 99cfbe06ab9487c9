"""A real Prometheus asks a running server: every rule and every panel has something to show."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.servers.prometheus import prometheus

together = pytest.mark.asyncio(loop_scope="module")

OPS = Path(__file__).parents[2] / "ops"
DASHBOARDS = {one.stem: one.read_text() for one in (OPS / "grafana/dashboards").glob("*.json")}
PATIENCE = 60.0
RITA = "+351910000001"
QUIET = {
    "Incoming without effect": "nothing was ignored",
    "Given up and parked, by stream": "nothing was given up",
    "Files of platforms": "no platform sent a file",
    "Bytes of files": "nobody sent a file",
    "4xx and 5xx": "nothing was refused",
    "Callbacks by outcome": "the simulated phones call nobody back",
    "Callbacks by platform and outcome": "the same",
    "Broken promises when first found": "none was broken",
    "Canary: time from accepted to delivered, of 95 messages of 100": "no chats are named",
    "Canary: messages by what became of them": "the same",
}
"""Panels that have nothing to show of a talk without trouble."""


@dataclass(frozen=True)
class Scene:
    """A server at work, and the Prometheus that watches it."""

    prometheus: httpx.AsyncClient
    talk: Callable[[], Awaitable[None]]

    async def query(self, expression: str) -> list[str]:
        asked = {"query": expression.replace("$__rate_interval", "1m")}
        answer = (await self.prometheus.get("/api/v1/query", params=asked)).json()
        assert answer["status"] == "success", (expression, answer)
        return [one["value"][1] for one in answer["data"]["result"]]

    async def shows(self, expressions: set[str]) -> None:
        """Talk until every expression has values."""
        missing = set(expressions)
        try:
            async with asyncio.timeout(PATIENCE):
                while missing:
                    await self.talk()
                    for one in sorted(missing):
                        if set(await self.query(one)) - {"NaN"}:
                            missing.discard(one)
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"nothing to show of {sorted(missing)}") from None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("watched")
    async with (
        running_server(folder, {}) as server,
        Account(server, "ana").signed_up("Ana") as ana,
    ):
        channel = {"platform": "mock", "external_id": RITA}
        rita = await ana.post("contacts", {"display_name": "Rita", "channels": [channel]})
        chat = {"type": "private", "member_ids": [rita["id"]]}
        talk = (await ana.post("conversations", chat))["id"]

        async def once() -> None:
            await ana.say(talk, ["Hello"])
            await ana.post(f"mock/phones/{RITA}/messages", {"text": "Hello yourself"})

        with prometheus(folder, OPS / "prometheus", server.removeprefix("http://")) as url:
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                yield Scene(http, once)


@together
async def test_every_rule_is_computed_and_none_is_alarmed(scene: Scene) -> None:
    groups = [
        group
        for file in sorted((OPS / "prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
    ]
    rules = [one for group in groups for one in group["rules"]]
    await scene.shows({one["record"] for one in rules if "record" in one})
    assert await scene.query("chat4all:errors:ratio_rate5m") == ["0"]
    told = (await scene.prometheus.get("/api/v1/rules")).json()["data"]["groups"]
    known = {one["name"]: one["health"] for group in told for one in group["rules"]}
    assert known.keys() == {one.get("alert") or one["record"] for one in rules}
    assert "err" not in known.values()
    assert (await scene.prometheus.get("/api/v1/alerts")).json()["data"]["alerts"] == []


@together
@pytest.mark.parametrize("name", DASHBOARDS)
async def test_every_panel_of_a_dashboard_shows_something(scene: Scene, name: str) -> None:
    told = list(queries(json.loads(DASHBOARDS[name])))
    assert told
    for _, expression in told:
        await scene.query(expression)
    if name in {"connector-telegram", "connector-whatsapp", "connector-xmpp"}:
        return  # asked and understood; there is no account of theirs here
    await scene.shows({expression for title, expression in told if title not in QUIET})


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_the_dashboards_are_those_of_their_program() -> None:
    program = runpy.run_path(str(OPS / "grafana/make_dashboards.py"))
    made = dict(program["dashboards"]())
    assert {f"{name}.json": text for name, text in DASHBOARDS.items()} == made
