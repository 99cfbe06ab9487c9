"""The members of a group, in a process of their own: they listen, and one of them sends to all.

Reads a job, writes what came of it. The next message is sent when fewer than `ahead` are on
their way to the members, so deliveries are as fast as the server makes them.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from time import perf_counter

import msgspec
import uvloop

from bench import cpu, memory
from bench.http1 import Connection, request
from bench.job import Latency
from bench.servers import ROOT, BenchFailed
from bench.socket_client import SocketClient
from bench.stats import latency
from chat4all.domain.ids import new_id

SETTLED = 1.0
"""Seconds without a frame, such as of who is online, until the crowd is ready."""
PATIENCE = 120.0
_ACCEPTED = 202
_ID, _SEQ = b'"message_id":"', b'"seq":'


class CrowdJob(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens, and what is sent; with a `frame` that is what is posted, for all to be told."""

    host: str
    port: int
    server_pid: int
    seconds: float
    ahead: int
    sender_token: str
    tokens: list[str]
    conversation_id: str = ""
    text: str = ""
    frame: str = ""
    idle_tokens: list[str] = []
    """Who is connected as well, and is sent nothing."""
    at_a_time: int = 1
    """How many connect at a time."""


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """What the connections cost the server, once it is quiet again: each of them."""

    sockets: int
    resident_kib: float
    anonymous_kib: float
    cpu_ms: float


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: by the second, and by processor use in cores (1.0 is one)."""

    deliveries: float
    messages: float
    to_all: Latency | None
    """From the request to the frame of the last member."""
    accepted: int
    missing: int
    """Frames that did not come, of those that should have."""
    disorder: int
    """Frames whose `seq` was not the next one."""
    astray: int = 0
    """Frames of messages that came to who is in no conversation."""
    reconnects: int
    generator_cpu: float
    server_loop_cpu: float
    server_threads_cpu: float
    frame: str
    """One that a member was sent."""
    connected: Connected | None = None

    @property
    def cost(self) -> float:
        """Return the microseconds of the server's processor for one delivery."""
        used = self.server_loop_cpu + self.server_threads_cpu
        return 1e6 * used / self.deliveries if self.deliveries else 0.0


class Member(SocketClient):
    """Listens, and remembers when it was told something that is no message."""

    told = 0.0

    def _heard(self, kind: bytes, frame: bytes, now: float) -> None:
        del kind, frame
        Member.told = now

    @property
    def frame(self) -> str:
        """Return the last message, as it came."""
        return self._last.decode()


