"""A message store against a model of a few lines, over histories that nobody thought of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.events import Event, MessageAdded
from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.messages import Message
from chat4all.ports.message_store import Effects
from chat4all.services.audit.whole_check import stored_findings
from chat4all.testing.message_storage import ANNA, BERT, FullStore, MessageStorage, OpenStore, Talk

_WORDS = st.sampled_from(["apple", "pear", "plum", "apple pear", "", "fig\0plum"])
_PLACE = st.integers(0, 30)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 1), st.lists(_WORDS, min_size=1, max_size=4)),
        st.tuples(st.just("edit"), _PLACE, _WORDS),
        st.tuples(st.just("delete"), _PLACE, st.none()),
        st.tuples(st.just("hide"), _PLACE, st.sampled_from([ANNA, BERT])),
        st.tuples(st.just("move"), st.sampled_from([ANNA, BERT]), _PLACE),
        st.tuples(st.just("repeat"), _PLACE, st.none()),
    ),
    max_size=25,
)


@dataclass
class _Model:
    """What should be stored, as plainly as can be, and the effects that led there."""

    talks: tuple[Talk, Talk] = field(default_factory=lambda: (Talk(), Talk()))
    messages: dict[MessageId, Message] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    hidden: set[tuple[MessageId, UserId]] = field(default_factory=set)
    cursors: dict[UserId, int] = field(default_factory=dict)
    past: list[Effects] = field(default_factory=list)

    def step(self, kind: str, what: int | UserId, how: object) -> Effects | None:
        """Do one step to the model; return its effects, or None when it makes no sense."""
        if kind == "move":
            return self._move(UserId(str(what)), int(str(how)))
        number = int(what)
        if kind == "add":
            assert isinstance(how, list)
            added = [self.talks[number].add(words) for words in how]
            self.messages.update((new.message.message_id, new.message) for new in added)
            self.events.extend(
                MessageAdded(position=new.position, message=new.message) for new in added
            )
            return Effects(added=added)
        if kind == "repeat":
            return self.past[number] if number < len(self.past) else None
        if number >= len(self.messages):
            return None
        message = list(self.messages.values())[number]
        if kind == "hide":
            pair = (message.message_id, UserId(str(how)))
            self.hidden.add(pair)
            return Effects(hidden=[pair])
        return self._change(message, None if kind == "delete" else str(how))

    def _change(self, message: Message, words: str | None) -> Effects | None:
        if message.payload is None:
            return None
        talk = self._talk(message)
        effects = talk.delete(message) if words is None else talk.edit(message, words)
        self.messages[message.message_id] = effects.changed[0]
        self.events.extend(effects.journal)
        return effects

    def _move(self, user: UserId, to: int) -> Effects | None:
        talk = self.talks[0]
        if not self.cursors.get(user, 0) < to <= talk.seq:
            return None
        self.cursors[user] = to
        effects = talk.move(user, delivered=to, read=to)
        self.events.extend(effects.journal)
        return effects

    def _talk(self, message: Message) -> Talk:
        return next(talk for talk in self.talks if talk.id == message.conversation_id)

    def page(self, talk: Talk, viewer: UserId) -> list[Message]:
        """Return a whole conversation."""
        return [
            message
            for message in self.messages.values()
            if message.conversation_id == talk.id
            and (message.message_id, viewer) not in self.hidden
        ]

    def changes(self) -> list[Event]:
        """Return every event, in log order."""
        told = [
            replace(event, message=self.messages[event.message.message_id])
            if isinstance(event, MessageAdded)
            else event
            for event in self.events
        ]
        return sorted(told, key=lambda event: event.position)

    def holding(self, word: str, viewer: UserId) -> set[MessageId]:
        """Return the messages that a search should find."""
        shown = [one for talk in self.talks for one in self.page(talk, viewer)]
        return {
            one.message_id
            for one in shown
            if one.payload and word in one.payload.words.replace("\0", " ").split()
        }


class MessageModelContract(MessageStorage):
    """Store and model agree whatever is done, in whatever order, repeated or not."""

    def test_it_agrees_with_a_simple_model(self, opened: OpenStore) -> None:
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(_STEPS)
        def agrees(steps: list[tuple[str, int | UserId, object]]) -> None:
            asyncio.run(_play(opened, steps))

        agrees()


async def _play(opened: OpenStore, steps: list[tuple[str, int | UserId, object]]) -> None:
    model = _Model()
    async with opened() as store:
        for number, step in enumerate(steps):
            effects = model.step(*step)
            if effects is None:
                continue
            model.past.append(effects)
            await store.apply(effects)
            if number % 4 == 0:
                await _compare(store, model)
        await _compare(store, model)


async def _compare(store: FullStore, model: _Model) -> None:
    names = [talk.id for talk in model.talks]
    for talk in model.talks:
        for viewer in (ANNA, BERT):
            page = await store.page(talk.id, viewer=viewer, limit=1000)
            assert page == model.page(talk, viewer)
    heads = {name: head.max_seq for name, head in (await store.heads(names)).items()}
    assert heads == {talk.id: talk.seq for talk in model.talks if talk.seq}
    cursors = await store.conversation_cursors(names[0])
    assert {cursor.user_id: cursor.last_read_seq for cursor in cursors} == model.cursors
    assert await store.changes(names, after={}, limit=1000) == model.changes()
    for word in ("apple", "plum"):
        found = await store.search(word, conversations=names, viewer=ANNA, limit=1000)
        assert {message.message_id for message in found} == model.holding(word, ANNA)
    assert [finding async for finding in stored_findings(store)] == []
