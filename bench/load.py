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
from bench.drive import Closed, Drive, Open
from bench.http1 import Asker, Connection, request
from bench.job import Answer, Findings, Job, Outcome, Phase
from bench.ledger import Ledger, judge
from bench.socket_client import SocketClient
from bench.stats import latency

DRAIN_SECONDS = 120.0
PAGE = 200
CAPACITY = "capacity"
"""The name of the phase whose accepted rate the open phases are shares of."""
_NO_ID = "00000000-0000-0000-0000-000000000000"
_OK = 200


class Bodies:
    """The requests of every lane, made once."""

    def __init__(self, job: Job) -> None:
        host = f"{job.host}:{job.port}"
        self._plain: list[bytes] = []
        self._named: list[tuple[bytes, bytes]] = []
        if not job.lanes:
            self._plain.append(request("POST", "/v1/messages", host=host))
        text = ("Is anybody there? " * (job.text_length // 18 + 1))[: job.text_length]
        for lane in job.lanes:
            message: dict[str, object] = {
                "conversation_id": lane.conversation_id,
                "payload": {"type": "text", "text": text},
            }
            named = {"message_id": _NO_ID, **message}
            for content in (message, named):
                raw = request(
                    "POST",
                    "/v1/messages",
                    host=host,
                    token=lane.sender_token,
                    body=msgspec.json.encode(content),
                )
                if content is message:
                    self._plain.append(raw)
                else:
                    head, _, tail = raw.partition(_NO_ID.encode())
                    self._named.append((head, tail))

    def __call__(self, lane: int, message_id: str) -> bytes:
        """Return the next request of a lane."""
        if not message_id:
            return self._plain[lane]
        head, tail = self._named[lane]
        return head + message_id.encode() + tail


class _Item(msgspec.Struct):
    seq: int
    message_id: str


class _Page(msgspec.Struct):
    items: list[_Item]


class Load:
    """One job being done."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._ledger = Ledger()
        self._requests = Bodies(job)
        self._pool: list[Connection] = []
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
        for connection in self._pool:
            connection.transport.close()
        self._asker.close()
        return Answer(outcomes=outcomes, findings=findings)

    async def _connect(self) -> None:
        job = self._job
        recipients = {lane.recipient_id: lane.recipient_token for lane in job.lanes}
        for user, token in recipients.items():
            socket = SocketClient(job.host, job.port, token, self._ledger.receiver(user))
            await socket.connect()
            self._sockets.append(socket)
        self._pool = [await self._dial(number) for number in range(job.connections)]

    async def _dial(self, number: int) -> Connection:
        connection = Connection(self._answered)
        connection.lane = number % max(1, len(self._job.lanes))
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, self._job.host, self._job.port)
        return connection

    async def _redial(self) -> None:
        """Replace the connections that the server has closed because they were idle."""
        for number, connection in enumerate(self._pool):
            if connection.lost:
                self._pool[number] = await self._dial(number)

    def _answered(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        if self._drive is not None:
            self._drive.answered(connection, status, body, now)

    async def _phase(self, phase: Phase) -> Outcome:
        await self._redial()
        drive = self._start(phase)
        frames = self._ledger.frame_count
        before = cpu.moment(self._job.server_pid)
        window = asyncio.ensure_future(self._look_after(phase.seconds))
        await drive.run(phase.seconds)
        ended = perf_counter()
        after, frames_after = await window
        self._drive = None
        gc.collect()
        if phase.name == CAPACITY:
            self._capacity = drive.accepted / phase.seconds
        drained, stored = await self._drain(ended) if self._job.lanes else (None, None)
        return self._outcome(phase, drive, (before, after), frames_after - frames, drained, stored)

    async def _look_after(self, seconds: float) -> tuple[cpu.Moment, int]:
        """Return the processor time and the frames when the seconds of a phase are over."""
        await asyncio.sleep(seconds)
        return cpu.moment(self._job.server_pid), self._ledger.frame_count

    def _start(self, phase: Phase) -> Drive:
        parts = (self._pool, self._requests, self._ledger)
        drive: Drive
        if phase.kind == "open":
            rate = phase.share * self._capacity
            if rate <= 0:
                raise ValueError(f"phase {phase.name}: the phase `{CAPACITY}` accepted nothing")
            drive = Open(*parts)
            drive.schedule(rate, spin=self._job.spin, seed=round(rate))
        else:
            drive = Closed(*parts)
        drive.named = phase.named
        self._drive = drive
        return drive

    async def _drain(self, ended: float) -> tuple[float, float]:
        """Wait for the last frame and for the last row; return how long each took."""
        limit = perf_counter() + DRAIN_SECONDS
        while self._missing() > 0 and perf_counter() < limit:  # noqa: ASYNC110 - no event per frame
            await asyncio.sleep(0.001)
        drained = perf_counter() - ended
        expected = len(self._ledger.acknowledged)
        while perf_counter() < limit:
            heads = [await self._head(lane) for lane in range(len(self._job.lanes))]
            if sum(heads) - sum(self._before.values()) >= expected:
                break
            await asyncio.sleep(0.002)
        return round(drained, 3), round(perf_counter() - ended, 3)

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
            offered=phase.share * self._capacity if phase.kind == "open" else None,
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
