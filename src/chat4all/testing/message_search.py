"""What every `SupportsSearch` must do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.ports.message_store import Effects
from chat4all.testing.message_storage import (
    ANNA,
    BERT,
    START,
    FullStore,
    MessageStorage,
    Talk,
)


async def found(store: FullStore, words: str, *talks: Talk, limit: int = 50) -> list[int]:
    """Return the seqs of what Anna finds, newest first."""
    names = [talk.id for talk in talks]
    messages = await store.search(words, conversations=names, viewer=ANNA, limit=limit)
    return [message.seq for message in messages]


class MessageSearchContract(MessageStorage):
    """Finding messages by words."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Hello World", "hello"),
            ("hello world", "WORLD Hello"),
            ("Crème brûlée", "creme BRULEE"),
            ("creme brulee", "crème"),
            ("a cafe\N{COMBINING ACUTE ACCENT} here", "café"),
            ("Привет, мир", "МИР"),
            ('he said "no"', '"no"'),
            ("AND, OR and NOT", "OR"),
            ("a well-known thing", "well-known"),
            ("see example.org/a?b=c", "example.org/a?b=c"),
            ("wonderful", "wonder"),
            ("one two three", "one thr"),
            ("hello there", "hello !!! \U0001f600 there"),
            ("before\0after", "after"),
            ("before\0after", "before\0after"),
            ("50% off", "50"),
        ],
    )
    async def test_it_finds(self, store: FullStore, text: str, words: str) -> None:
        talk = Talk()
        await store.apply(Effects(added=[talk.add(text)]))
        assert await found(store, words, talk) == [1]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("hello world", "hello moon"),
            ("hello world", "hell world"),
            ("hello world", "ello"),
            ("hello world", ""),
            ("hello world", " \t\n\0"),
            ("hello world", "!!!"),
            ("hello world", "hello NOT moon"),
            ("hello world", "moon OR hello"),
            ("hello world", "hel* world"),
            ("known well", "well-known"),
            ("hello world", "words:hello"),
            ("hello world", "place:1"),
        ],
    )
    async def test_it_does_not_find(self, store: FullStore, text: str, words: str) -> None:
        talk = Talk()
        await store.apply(Effects(added=[talk.add(text)]))
        assert await found(store, words, talk) == []

    async def test_any_text_is_a_valid_query(self, store: FullStore) -> None:
        talk = Talk()
        await store.apply(talk.many(1))

        @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
        @given(
            st.text(
                alphabet=st.one_of(
                    st.sampled_from("\"*^():-+{}\0 'AND"), st.characters(exclude_categories=["Cs"])
                )
            )
        )
        def gather(words: str) -> None:
            queries.append(words)

        queries: list[str] = [
            'a"b',
            '"',
            '""',
            "NEAR(a b)",
            "^a",
            "a AND",
            "(",
            "{words} : a",
            "x" * 9000,
        ]
        gather()
        for words in queries:
            assert await found(store, words, talk) in ([], [1])

    async def test_captions_and_names_are_found(self, store: FullStore) -> None:
        talk = Talk()
        image = Payload(type=PayloadType.IMAGE, file_id="secretfile", caption="our holiday")
        place = Payload(type=PayloadType.LOCATION, latitude=1.0, longitude=2.0, name="the harbour")
        await store.apply(Effects(added=[talk.add(image), talk.add(place)]))
        assert await found(store, "holiday", talk) == [1]
        assert await found(store, "harbour", talk) == [2]
        assert await found(store, "secretfile", talk) == []

    async def test_only_the_conversations_named_are_searched(self, store: FullStore) -> None:
        mine, other, theirs = Talk(), Talk(), Talk()
        for talk in (mine, other, theirs):
            await store.apply(talk.many(2))
        everywhere = [Talk() for _ in range(300)]
        assert await found(store, "word", mine) == [2, 1]
        assert await found(store, "word", mine, other) == [2, 2, 1, 1]
        assert await found(store, "word", mine, *everywhere) == [2, 1]
        assert await found(store, "word", everywhere[0]) == []
        assert await found(store, "word") == []

    async def test_many_conversations_are_searched_as_well(self, store: FullStore) -> None:
        talks = [Talk() for _ in range(250)]
        await store.apply(Effects(added=[talk.add("needle") for talk in talks]))
        hidden = Talk()
        await store.apply(Effects(added=[hidden.add("needle")]))
        assert len(await found(store, "needle", *talks, limit=1000)) == 250

    async def test_an_edit_is_found_and_what_it_replaced_is_not(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(1)
        await store.apply(added)
        message = added.added[0].message
        await store.apply(talk.edit(message, "before it was searched"))
        assert await found(store, "word", talk) == []
        assert await found(store, "searched", talk) == [1]
        await store.apply(talk.edit(message, "afterwards", after=90))
        assert await found(store, "searched", talk) == []
        assert await found(store, "afterwards", talk) == [1]

    async def test_deleted_and_hidden_are_not_found(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(3)
        first, second, third = (new.message for new in added.added)
        await store.apply(added)
        assert await found(store, "word", talk) == [3, 2, 1]
        await store.apply(talk.delete(first))
        await store.apply(Effects(hidden=[(second.message_id, ANNA), (third.message_id, BERT)]))
        assert await found(store, "word", talk) == [3]

    async def test_what_was_deleted_before_it_was_searched_is_not_found(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        added = talk.many(2)
        await store.apply(added)
        await store.apply(talk.delete(added.added[0].message))
        assert await found(store, "word", talk) == [2]

    async def test_pages_meet_without_gap_or_repeat(self, store: FullStore) -> None:
        talks = [Talk(), Talk()]
        expected: list[Message] = []
        for turn in range(15):
            talk = talks[turn % 2]
            at = START + timedelta(seconds=turn * 7 % 5)  # several at one time, not in order
            new = talk.add("needle", created_at=at)
            expected.append(new.message)
            await store.apply(Effects(added=[new]))
        expected.sort(key=lambda one: (one.created_at, one.message_id), reverse=True)
        names = [talk.id for talk in talks]
        seen: list[Message] = []
        while True:
            last = (seen[-1].created_at, seen[-1].message_id) if seen else None
            page = await store.search(
                "needle", conversations=names, viewer=ANNA, before=last, limit=4
            )
            if not page:
                break
            assert len(page) <= 4
            assert page[0] not in seen
            seen.extend(page)
        assert seen == expected
        assert await found(store, "needle", *talks, limit=0) == []

    async def test_since_is_included_and_until_is_not(self, store: FullStore) -> None:
        talk = Talk()
        await store.apply(talk.many(5))

        async def between(since: int | None, until: int | None) -> list[int]:
            messages = await store.search(
                "word",
                conversations=[talk.id],
                viewer=ANNA,
                since=None if since is None else START + timedelta(seconds=since),
                until=None if until is None else START + timedelta(seconds=until),
                limit=9,
            )
            return [message.seq for message in messages]

        assert await between(2, 4) == [3, 2]
        assert await between(4, None) == [5, 4]
        assert await between(None, 2) == [1]

    async def test_one_sees_what_another_wrote(self, store: FullStore, peer: FullStore) -> None:
        talk = Talk()
        added = talk.many(2)
        await store.apply(added)
        assert await found(peer, "word", talk) == [2, 1]
        await peer.apply(talk.edit(added.added[0].message, "other"))
        assert await found(store, "word", talk) == [2]
        assert await found(store, "other", talk) == [1]
