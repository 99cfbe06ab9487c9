"""The auditor: what it finds, what it must not, and that it goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.failovers import MemoryFailovers
from chat4all.adapters.memory.message_store import MemoryMessages, MemoryMessageStore
from chat4all.domain.commands import (
    AdvanceCursor,
    Command,
    DeleteMessage,
    EditMessage,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.errors import MessageIdConflict, Unavailable
from chat4all.domain.failover import FailoverPlan
from chat4all.domain.messages import APP, Message
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.integrity import Finding
from chat4all.ports.message_store import Effects
from chat4all.services.audit.auditor import Auditor
from chat4all.services.audit.course import Course, Patience, Place, Step
from chat4all.services.audit.log_against_store import LogAgainstStore
from chat4all.services.audit.log_course import LogCourse
from chat4all.services.audit.notes import Notes, read_notes
from chat4all.services.audit.numbers import NumbersCourse
from chat4all.services.audit.refusals import Refusals
from chat4all.services.audit.statuses import DeadlinesCourse, StatusesCourse
from chat4all.services.audit.whole_check import findings_of
from chat4all.services.dead_letters import dead_letter
from chat4all.services.records import encode_command
from chat4all.testing.message_storage import BERT, Talk, report

NOW = datetime(2026, 3, 10, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GROUP = "router"


class Shown:
    """What is shown and counted."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.open: Mapping[str, int] = {}
        self.until: dict[str, datetime] = {}
        self.is_over = False

    def looked(self, part: str, count: int) -> None:
        self.counted[part] += count

    def found(self, check: str) -> None:
        self.counted[check] += 1

    def findings(self, by_check: Mapping[str, int]) -> None:
        self.open = by_check

    def proven(self, part: str, until: datetime, cycle_seconds: float | None) -> None:
        del cycle_seconds
        self.until[part] = until

    def ended(self) -> None:
        self.is_over = True


class Desk:
    """A store, a log, and an auditor at a time that the test tells."""

    def __init__(self) -> None:
        self.now = NOW
        self.messages = MemoryMessages()
        self.store = MemoryMessageStore(self.messages)
        self.log = MemoryEventLog()
        self.shown = Shown()

    def patience(self, *, since: datetime = NOW - DAY) -> Patience:
        return Patience(grace=HOUR, since=since, now=lambda: self.now)

    def log_course(self, *, again: bool = False) -> LogCourse:
        judge = LogAgainstStore(self.store, Refusals(self.log))
        return LogCourse(self.log, judge, group=GROUP, again=again)

    async def auditor(self, *courses: Course, rate: float = 1_000.0, spare: float = 1.0) -> Auditor:
        auditor = Auditor(
            courses,
            self.store,
            self.shown,
            rate=rate,
            spare=lambda: spare,
            now=lambda: self.now,
        )
        await auditor.begin()
        return auditor

    async def tick(self, auditor: Auditor, times: int = 1) -> Notes:
        for _ in range(times):
            self.now += timedelta(seconds=10)
            await auditor.tick()
        return await read_notes(self.store)

    async def accept(self, *commands: Command) -> None:
        """Append commands, as a gateway does."""
        await self.log.append(
            [Record(COMMANDS, one.conversation_id, encode_command(one)) for one in commands]
        )

    async def commit(self) -> None:
        """Commit everything, as the router does when the effects are stored."""
        async with self.log.consume(COMMANDS, GROUP) as consumer:
            for end in await self.log.ends(COMMANDS):
                await consumer.commit(end)

    async def judged(self) -> list[Finding]:
        return [one async for one in findings_of(self.log_course(again=True), at_once=3)]


def submit(message: Message) -> SubmitMessage:
    assert message.payload is not None
    return SubmitMessage(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        sender=message.sender,
        payload=message.payload,
        accepted_at=message.created_at,
        digest=f"digest of {message.message_id}",
    )


async def stored(desk: Desk, talk: Talk, count: int) -> list[Message]:
    """Accept and store messages; the router has not committed them yet."""
    effects = talk.many(count)
    messages = [one.message for one in effects.added]
    await desk.accept(*map(submit, messages))
    await desk.store.apply(effects)
    return messages


# -- the log against the store


async def test_what_was_accepted_and_is_not_stored_is_lost() -> None:
    desk, talk = Desk(), Talk()
    messages = await stored(desk, talk, 7)
    await desk.commit()
    assert await desk.judged() == []
    del desk.messages.kept[messages[4].message_id]
    [finding] = await desk.judged()
    assert (finding.check, finding.conversation_id) == ("lost_record", talk.id)
    assert messages[4].message_id in finding.detail


