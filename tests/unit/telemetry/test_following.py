"""Who goes on from where, with the SDK and without a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral, MemoryLeases
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.commands import ReportStatus
from chat4all.domain.errors import ChannelError, Unavailable
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.tracing import Attributes, Kind, Untraced
from chat4all.ports.webhooks import Answer
from chat4all.services.backoff import Backoff
from chat4all.services.followed import Followed, follow_batch
from chat4all.services.message_traces import MessageTraces
from chat4all.services.traced_log import TracedLog
from chat4all.services.webhook_sender import SendingLimits, WebhookSender
from chat4all.telemetry import current
from chat4all.testing.directory_webhooks import endpoint, event
from chat4all.testing.receiver import PaperReceiver
from tests.unit.telemetry.recorder import Recorder

TRACE = f"{1:032x}"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{2:016x}-01", f"00-{TRACE}-{2:016x}-00"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_work_within_work_is_beneath_it(recorder: Recorder) -> None:
    tracing = recorder.tracing
    with tracing.follow(f"{SAMPLED} a=1", "outer", Kind.SERVER) as outer:
        assert current.trace_id() == TRACE
        with tracing.within("inner", Kind.CLIENT) as inner:
            assert tracing.current == inner.context
        assert tracing.current == outer.context
    assert tracing.current == ""
    assert inner.context.endswith("-01 a=1")
    assert recorder.parent("outer") == f"{2:016x}"
    assert recorder.parent("inner") == outer.context[36:52]


async def test_tasks_at_the_same_time_do_not_see_each_other(recorder: Recorder) -> None:
    async def work(number: int) -> bool:
        place = f"00-{number:032x}-{2:016x}-01"
        with recorder.tracing.follow(place, "work", Kind.INTERNAL):
            await asyncio.sleep(0)
            return current.trace_id() == f"{number:032x}"

    assert all(await asyncio.gather(*(work(number) for number in range(1, 20))))


def test_what_is_not_sampled_is_passed_on_and_not_recorded(recorder: Recorder) -> None:
    with recorder.tracing.follow(UNSAMPLED, "outer", Kind.SERVER) as outer:
        assert outer.context[:36] == UNSAMPLED[:36]
        assert outer.context[36:52] not in UNSAMPLED
        assert outer.context.endswith("-00")
        assert current.trace_id() == TRACE
        with recorder.tracing.within("inner", Kind.CLIENT):
            pass
    assert recorder.spans == {}


def test_what_is_not_sampled_goes_on_from_one_place_and_is_asked_nothing(
    recorder: Recorder,
) -> None:
    asked = []

    def told() -> Attributes:
        asked.append("told")
        return {"a": 1}

    tracing = recorder.tracing
    with tracing.follow(f"{UNSAMPLED} a=1", "work", Kind.CONSUMER, told) as span:
        assert span.context == tracing.current == f"{UNSAMPLED} a=1"
        with tracing.within("inner", Kind.CLIENT, told):
            pass
    Recorder(ratio=0.0).tracing.begin("work", Kind.SERVER, told).end()
    assert asked == []
    with tracing.follow(SAMPLED, "work", Kind.CONSUMER, told):
        pass
    assert asked == ["told"]
    assert recorder.spans["work"].attributes == {"a": 1}


def test_what_is_no_place_begins_nothing(recorder: Recorder) -> None:
    for wrong in ("", "nonsense", f"00-{'0' * 32}-{2:016x}-01"):
        with recorder.tracing.follow(wrong, "work", Kind.CONSUMER) as span:
            assert span.context == ""
    assert recorder.spans == {}


def test_a_link_that_is_no_place_is_left_out(recorder: Recorder) -> None:
    with recorder.tracing.begin("batch", Kind.CONSUMER, links=("nonsense" * 9, SAMPLED)):
        pass
    assert [one.context.trace_id for one in recorder.spans["batch"].links] == [1]


def test_an_error_is_told_by_its_code_and_never_by_its_text(recorder: Recorder) -> None:
    secret = "token 123:SECRET"
    with (
        pytest.raises(ChannelError),
        recorder.tracing.begin("refused", Kind.CLIENT),
    ):
        raise ChannelError(secret, retry=False, reason="blocked")
    with pytest.raises(ValueError, match="SECRET"), recorder.tracing.begin("broken", Kind.CLIENT):
        raise ValueError(secret)
    words = {name: (one.attributes or {})["error.type"] for name, one in recorder.spans.items()}
    assert words == {"refused": "blocked", "broken": "ValueError"}
    assert not any("SECRET" in one.to_json() for one in recorder.spans.values())


def test_a_ratio_of_nothing_names_traces_that_are_not_recorded() -> None:
    recorder = Recorder(ratio=0.0)
    places = {recorder.tracing.begin("work", Kind.SERVER).context for _ in range(100)}
    assert len(places) == 100
    assert {one[-3:] for one in places} == {"-02"}
    assert recorder.spans == {}


@pytest.mark.parametrize(("second", "recorded"), [(SAMPLED, True), (UNSAMPLED, False)])
def test_a_batch_is_recorded_when_a_trace_in_it_is(second: str, *, recorded: bool) -> None:
    recorder = Recorder(ratio=0.0)
    records = [
        Followed(Position(0, 0), UNSAMPLED, "first", dict),
        Followed(Position(0, 1), second, "second", dict),
        Followed(Position(0, 2), "", "third", dict),
    ]
    with follow_batch(recorder.tracing, COMMANDS, records) as spans:
        assert set(spans.traces) == {Position(0, 0), Position(0, 1)}
        assert spans.traces[Position(0, 0)][:36] == UNSAMPLED[:36]
        assert spans.traces[Position(0, 0)].endswith("-00")
        assert spans[Position(0, 2)].context == ""
    assert set(recorder.spans) == ({"process commands", "second"} if recorded else set())
    if recorded:
        batch, single = recorder.spans["process commands"], recorder.spans["second"]
        assert [one.context.trace_id for one in batch.links] == [1]
        [link] = single.links
        assert link.context.span_id == batch.context.span_id


async def test_a_record_goes_on_from_whoever_appends_it_or_from_where_it_says(
    recorder: Recorder,
) -> None:
    log = TracedLog(MemoryEventLog(), recorder.tracing, "memory")
    await log.append([Record(COMMANDS, "k", b"0")])
    with recorder.tracing.begin("work", Kind.SERVER) as work:
        other = f"00-{9:032x}-{9:016x}-01"
        await log.append([Record(COMMANDS, "k", b"1"), Record(COMMANDS, "k", b"2", other)])
    traces = [one.trace for one in await log.read(COMMANDS, after=None, limit=9)]
    assert traces[0] == ""
    assert traces[1][:35] == work.context[:35]
    assert traces[1][36:52] == f"{recorder.spans['append commands'].context.span_id:016x}"
    assert traces[2] == other
    assert recorder.parent("append commands") == work.context[36:52]


def report(message: str) -> ReportStatus:
    entry = StatusEntry(
        message_id=MessageId(message),
        conversation_id=ConversationId("c"),
        user_id=UserId("u"),
        channel="paper",
        status=Status.DELIVERED,
        at=datetime.now(UTC),
    )
    return ReportStatus(conversation_id=ConversationId("c"), entry=entry)


async def test_a_receipt_goes_on_in_the_trace_of_its_message(recorder: Recorder) -> None:
    traces = MessageTraces(MemoryEphemeral().leases, recorder.tracing)
    await traces.remember(MessageId("m1"), SAMPLED)
    await traces.remember(MessageId("m2"), UNSAMPLED)
    with recorder.tracing.begin("callback", Kind.SERVER) as callback:
        records = await traces.records([report("m1"), report("m2"), report("m3")])
    assert [one.trace[3:35] for one in records] == [TRACE, "", ""]
    assert recorder.parent("receipt paper") == f"{2:016x}"
    [link] = recorder.spans["receipt paper"].links
    assert f"{link.context.span_id:016x}" == callback.context[36:52]


async def test_lost_state_costs_a_receipt_its_trace_and_nothing_else(recorder: Recorder) -> None:
    class Gone(MemoryLeases):
        """Leases of a server that is not there."""

        async def put(self, key: str, value: str, *, ttl: float) -> None:
            raise Unavailable("gone")

        async def get_many(self, keys: Collection[str]) -> dict[str, str]:
            raise Unavailable("gone")

    traces = MessageTraces(Gone(time.monotonic), recorder.tracing)
    await traces.remember(MessageId("m1"), SAMPLED)
    assert [one.trace for one in await traces.records([report("m1")])] == [""]


async def test_each_try_of_a_webhook_is_in_the_trace_of_its_message(recorder: Recorder) -> None:
    answers = [Answer(status=503), Answer(status=204)]
    directory = MemoryDirectory()
    receiver = PaperReceiver(lambda _: answers.pop(0))
    await directory.endpoints.put(endpoint())
    waiting = replace(event("a", 1), trace=SAMPLED)
    await directory.deliveries.add([waiting], at=datetime.now(UTC))
    over = asyncio.Event()
    sender = WebhookSender(
        directory,
        receiver,
        source="",
        limits=SendingLimits(backoff=Backoff(first=0.0), look=0.01),
        told=lambda outcome: over.set() if outcome == "delivered" else None,
        tracing=recorder.tracing,
    )
    task = asyncio.create_task(sender.run())
    async with asyncio.timeout(10):
        await over.wait()
    task.cancel()
    await asyncio.wait([task])
    tries = [one for one in recorder.finished if one.name == "post webhook"]
    assert [f"{one.context.trace_id:032x}" for one in tries] == [TRACE, TRACE]
    told = [one.attributes or {} for one in tries]
    assert [one["chat4all.attempt"] for one in told] == [1, 2]
    assert [one["http.response.status_code"] for one in told] == [503, 204]
    assert [one.get("error.type") for one in told] == ["not_taken", None]
    assert "shop.example" not in str(told)


def test_a_process_that_records_nothing_hands_on_what_it_is_given() -> None:
    tracing = Untraced()
    with tracing.follow(SAMPLED, "work", Kind.CONSUMER) as span:
        assert span.context == SAMPLED
        assert tracing.within("inner", Kind.CLIENT).context == ""
    assert tracing.begin("work", Kind.SERVER).context == ""
