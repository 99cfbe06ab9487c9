"""What the load generator is asked, and what it answers: JSON between two processes."""

from __future__ import annotations

from typing import Literal

import msgspec

Way = Literal["rest", "rest batch", "websocket", "grpc", "grpc stream"]
"""How messages are sent: `POST /v1/messages` and `/v1/messages/batch`, `send` frames,
`SendMessage`, `SendMessages`."""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A private conversation: who sends in it, and whose socket receives."""

    conversation_id: str
    sender_id: str
    sender_token: str
    recipient_id: str
    recipient_token: str


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of load.

    `closed`: every connection sends its next request when the last one is answered.
    `open`: requests are due at random moments (Poisson), `share` of the accepted rate of
    the phase named `capacity`, whether or not the server keeps up. With `named` the client
    chooses the message ids, as a client that may have to repeat a send does; over REST alone.
    One that `drops` does not send what is due while all its connections wait for answers;
    others send it later.
    """

    name: str
    kind: Literal["closed", "open"]
    seconds: float
    share: float = 0.0
    rate: float = 0.0
    """Requests a second that are due, where it is not a share."""
    named: bool = False
    drops: bool = False
    connections: int = 0
    """How many of the job's connections send; 0 is all."""
    rest: float = 0.0
    """Seconds after it in which nothing is asked, not even whether all is stored."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All the load for one start of one server; without lanes it is the empty POST."""

    host: str
    port: int
    server_pid: int
    connections: int
    phases: list[Phase]
    lanes: list[Lane]
    text_length: int
    spin: bool
    """Whether the generator has a core of its own, to meet the microsecond by waiting awake."""
    way: Way = "rest"
    grpc_port: int = 0
    watched: bool = False
    """Whether the senders have a WebSocket open as well, which is told what they sent."""
    stored_in: str = ""
    """The product's file of messages, in which to look how many wait to be stored."""

    @property
    def text(self) -> str:
        """Return what is said, again and again."""
        return ("Is anybody there? " * (self.text_length // 18 + 1))[: self.text_length]


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds; `count` is how many were measured."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one phase came to. Rates are per second, processor use is in cores (1.0 is one)."""

    name: str
    kind: str
    seconds: float
    began: float = 0.0
    """By the monotonic clock, which all processes of a machine share."""
    offered: float | None
    accepted: float
    refused: dict[str, int]
    pushed: float
    ended_after: float = 0.0
    """Seconds from the end of the phase to the last answer."""
    backlog: int | None = None
    """Most messages that were answered and not stored at a time; None without `stored_in`."""
    drained_after: float | None
    """Seconds from the last request to the last frame."""
    stored_after: float | None
    """Seconds from the last request until the history has everything; None after a rest."""
    generator_cpu: float
    server_loop_cpu: float
    server_threads_cpu: float
    late: Latency | None
    """How much later than due the generator itself sent; open load only."""
    answered: Latency | None
    """From due (closed load: from sent) to the 202."""
    on_screen: Latency | None
    """From due (closed load: from sent) to the frame at the recipient's socket."""
    accepted_to_screen: Latency | None
    """From the 202 to the frame; negative when the frame was first."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the messages; all but the first three should be zero."""

    acknowledged: int
    stored: int
    reconnects: int
    unanswered: int
    lost: int
    stored_twice: int
    gaps: int
    not_pushed: int
    pushed_twice: int
    pushed_out_of_order: int

    @property
    def broken(self) -> int:
        """Return how many promises were broken: 0 is what is asked for."""
        return (
            self.lost
            + self.stored_twice
            + self.gaps
            + self.not_pushed
            + self.pushed_twice
            + self.pushed_out_of_order
        )


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """All phases of a job, and with lanes what became of the messages."""

    outcomes: list[Outcome]
    findings: Findings | None
