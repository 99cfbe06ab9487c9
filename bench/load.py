"""The load generator: a process of its own that reads a job and writes what came of it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Sequence
from time import perf_counter

import msgspec
import uvloop

from bench import cpu
from bench.backlog import watched
from bench.contents import BATCH, requests_of
from bench.drive import NO_ANSWER, Closed, Drive, Open, Sender
from bench.grpc_sender import Channels
from bench.http1 import Asker, Connection, request
from bench.job import Answer, Findings, Job, Outcome, Phase
from bench.ledger import Ledger, judge
from bench.socket_client import SocketClient
from bench.socket_sender import SocketSender
from bench.stats import latency

DRAIN_SECONDS = 120.0
PAGE = 200
CAPACITY = "capacity"
"""The name of the phase whose accepted rate the open phases are shares of."""
_OK, _ACCEPTED = 200, 202
_COME_AGAIN = (429, 503)
_PREFIX = b'{"message_id":"'


class _Item(msgspec.Struct):
    seq: int
    message_id: str


class _Page(msgspec.Struct):
    items: list[_Item]


class _Problem(msgspec.Struct):
    code: str


class _Each(msgspec.Struct):
    """What became of one message of a batch."""

    status: int
    message_id: str = ""
    problem: _Problem | None = None


class _Batch(msgspec.Struct):
    items: list[_Each]


def outcomes_of(body: bytes) -> tuple[list[str], list[str]]:
    """Return the ids of what a batch had accepted, and why the rest was not."""
    items = msgspec.json.decode(body, type=_Batch).items
    accepted = [one.message_id for one in items if one.status == _ACCEPTED]
    refused = [
        one.problem.code if one.problem else str(one.status)
        for one in items
        if one.status != _ACCEPTED
    ]
    return accepted, refused


def why(status: int, *, retry_after: bool) -> str:
    """Return what a refusal is counted as; 429 and 503 have to say when to come again."""
    if not status:
        return NO_ANSWER
    missing = status in _COME_AGAIN and not retry_after
    return f"{status} without Retry-After" if missing else str(status)


class Load:
    """One job being done."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._ledger = Ledger()
        self._requests = requests_of(job)
        self._pool: list[Sender] = []
        self._channels = Channels(job)
        self._asker = Asker(job.host, job.port)
        self._sockets: list[SocketClient] = []
        self._drive: Drive | None = None
        self._before: dict[int, int] = {}
        self._capacity = 0.0

    async def run(self) -> Answer:
        """Connect, do every phase, compare, disconnect."""
        await self._connect()
        for lane in range(len(self._job.lanes)):
            self._before[lane] = await self._head(lane)
        gc.collect()
        gc.disable()
        outcomes = [await self._phase(phase) for phase in self._job.phases]
        findings = await self._judge() if self._job.lanes else None
        for socket in self._sockets:
            socket.close()
        for sender in self._pool:
            sender.close()
        await self._channels.aclose()
        self._asker.close()
        return Answer(outcomes=outcomes, findings=findings)

    async def _connect(self) -> None:
        job = self._job
        recipients = {lane.recipient_id: lane.recipient_token for lane in job.lanes}
        for user, token in recipients.items():
            socket = SocketClient(job.host, job.port, token, self._ledger.receiver(user))
            await socket.connect()
            self._sockets.append(socket)
        if job.watched:
            for token in {lane.sender_id: lane.sender_token for lane in job.lanes}.values():
                watching = SocketClient(job.host, job.port, token, lambda *_: None)
                await watching.connect()
                self._sockets.append(watching)
        self._pool = [await self._dial(number) for number in range(job.connections)]

    async def _dial(self, number: int) -> Sender:
        job, lane = self._job, number % max(1, len(self._job.lanes))
        if job.way == "websocket":
            socket = SocketSender(job.host, job.port, job.lanes[lane].sender_token, self._answered)
            socket.lane = lane
            await socket.connect()
            return socket
        if job.way not in {"rest", "rest batch"}:
            return self._channels.sender(number, lane, self._answered)
        batches = job.way == "rest batch"
        connection = Connection(self._responded_to_batch if batches else self._responded)
        connection.lane = lane
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, job.host, job.port)
        return connection

    async def _redial(self) -> None:
        """Replace the connections that the server has closed because they were idle."""
        for number, sender in enumerate(self._pool):
            if sender.lost:
                self._pool[number] = await self._dial(number)

    def _responded(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        """Take the answer to a POST."""
        if status == _ACCEPTED and body.startswith(_PREFIX):
            self._answered(connection, (body[15:51].decode(),), (), now)
        else:
            self._answered(connection, (), (why(status, retry_after=connection.retry_after),), now)

    def _responded_to_batch(
        self, connection: Connection, status: int, body: bytes, now: float
    ) -> None:
        """Take the answer to a batch; one without outcomes is a refusal of all of it."""
        if status == _OK:
            self._answered(connection, *outcomes_of(body), now)
        else:
            refusal = why(status, retry_after=connection.retry_after)
            self._answered(connection, (), (refusal,) * BATCH, now)

    def _answered(
        self, sender: Sender, accepted: Sequence[str], refused: Sequence[str], now: float
    ) -> None:
        if self._drive is not None:
            self._drive.answered(sender, accepted, refused, now)

    async def _phase(self, phase: Phase) -> Outcome:
        await self._redial()
        drive = self._start(phase)
        frames = self._ledger.frame_count
        before = cpu.moment(self._job.server_pid)
        window = asyncio.ensure_future(self._look_after(phase.seconds))
        async with watched(self._job.stored_in, lambda: len(drive.ids)) as backlog:
            await drive.run(phase.seconds)
            ended = perf_counter()
        after, frames_after = await window
        self._drive = None
        gc.collect()
        if phase.name == CAPACITY:
            self._capacity = drive.accepted / phase.seconds
        drained, stored = await self._drain(ended, phase.rest) if self._job.lanes else (None, None)
        found = self._outcome(phase, drive, (before, after), frames_after - frames, drained, stored)
        late = round(max(0.0, ended - before.at - phase.seconds), 3)
        return msgspec.structs.replace(found, ended_after=late, backlog=backlog.most)

    async def _look_after(self, seconds: float) -> tuple[cpu.Moment, int]:
        """Return the processor time and the frames when the seconds of a phase are over."""
        await asyncio.sleep(seconds)
        return cpu.moment(self._job.server_pid), self._ledger.frame_count

    def _start(self, phase: Phase) -> Drive:
        pool = self._pool[: phase.connections or None]
        parts = (pool, self._requests, self._ledger)
        drive: Drive
        if phase.kind == "open":
            rate = self._rate(phase)
            if rate <= 0:
                raise ValueError(f"phase {phase.name}: the phase `{CAPACITY}` accepted nothing")
            drive = Open(*parts)
            drive.schedule(rate, spin=self._job.spin, seed=round(rate), drops=phase.drops)
        else:
            drive = Closed(*parts)
        drive.named = phase.named
        self._drive = drive
        return drive

    def _rate(self, phase: Phase) -> float:
        return phase.rate or phase.share * self._capacity

    async def _drain(self, ended: float, rest: float) -> tuple[float, float | None]:
        """Wait for the last frame and for the last row; return how long each took.

        A `rest` is over before the server is asked for rows, and then it is not told how long.
        """
        limit = perf_counter() + DRAIN_SECONDS
        while self._missing() > 0 and perf_counter() < limit:  # noqa: ASYNC110 - no event per frame
            await asyncio.sleep(0.001)
        drained = perf_counter() - ended
        await asyncio.sleep(rest - drained)
        expected = len(self._ledger.acknowledged)
        while perf_counter() < limit:
            heads = [await self._head(lane) for lane in range(len(self._job.lanes))]
            if sum(heads) - sum(self._before.values()) >= expected:
                break
            await asyncio.sleep(0.002)
        return round(drained, 3), None if rest else round(perf_counter() - ended, 3)

    def _missing(self) -> int:
        return len(self._ledger.acknowledged) - self._ledger.frame_count

    def _outcome(
        self,
        phase: Phase,
        drive: Drive,
        moments: tuple[cpu.Moment, cpu.Moment],
        frames: int,
        drained: float | None,
        stored: float | None,
    ) -> Outcome:
        own, loop, threads = cpu.cores(*moments)
        on_screen, accepted_to_screen = self._to_screen(drive.ids)
        return Outcome(
            name=phase.name,
            kind=phase.kind,
            seconds=phase.seconds,
            began=moments[0].at,
            offered=self._rate(phase) if phase.kind == "open" else None,
            accepted=drive.accepted / phase.seconds,
            refused=dict(drive.refused),
            pushed=frames / phase.seconds,
            drained_after=drained,
            stored_after=stored,
            generator_cpu=own,
            server_loop_cpu=loop,
            server_threads_cpu=threads,
            late=latency(drive.late),
            answered=latency([answered - due for due, answered in drive.answers]),
            on_screen=latency(on_screen),
            accepted_to_screen=latency(accepted_to_screen),
        )

    def _to_screen(self, ids: Sequence[str]) -> tuple[list[float], list[float]]:
        first, known = self._ledger.first_frames(), self._ledger.acknowledged
        seen = [(first[name], known[name]) for name in ids if name in first]
        return [at - one.due for at, one in seen], [at - one.answered for at, one in seen]

    async def _judge(self) -> Findings:
        histories = {lane: await self._history(lane) for lane in range(len(self._job.lanes))}
        recipients = {number: lane.recipient_id for number, lane in enumerate(self._job.lanes)}
        reconnects = sum(socket.reconnects for socket in self._sockets)
        return judge(self._ledger, histories, self._before, recipients, reconnects=reconnects)

    async def _history(self, lane: int) -> list[tuple[int, str]]:
        rows: list[tuple[int, str]] = []
        after = self._before[lane]
        while True:
            items = await self._page(lane, f"after_seq={after}&limit={PAGE}")
            rows += [(item.seq, item.message_id) for item in items]
            if len(items) < PAGE:
                return rows
            after = items[-1].seq

    async def _head(self, lane: int) -> int:
        items = await self._page(lane, "limit=1")
        return items[-1].seq if items else 0

    async def _page(self, lane: int, query: str) -> list[_Item]:
        one = self._job.lanes[lane]
        path = f"/v1/conversations/{one.conversation_id}/messages?{query}"
        host = f"{self._job.host}:{self._job.port}"
        status, body = await self._asker.ask(
            request("GET", path, host=host, token=one.recipient_token)
        )
        if status != _OK:
            raise RuntimeError(f"GET {path} was answered {status}: {body[:300]!r}")
        return msgspec.json.decode(body, type=_Page).items


def main() -> None:
    """Do the job on the standard input; write the answer to the standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    answer = uvloop.run(Load(job).run())
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
