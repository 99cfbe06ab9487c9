"""The bench of overload: what is dropped and refused, when it is over, and what is told."""

from __future__ import annotations

import asyncio
from time import perf_counter

import msgspec
import pytest

from bench.drive import NO_ANSWER, NOT_SENT, Open
from bench.http1 import Connection
from bench.job import Answer, Job, Lane, Phase
from bench.ledger import Ledger
from bench.load import CAPACITY, why
from bench.overload import (
    AFTERWARDS,
    OVERLOAD,
    QUIET,
    REST,
    RUN,
    Recovery,
    Round,
    broken_of,
    lines_of,
    phases_of,
    recovered,
    round_of,
)
from bench.probe import EVERY, Probe, Sighting
from bench.servers import BenchFailed
from tests.unit.bench.test_bench_math import ledger, outcome, verdict

NEVER = float("inf")


def since(*took: float) -> list[tuple[float, float]]:
    return [(round(number * EVERY, 2), one) for number, one in enumerate(took)]


def test_it_has_recovered_when_all_probes_of_a_second_are_as_quick_as_before() -> None:
    before = [0.004] * 60
    assert recovered(before, since(*[0.004] * RUN)) == 0.0
    assert recovered(before, since(*[0.1] * 10, *[0.005] * RUN)) == pytest.approx(0.45)
    assert recovered(before, since(*[0.1] * 10, *[0.005] * (RUN - 2))) is None
    assert recovered(before, since(*[0.0065] * 100)) is None


def test_one_slow_probe_in_a_second_is_let_pass_and_two_are_not() -> None:
    before = [0.004] * 60
    assert recovered(before, since(0.004, NEVER, *[0.004] * RUN)) == 0.0
    assert recovered(before, since(NEVER, NEVER, *[0.004] * RUN)) == EVERY


