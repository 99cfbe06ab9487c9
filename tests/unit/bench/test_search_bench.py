"""The bench of searches: what is stored, what the bare query finds, and what is told."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from bench.job import Latency
from bench.search import (
    EVERYWHERE,
    LEAST,
    MEDIUM,
    OTHERS,
    PAGE,
    RARE,
    SOMEWHERE,
    WARM,
    WORDS,
    Bare,
    Found,
    Round,
    broken_of,
    compared,
    fill,
    label,
    lines_of,
    match,
    text_of,
)
from chat4all.adapters.sqlite.message_store import SqliteMessageStore


def test_rarer_words_are_in_one_of_so_many_texts_and_in_all_conversations() -> None:
    chance = random.Random(1)  # noqa: S311 - words, no secrets
    word, every = MEDIUM
    numbers = [number for number in range(every * OTHERS) if word in text_of(number, chance)]
    assert len(numbers) == OTHERS
    assert len({number % OTHERS for number in numbers}) == OTHERS
    assert text_of(0, chance).endswith(f"{RARE[0]} {MEDIUM[0]}")
    assert RARE[0] not in text_of(1, chance)


def test_the_bare_query_asks_for_every_word_in_the_places() -> None:
    assert match("hello tom", [3, 4]) == 'place : ("3" OR "4") AND words : ("hello" AND "tom" *)'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


async def test_the_product_and_the_bare_query_find_the_same_page(folder: Path) -> None:
    data = await fill(folder, 300)
    bare, pages = Bare(folder / "messages.sqlite3"), Counter[str]()
    async with SqliteMessageStore(folder / "messages.sqlite3") as store:
        for where, viewer in data.viewers.items():
            places = bare.places(viewer.conversations)
            for kind, words in WORDS.items():
                found = await store.search(
                    words,
                    conversations=viewer.conversations,
                    viewer=viewer.user.id,
                    limit=PAGE,
                )
                page = bare.page(words, places)
                assert page == [one.message_id for one in found]
                pages[label(kind, where)] = len(page)
    bare.close()
    assert pages[label("common", EVERYWHERE)] == PAGE
    assert pages[label("medium", EVERYWHERE)] == 4
    assert pages[label("rare", EVERYWHERE)] == pages[label("rare", SOMEWHERE)] == 1
    assert 0 < pages[label("common", SOMEWHERE)] <= 3


async def test_pages_that_differ_are_seen_and_warming_up_does_not_count() -> None:
    asked = 0

    async def api() -> list[str]:
        nonlocal asked
        asked += 1
        return ["a", "b"]

    same = await compared(api, lambda: ["a", "b"], 2)
    assert (same.same, same.items, same.api.count, same.bare.count) == (True, 2, 2, 2)
    assert asked == WARM + 2
    assert not (await compared(api, lambda: ["b", "a"], 1)).same


async def test_what_is_slow_is_asked_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.search.BUDGET", 0.0)

    async def api() -> list[str]:
        return []

    assert (await compared(api, list, 1_000)).api.count == LEAST + 1


def latency_of(median: float) -> Latency:
    return Latency(count=1, p50=median, p95=median, p99=2 * median, most=median)


def found(api: float, bare: float, *, same: bool = True) -> Found:
    return Found(api=latency_of(api), bare=latency_of(bare), items=50, same=same)


def test_times_are_compared_with_those_of_the_bare_query_in_the_same_round() -> None:
    name = label("common", EVERYWHERE)
    rounds = [
        Round(plain=latency_of(1.0), found={name: found(10 * slow, 5 * slow)})
        for slow in (1.0, 9.0, 3.0)
    ]
    lines = dict(lines_of(rounds))
    assert lines[f"{name}: bare / API, goal 0.7"].most == 0.5
    assert lines[f"{name}: API p50, ms, goal < 100"].median == 30
    assert lines[f"{name}: API p99, ms"].least == 20
    assert lines[f"{name}: messages on the page"].median == 50
    assert lines["pages that differ"].most == 0


def test_a_page_that_is_not_that_of_the_bare_query_is_wrong() -> None:
    one = Round(plain=latency_of(1.0), found={"a": found(1, 1, same=False), "b": found(1, 1)})
    assert broken_of([one, one]) == 2
