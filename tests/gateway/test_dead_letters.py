"""Dead letters over HTTP: found, shown without what they say, and tried again."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from chat4all.ports.event_log import COMMANDS
from chat4all.services.dead_letters import dead_letter
from tests.gateway.world import Person, World, say

LETTERS = "/v1/admin/dead-letters"


async def park(world: World, key: str, value: bytes) -> str:
    record = dead_letter(COMMANDS, key, value, ZeroDivisionError("broken"))
    [position] = await world.event_log.append([record])
    return f"{position.partition}.{position.offset}"


@pytest.fixture
async def parked(world: World, ana: Person, group: str) -> str:
    """A letter about a message that is stored."""
    await say(ana, group, "my secret words")
    [*commands] = await world.event_log.read(COMMANDS, after=None, limit=100)
    return await park(world, group, commands[-1].value)


async def items(root: Person, **params: str) -> list[dict[str, Any]]:
    answer = await root.http.get(LETTERS, params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_letter_is_shown_with_its_history_and_without_its_words(
    root: Person, parked: str, group: str
) -> None:
    answer = await root.http.get(f"{LETTERS}/{parked}")
    letter = answer.json()
    assert (letter["kind"], letter["conversation_id"]) == ("submit", group)
    assert [hop["what"] for hop in letter["trace"]["hops"]][:2] == ["accepted", "logged"]
    assert letter["ids"]["message_id"] == letter["message_id"] == letter["trace"]["message_id"]
    assert letter["content"] is None
    assert "secret words" not in answer.text


async def test_who_looks_at_the_content_stands_in_the_log(root: Person, parked: str) -> None:
    with capture_logs() as lines:
        shown = await root.http.get(f"{LETTERS}/{parked}", params={"content": "true"})
    assert "my secret words" in shown.json()["content"]
    [line] = [one for one in lines if one["event"] == "content of a dead letter shown"]
    assert (line["letter"], line["by"]) == (parked, root.id)


async def test_letters_are_filtered(world: World, root: Person, parked: str, group: str) -> None:
    other = await park(world, "nowhere", b"rubbish")
    assert [one["id"] for one in await items(root)] == [parked, other]
    assert [one["id"] for one in await items(root, conversation_id=group)] == [parked]
    assert await items(root, code="unauthorized") == []
    assert await items(root, stream="outbound.telegram") == []
    assert len(await items(root, since="2020-01-01T00:00:00Z")) == 2
    assert await items(root, since="2999-01-01T00:00:00Z") == []
    assert len(await items(root, redriven="false")) == 2
    wrong = await root.http.get(LETTERS, params={"since": "yesterday"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/since")


async def test_a_second_redrive_has_no_effect_and_shows_the_first(
    world: World, root: Person, parked: str
) -> None:
    before = len(await world.event_log.read(COMMANDS, after=None, limit=100))
    first = (await root.http.post(f"{LETTERS}/{parked}/redrive")).json()
    second = (await root.http.post(f"{LETTERS}/{parked}/redrive")).json()
    assert first == second
    assert first["redriven_at"] is not None
    assert first["redriven_by"] == root.id
    assert len(await world.event_log.read(COMMANDS, after=None, limit=100)) == before + 1
    assert [one["id"] for one in await items(root, redriven="true")] == [parked]


async def test_many_are_redriven_at_once_and_each_says_what_became_of_it(
    root: Person, parked: str
) -> None:
    body = {"ids": [parked, "0.999", parked]}
    answer = await root.http.post(f"{LETTERS}/redrive", json=body)
    assert answer.status_code == 200, answer.text
    results = [(one["id"], one["result"]) for one in answer.json()["items"]]
    assert results == [(parked, "redriven"), ("0.999", "refused"), (parked, "before")]
    refused: list[dict[str, list[str]]] = [{"ids": []}, {"ids": ["x"]}, {"ids": ["0.1"] * 101}, {}]
    for wrong in refused:
        assert (await root.http.post(f"{LETTERS}/redrive", json=wrong)).status_code == 400


async def test_nobody_but_an_administrator_sees_or_redrives(ana: Person, parked: str) -> None:
    refused = [
        await ana.http.get(f"{LETTERS}/{parked}"),
        await ana.http.post(f"{LETTERS}/{parked}/redrive"),
        await ana.http.post(f"{LETTERS}/redrive", json={"ids": [parked]}),
    ]
    assert {one.status_code for one in refused} == {403}