@pytest.mark.parametrize(
    ("status", "told", "said"),
    [
        (503, True, "503"),
        (429, True, "429"),
        (503, False, "503 without Retry-After"),
        (429, False, "429 without Retry-After"),
        (400, False, "400"),
        (0, False, NO_ANSWER),
    ],
)
def test_a_refusal_that_does_not_say_when_to_come_again_is_told(
    status: int, *, told: bool, said: str
) -> None:
    assert why(status, retry_after=told) == said


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_a_connection_sees_whether_an_answer_says_when_to_come_again(name: str) -> None:
    seen: list[tuple[int, bool]] = []
    connection = Connection(lambda one, status, *_: seen.append((status, one.retry_after)))
    busy = f"HTTP/1.1 503 Busy\r\n{name}: 1\r\ncontent-length: 0\r\n\r\n"
    connection.data_received(busy.encode())
    connection.data_received(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")
    assert seen == [(503, True), (503, False)]


class Deaf:
    """A sender that is never answered before the time is over."""

    def __init__(self) -> None:
        self.lane, self.due, self.lost, self.sent = 0, 0.0, False, 0
        self.drive: Open | None = None

    def send(self, raw: bytes) -> None:
        del raw
        self.sent += 1
        asyncio.get_running_loop().call_later(0.15, self._answer)

    def close(self) -> None:
        """There is nothing to end."""

    def _answer(self) -> None:
        assert self.drive is not None
        self.drive.answered(self, ("a",), (), perf_counter())


@pytest.mark.parametrize("drops", [True, False])
async def test_what_finds_no_free_connection_is_dropped_only_where_that_is_asked(
    *, drops: bool
) -> None:
    sender = Deaf()
    drive = sender.drive = Open([sender], lambda *_: b"", Ledger())
    drive.schedule(200.0, spin=False, seed=1, drops=drops)
    running = asyncio.ensure_future(drive.run(0.1))
    await asyncio.sleep(0.12)
    assert sender.sent == 1
    if drops:
        await running
        assert drive.refused[NOT_SENT] > 3
    else:
        assert drive.refused[NOT_SENT] == 0
        assert not running.done()
        running.cancel()


def loaded(refused: dict[str, int], *, accepted: float = 1_000.0, lost: int = 0) -> Round:
    found = verdict(ledger(*"abc"[:lost]))
    return Round(
        phases={
            CAPACITY: outcome(2_000.0),
            OVERLOAD: outcome(
                accepted, name=OVERLOAD, offered=6_000.0, refused=refused, seconds=2.0
            ),
        },
        findings=found,
        answered=Recovery(before=4.0, after=1.5),
        screen=Recovery(before=8.0, after=None),
        unseen=0,
        idle_memory=100.0,
        highest_memory=200.0,
    )


def test_a_refusal_breaks_a_promise_only_without_a_reason_to_come_again() -> None:
    assert broken_of([loaded({"503": 5, "429": 7, NOT_SENT: 9})]) == 0
    assert broken_of([loaded({"503 without Retry-After": 2, "500": 1, NO_ANSWER: 1})]) == 4
    assert broken_of([loaded({}, lost=2)]) == 2
    assert broken_of([msgspec.structs.replace(loaded({}), unseen=3)]) == 3


def test_what_is_refused_is_told_by_the_second_and_by_reason() -> None:
    lines = dict(lines_of([loaded({"503": 3_000}), loaded({"500": 10}, accepted=3_000.0)]))
    assert lines["accepted / accepted before"].least == 0.5
    assert lines["not accepted/s: 503"].most == 1_500
    assert lines["not accepted/s: 429"].most == 0
    assert lines["not accepted/s: 500"].most == 5
    assert lines["as quick again after: answered, s, goal <= 5"].median == 1.5
    assert "as quick again after: on screen, s, goal <= 5" not in lines
    assert lines["not within 20 s: on screen, rounds"].median == 2
    assert lines["memory at its highest, MiB"].median == 200


def sighting(due: float, took: float | None) -> Sighting:
    if took is None:
        return Sighting(due=due)
    return Sighting(due=due, answered=due + took, screen=due + 2 * took)


def test_probes_before_and_after_are_told_apart_by_the_clock_of_the_load() -> None:
    capacity = outcome(1.0, began=100.0, seconds=5.0)
    over = outcome(1.0, name=OVERLOAD, began=111.5, seconds=60.0)
    rested, ended = 105.0 + REST, 171.5
    sightings = [
        *(sighting(rested - QUIET - 4.0 + number * EVERY, 1.0) for number in range(79)),
        *(sighting(rested - QUIET + number * EVERY, 0.004) for number in range(59)),
        *(sighting(ended - 2.0 + number * EVERY, 0.004) for number in range(39)),
        *(sighting(ended + number * EVERY, None) for number in range(20)),
        *(sighting(ended + 1 + number * EVERY, 0.004) for number in range(40)),
        Sighting(due=ended + AFTERWARDS + 1, answered=ended + AFTERWARDS + 2),
    ]
    answer = Answer(outcomes=[capacity, over], findings=verdict(ledger()))
    found = round_of(answer, sightings, (1.0, 2.0))
    assert found.answered == Recovery(before=4.0, after=0.95)
    assert found.screen == Recovery(before=8.0, after=0.95)
    assert found.unseen == 1


def test_a_probe_that_saw_nothing_before_measures_nothing() -> None:
    over = outcome(1.0, name=OVERLOAD, began=11.0, seconds=60.0)
    answer = Answer(outcomes=[outcome(1.0), over], findings=verdict(ledger()))
    for seen in ([], [sighting(1.0 + REST - 0.5, None)]):
        with pytest.raises(BenchFailed, match="before the overload"):
            round_of(answer, seen, (1.0, 2.0))


class Line(Connection):
    """A connection that sends nowhere."""

    sent = 0

    def send(self, raw: bytes) -> None:
        assert raw.startswith(b"POST /v1/messages ")
        self.sent += 1


def probe_over(*lines: Connection) -> Probe:
    lane = Lane(
        conversation_id="here",
        sender_id="ana",
        sender_token="a",
        recipient_id="bia",
        recipient_token="b",
    )
    job = Job(
        host="here",
        port=1,
        server_pid=1,
        connections=1,
        phases=[],
        lanes=[lane],
        text_length=20,
        spin=False,
    )
    probe = Probe(job)
    probe._free = list(lines)
    return probe


def test_a_probe_notes_when_its_message_was_accepted_and_when_it_was_on_screen() -> None:
    name = "01890000-0000-7000-8000-0000000000aa"
    line = Line(lambda *_: None)
    probe = probe_over(line)
    probe.probe(1.0)
    probe._answered(line, 202, f'{{"message_id":"{name}"}}'.encode(), 1.5)
    probe.probe(2.0)
    probe._answered(line, 503, b"{}", 2.5)
    probe._arrived(name, 1, 1.75)
    assert probe.seen() == [Sighting(due=1.0, answered=1.5, screen=1.75), Sighting(due=2.0)]
    assert line.sent == 2


async def test_a_probe_dials_when_no_connection_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[Sighting] = []

    async def dial(_: Probe, sighting: Sighting) -> None:
        dialled.append(sighting)

    monkeypatch.setattr(Probe, "_dial", dial)
    gone = Line(lambda *_: None)
    gone.lost = True
    probe = probe_over(gone)
    probe.probe(1.0)
    await asyncio.sleep(0)
    assert dialled == [Sighting(due=1.0)]
    assert gone.sent == 0


def test_the_overload_follows_a_rest_and_is_some_times_what_the_product_takes() -> None:
    _, capacity, over = phases_of(3.0, 60.0)
    assert (capacity.rest, over.share, over.seconds, over.drops) == (REST, 3.0, 60.0, True)
    assert capacity.connections
    assert over == Phase(
        name=OVERLOAD, kind="open", seconds=60.0, share=3.0, drops=True, rest=AFTERWARDS
    )