class Tally:
    """Counts what comes to each member, and when the last one had each message."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._seq = [0] * members
        self.frames = 0
        self.disorder = 0
        self.last_at: dict[str, float] = {}

    def arrived(self, member: int, message_id: str, seq: int, at: float) -> bool:
        """Count a frame; say whether that makes one message more to all of them."""
        before = self._seq[member]
        self.disorder += bool(before) and seq != before + 1
        self._seq[member] = seq
        self.last_at[message_id] = at
        self.frames += 1
        return self.frames % self._members == 0

    @property
    def complete(self) -> int:
        """Return how many messages all of them have, when they have them one after the other."""
        return self.frames // self._members


class Crowd:
    """One job being done."""

    def __init__(self, job: CrowdJob) -> None:
        self._job = job
        self._tally = Tally(len(job.tokens))
        self._astray = 0
        self._members: list[Member] = []
        self._idle: list[Member] = []
        self._pool: list[Connection] = []
        self._free: list[Connection] = []
        self._sent_at: dict[str, float] = {}
        self._asked = 0
        self._sending = False
        self._failed = ""
        self._next_body = iter(bodies_of(job))

    async def run(self) -> Delivered:
        """Connect, settle, send for a second and then for the time, wait for the last frame."""
        connected = await self._connect()
        gc.collect()
        gc.disable()
        self._sending = True
        self._more()
        await asyncio.sleep(1.0)
        before, frames, complete = self._moment()
        await asyncio.sleep(self._job.seconds)
        after, frames_after, complete_after = self._moment()
        self._sending = False
        await self._drain()
        if self._failed:
            raise RuntimeError(self._failed)
        own, loop, threads = cpu.cores(before, after)
        took = after.at - before.at
        last = self._tally.last_at
        frame = self._members[0].frame
        for member in (*self._members, *self._idle):
            member.close()
        for connection in self._pool:
            connection.close()
        return Delivered(
            deliveries=(frames_after - frames) / took,
            messages=(complete_after - complete) / took,
            to_all=latency([last[name] - at for name, at in self._sent_at.items() if name in last]),
            accepted=len(self._sent_at),
            missing=len(self._sent_at) * len(self._members) - self._tally.frames,
            disorder=self._tally.disorder,
            astray=self._astray,
            reconnects=sum(one.reconnects for one in (*self._members, *self._idle)),
            generator_cpu=own,
            server_loop_cpu=loop,
            server_threads_cpu=threads,
            frame=frame,
            connected=connected,
        )

    def _moment(self) -> tuple[cpu.Moment, int, int]:
        return cpu.moment(self._job.server_pid), self._tally.frames, self._tally.complete

    def _unasked(self, message_id: str, seq: int, at: float) -> None:
        del message_id, seq, at
        self._astray += 1

    async def _connect(self) -> Connected:
        job = self._job
        before = _cost(job.server_pid)
        self._idle = [Member(job.host, job.port, one, self._unasked) for one in job.idle_tokens]
        self._members = [
            Member(job.host, job.port, token, partial(self._arrived, number))
            for number, token in enumerate(job.tokens)
        ]
        everybody = [*self._idle, *self._members]
        for at in range(0, len(everybody), job.at_a_time):
            await asyncio.gather(*(one.connect() for one in everybody[at : at + job.at_a_time]))
        connected = perf_counter()
        while perf_counter() < max(Member.told, connected) + SETTLED:  # noqa: ASYNC110 - no event per frame
            await asyncio.sleep(SETTLED / 10)
        found = connected_of(len(everybody), before, _cost(job.server_pid))
        for _ in range(job.ahead):  # not before: a server ends connections that wait for seconds
            self._pool.append(await self._dialled())
        self._free = list(self._pool)
        return found

    async def _dialled(self) -> Connection:
        connection = Connection(self._answered)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, self._job.host, self._job.port)
        return connection

    def _arrived(self, member: int, message_id: str, seq: int, at: float) -> None:
        if self._tally.arrived(member, message_id, seq, at):
            self._more()

    def _answered(self, connection: Connection, status: int, body: bytes, _: float) -> None:
        if status != _ACCEPTED:
            self._failed, self._sending = f"a message was answered {status}: {body[:300]!r}", False
            return
        self._sent_at[id_in(body)] = connection.due
        self._free.append(connection)
        self._more()

    def _more(self) -> None:
        """Send what may be sent now."""
        while self._sending and self._free and self._asked - self._tally.complete < self._job.ahead:
            connection = self._free.pop()
            connection.due = perf_counter()
            self._asked += 1
            connection.send(next(self._next_body))

    async def _drain(self) -> None:
        limit = perf_counter() + PATIENCE
        while perf_counter() < limit and (
            len(self._free) < len(self._pool) or self._tally.complete < self._asked
        ):
            if self._failed:
                return
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # what comes twice


Cost = tuple[float, float, float]
"""MiB resident, MiB anonymous, and seconds of the processor up to now."""


def _cost(pid: int) -> Cost:
    return memory.resident(pid), memory.anonymous(pid), cpu.used_by(pid)


def connected_of(sockets: int, before: Cost, after: Cost) -> Connected:
    """Return what each of so many connections cost between two moments."""
    resident, anonymous, seconds = (
        (late - early) / sockets for early, late in zip(before, after, strict=True)
    )
    return Connected(
        sockets=sockets,
        resident_kib=resident * 1024,
        anonymous_kib=anonymous * 1024,
        cpu_ms=seconds * 1e3,
    )


def id_in(body: bytes) -> str:
    """Return the message id that a JSON text names first."""
    at = body.index(_ID) + len(_ID)
    return body[at : at + 36].decode()


def bodies_of(job: CrowdJob) -> Iterator[bytes]:
    """Yield the requests, one after the other: messages, or the frames to be told."""
    host, path = f"{job.host}:{job.port}", "/v1/messages"
    if not job.frame:
        message = {
            "conversation_id": job.conversation_id,
            "payload": {"type": "text", "text": job.text},
        }
        raw = request(
            "POST", path, host=host, token=job.sender_token, body=msgspec.json.encode(message)
        )
        while True:
            yield raw
    seq = 0
    while True:
        seq += 1
        body = renumbered(job.frame.encode(), new_id().encode(), seq)
        yield request("POST", path, host=host, body=body)


def renumbered(frame: bytes, message_id: bytes, seq: int) -> bytes:
    """Return a frame with another message id and `seq`."""
    at = frame.index(_ID) + len(_ID)
    frame = frame[:at] + message_id + frame[at + 36 :]
    at = frame.index(_SEQ, at) + len(_SEQ)
    return frame[:at] + b"%d" % seq + frame[frame.index(b",", at) :]


def gather(job: CrowdJob) -> Delivered:
    """Have a crowd do a job in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.crowd"],
        cwd=ROOT,
        input=msgspec.json.encode(job),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"the crowd failed: {done.stderr.decode()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Delivered)


def main() -> None:
    """Do the job on the standard input; write what came of it to the standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=CrowdJob)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(Crowd(job).run())))


if __name__ == "__main__":
    main()