async def test_what_the_router_has_not_done_yet_is_not_lost_and_nothing_is_proven() -> None:
    desk, talk = Desk(), Talk()
    await stored(desk, talk, 2)
    await desk.commit()
    await desk.accept(submit(talk.add().message))
    auditor = await desk.auditor(desk.log_course(), desk.log_course(again=True))
    notes = await desk.tick(auditor, 3)
    assert notes.proven_until() is None
    assert set(notes.open_findings().values()) == {0}
    await desk.commit()  # and this router has lost it
    notes = await desk.tick(auditor, 2)
    assert notes.proven_until() is not None
    assert notes.open_findings()["lost_record"] == 1


async def test_what_was_refused_is_not_lost() -> None:
    desk, talk = Desk(), Talk()
    [message] = await stored(desk, talk, 1)
    other = replace(submit(message), payload=text("another"), digest="another")
    await desk.accept(other)
    await desk.log.append([Record(COMMANDS, talk.id, b"unreadable")])
    await desk.commit()
    found = await desk.judged()
    assert [one.check for one in found] == ["lost_record", "lost_record"]
    refused = MessageIdConflict("used")
    await desk.log.append(
        [
            dead_letter(COMMANDS, talk.id, value, refused)
            for value in (encode_command(other), b"unreadable")
        ]
    )
    assert await desk.judged() == []


async def test_changes_reports_and_cursors_are_looked_for_too() -> None:
    desk, talk = Desk(), Talk()
    first, second = await stored(desk, talk, 2)
    edit = EditMessage(
        conversation_id=talk.id,
        message_id=first.message_id,
        actor=first.sender,
        payload=text("better"),
        at=NOW,
    )
    deletion = DeleteMessage(
        conversation_id=talk.id,
        message_id=second.message_id,
        actor=second.sender,
        for_everyone=True,
        at=NOW,
    )
    sent = ReportStatus(conversation_id=talk.id, entry=report(first, Status.SENT))
    moved = AdvanceCursor(
        conversation_id=talk.id, user_id=BERT, delivered_seq=2, read_seq=1, at=NOW
    )
    to_the_end = replace(moved, delivered_seq=2**40, read_seq=2**40)
    await desk.accept(edit, deletion, sent, moved, to_the_end)
    await desk.commit()
    checks = sorted(one.check for one in await desk.judged())
    assert checks == ["cursor_back", "lost_record", "lost_record", "lost_record"]
    await desk.store.apply(talk.edit(first, "better"))
    await desk.store.apply(talk.delete(second))
    failed = [report(first, Status.SENT), report(first, Status.FAILED), report(first, Status.READ)]
    await desk.store.apply(Effects(statuses=failed))
    await desk.store.apply(talk.move(BERT, delivered=2, read=1))
    assert await desk.judged() == []


async def test_new_records_are_judged_once_and_old_ones_again() -> None:
    desk, talk = Desk(), Talk()
    messages = await stored(desk, talk, 30)
    await desk.commit()
    auditor = await desk.auditor(desk.log_course(), desk.log_course(again=True))
    await desk.tick(auditor, 1)
    desk.shown.counted.clear()
    await stored(desk, talk, 5)
    await desk.commit()
    await desk.tick(auditor, 1)
    assert (desk.shown.counted["log"], desk.shown.counted["log_again"]) == (5, 35)
    kept = desk.messages.kept.pop(messages[0].message_id)
    notes = await desk.tick(auditor, 3)
    assert notes.open_findings()["lost_record"] == 1
    desk.messages.kept[messages[0].message_id] = kept
    notes = await desk.tick(auditor, 2)
    assert notes.open_findings()["lost_record"] == 0


async def test_what_is_lost_as_it_comes_stays_a_finding() -> None:
    desk, talk = Desk(), Talk()
    auditor = await desk.auditor(desk.log_course(), desk.log_course(again=True))
    await desk.tick(auditor, 2)
    lost = talk.add().message
    await desk.accept(submit(lost))
    await desk.commit()
    for _ in range(4):
        notes = await desk.tick(auditor)
        assert desk.shown.open["lost_record"] == 1
    assert [one.check for one in notes.latest] == ["lost_record"]
    assert desk.shown.counted["lost_record"] == 1


# -- statuses and deadlines


async def begun(desk: Desk, at: datetime, *, channel: str = "telegram") -> Message:
    talk = Talk()
    effects = talk.many(1)
    message = effects.added[0].message
    effects.statuses.append(report(message, Status.ACCEPTED, at=at, channel=channel))
    await desk.store.apply(effects)
    return message


