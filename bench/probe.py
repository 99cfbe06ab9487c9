"""Asks a server the same again and again, beside a load: a process of its own, until SIGTERM.

Reads a job of one lane, sends a message in it every 50 ms whether or not the last one was
answered, and writes when each was due, answered, and on its recipient's screen.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import perf_counter

import msgspec
import uvloop

from bench.contents import requests_of
from bench.http1 import Connection
from bench.job import Job
from bench.servers import ROOT, BenchFailed
from bench.socket_client import SocketClient

EVERY = 0.05
GRACE = 2.0
"""Seconds for the last answers and frames."""
_ACCEPTED = 202
_PREFIX = b'{"message_id":"'


class Sighting(msgspec.Struct, kw_only=True):
    """One message of the probe, in seconds of the monotonic clock; None is what never was."""

    due: float
    answered: float | None = None
    """When it was accepted; a refusal is none."""
    screen: float | None = None


class Probe:
    """Sends the messages of a job's one lane."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = requests_of(job)(0, "")
        self._free: list[Connection] = []
        self._asked: dict[Connection, Sighting] = {}
        self._accepted: dict[str, Sighting] = {}
        self._frames: dict[str, float] = {}
        self._dialling: set[asyncio.Task[None]] = set()
        self._sightings: list[Sighting] = []

    async def run(self, ended: asyncio.Event) -> list[Sighting]:
        """Probe until `ended`; return all that was seen."""
        job, [lane] = self._job, self._job.lanes
        socket = SocketClient(job.host, job.port, lane.recipient_token, self._arrived)
        await socket.connect()
        due = perf_counter()
        while not ended.is_set():
            self.probe(due)
            due += EVERY
            await asyncio.sleep(due - perf_counter())
        await asyncio.sleep(GRACE)
        socket.close()
        return self.seen()

    def probe(self, due: float) -> None:
        """Send one message, over a new connection when all others wait for answers."""
        sighting = Sighting(due=due)
        self._sightings.append(sighting)
        while self._free:
            connection = self._free.pop()
            if not connection.lost:
                self._ask(connection, sighting)
                return
        task = asyncio.ensure_future(self._dial(sighting))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    def seen(self) -> list[Sighting]:
        """Return what was seen up to now."""
        for name, sighting in self._accepted.items():
            sighting.screen = self._frames.get(name)
        return self._sightings

    async def _dial(self, sighting: Sighting) -> None:
        connection = Connection(self._answered)
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # then it is not answered
            await loop.create_connection(lambda: connection, self._job.host, self._job.port)
            self._ask(connection, sighting)

    def _ask(self, connection: Connection, sighting: Sighting) -> None:
        self._asked[connection] = sighting
        connection.send(self._request)

    def _answered(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        sighting = self._asked.pop(connection)
        if status == _ACCEPTED and body.startswith(_PREFIX):
            sighting.answered = now
            self._accepted[body[15:51].decode()] = sighting
        if not connection.lost:
            self._free.append(connection)

    def _arrived(self, message_id: str, _: int, at: float) -> None:
        self._frames.setdefault(message_id, at)


@contextmanager
def probing(job: Job) -> Iterator[list[Sighting]]:
    """Probe meanwhile; the list is filled when it ends."""
    found: list[Sighting] = []
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "bench.probe", msgspec.json.encode(job).decode()],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield found
        finally:
            process.terminate()
            written, errors = process.communicate()
        if process.returncode:
            raise BenchFailed(f"the probe failed: {errors.decode()[-2000:]}")
        found += msgspec.json.decode(written, type=list[Sighting])


async def _until_told(job: Job) -> list[Sighting]:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    return await Probe(job).run(ended)


def main() -> None:
    """Do the job of the first argument; write the sightings to the standard output."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_until_told(job))))


if __name__ == "__main__":
    main()