async def test_an_attempt_that_nobody_ends_is_stuck() -> None:
    desk = Desk()
    course = StatusesCourse(desk.store, desk.patience(), worth=DAY)
    message = await begun(desk, NOW - DAY - 2 * HOUR)
    await begun(desk, NOW - DAY - HOUR / 2)  # within its grace
    await begun(desk, NOW - 9 * DAY, channel=APP)  # where cursors tell
    [finding] = [one async for one in findings_of(course, at_once=2)]
    assert finding.check == "status_stuck"
    assert message.message_id in finding.detail
    await desk.store.apply(Effects(statuses=[report(message, Status.FAILED)]))
    assert [one async for one in findings_of(course)] == []


async def test_who_was_down_over_the_deadline_has_time_to_act_on_it() -> None:
    desk = Desk()
    just_started = desk.patience(since=NOW - HOUR / 2)
    await begun(desk, NOW - 9 * DAY)
    course = StatusesCourse(desk.store, just_started, worth=DAY)
    assert [one async for one in findings_of(course)] == []
    desk.now += HOUR
    assert len([one async for one in findings_of(course)]) == 1


async def test_a_plan_on_which_nobody_acted_is_stuck() -> None:
    desk, talk = Desk(), Talk()
    plans = MemoryFailovers(DirectoryState())
    message = talk.add().message
    plan = FailoverPlan(
        message_id=message.message_id,
        user_id=BERT,
        conversation_id=talk.id,
        channels=("telegram", "app"),
        expires_at=NOW + DAY,
        due_at=NOW - HOUR / 2,
    )
    await plans.put(plan)
    course = DeadlinesCourse(plans, desk.patience())
    assert [one async for one in findings_of(course)] == []
    desk.now += HOUR
    assert [one.check async for one in findings_of(course)] == ["status_stuck"]


# -- the auditor


async def test_it_goes_on_after_a_restart_where_it_was() -> None:
    desk, talk = Desk(), Talk()
    await desk.store.apply(talk.many(300))
    auditor = await desk.auditor(NumbersCourse(desk.store), rate=100.0)
    notes = await desk.tick(auditor)
    assert notes.courses["numbers"].looked == 100
    desk.shown.counted.clear()
    again = await desk.auditor(NumbersCourse(desk.store), rate=100.0)
    notes = await desk.tick(again, 3)
    assert notes.courses["numbers"].proven_until == NOW + timedelta(seconds=10)
    assert 200 < desk.shown.counted["numbers"] < 220


async def test_a_busy_process_audits_at_the_share_that_it_can_spare() -> None:
    desk, talk = Desk(), Talk()
    await desk.store.apply(talk.many(300))
    auditor = await desk.auditor(NumbersCourse(desk.store), rate=100.0, spare=0.2)
    notes = await desk.tick(auditor, 3)
    assert notes.courses["numbers"].looked == 60


async def test_a_finding_is_told_once_and_ends_when_it_is_mended() -> None:
    desk, talk = Desk(), Talk()
    await desk.store.apply(talk.many(5))
    places = desk.messages.places[talk.id]
    auditor = await desk.auditor(NumbersCourse(desk.store))
    gone = places.pop(3)
    for _ in range(3):
        notes = await desk.tick(auditor)
        assert desk.shown.open["sequence_gap"] == 1
    assert desk.shown.counted["sequence_gap"] == 1
    assert [(one.check, one.conversation_id) for one in notes.latest] == [("sequence_gap", talk.id)]
    assert notes.latest[0].found_at < notes.latest[0].seen_at
    places[3] = gone
    notes = await desk.tick(auditor, 2)
    assert desk.shown.open["sequence_gap"] == 0
    assert notes.latest == []


class Broken:
    """A course whose storage does not answer."""

    name = ledger = "broken"

    async def step(self, place: Place, limit: int) -> Step:
        raise Unavailable(f"nothing at {place} for {limit}")


async def test_a_part_that_waits_holds_up_no_other_and_is_not_proven() -> None:
    desk, talk = Desk(), Talk()
    await desk.store.apply(talk.many(5))
    auditor = await desk.auditor(Broken(), NumbersCourse(desk.store))
    notes = await desk.tick(auditor, 2)
    assert notes.courses["numbers"].proven_until is not None
    assert notes.proven_until() is None
    assert desk.shown.until["broken"] == NOW


async def test_many_findings_are_all_counted_and_a_hundred_told() -> None:
    desk = Desk()
    talks: Sequence[Talk] = [Talk() for _ in range(130)]
    for talk in talks:
        effects: Any = talk.many(3)
        await desk.store.apply(effects)
        del desk.messages.places[talk.id][2]
    auditor = await desk.auditor(NumbersCourse(desk.store))
    for _ in range(2):
        notes = await desk.tick(auditor)
        assert notes.open_findings()["sequence_gap"] == 130
        assert len(notes.latest) == 100
    assert desk.shown.counted["sequence_gap"] == 100
