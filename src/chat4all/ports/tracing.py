"""Following one message through everything that handles it, in however many processes.

A place in a trace is text, so that a record can carry it: a `traceparent` of W3C Trace Context
and, after a blank, the `tracestate` if there is one. Empty text is no place: nothing is followed.
https://www.w3.org/TR/trace-context-2/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Protocol, Self

from chat4all.domain.events import Position

Attributes = Mapping[str, str | int | bool]
"""What is told of a piece of work: ids, names and counts; never what people wrote, addresses
of people, or the text of an error."""

Telling = Attributes | Callable[[], Attributes]
"""What is told, or what returns it: it is called when the work is recorded, and only then."""

MESSAGE_ID = "chat4all.message.id"
CONVERSATION_ID = "chat4all.conversation.id"
ACCOUNT_ID = "chat4all.account.id"
PLATFORM = "chat4all.platform"


Traces = Mapping[Position, str]
"""The place in a trace of each event that is followed, by its position."""
NO_TRACES: Traces = {}


class Kind(StrEnum):
    """How a piece of work stands to others."""

    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """A piece of work. In a `with` block it is the current one, and it ends with the block.

    An error that leaves the block is noted by its code, without its text.
    """

    @property
    def context(self) -> str:
        """Return the place from which others go on; empty when nothing is followed."""
        ...

    def named(self, name: str) -> None:
        """Give it a better name, known only now."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Tell more of it."""
        ...

    def failed(self, code: str) -> None:
        """Say that it did not do what it was for."""
        ...

    def end(self) -> None:
        """Say that it is over; a second call has no effect."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None: ...


class Tracing(Protocol):
    """Who follows. No call raises or waits; what is not sampled costs next to nothing."""

    @property
    def current(self) -> str:
        """Return the place of the current piece of work, or empty text."""
        ...

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Telling | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """Begin a trace. One with `links` is sampled when the trace of one of them is."""
        ...

    def follow(
        self,
        context: str,
        name: str,
        kind: Kind,
        attributes: Telling | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """Go on from a place in a trace; from none, nothing is followed."""
        ...

    def within(self, name: str, kind: Kind, attributes: Telling | None = None) -> Span:
        """Go on from the current piece of work; without one nothing is followed."""
        ...


class Passed:
    """A piece of work that is not recorded; whoever comes after it goes on from before it."""

    __slots__ = ("context",)

    def __init__(self, context: str) -> None:
        self.context = context

    def named(self, name: str) -> None:
        """See `Span.named`."""

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""

    def failed(self, code: str) -> None:
        """See `Span.failed`."""

    def end(self) -> None:
        """See `Span.end`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """See `Span`."""


NOTHING = Passed("")


_ODD = frozenset("13579bdf")


def is_sampled(context: str) -> bool:
    """Say whether what happens at a place is recorded."""
    return context[54:55] in _ODD


class Untraced:
    """Records nothing, and hands on what it is given: other processes may."""

    @property
    def current(self) -> str:
        """See `Tracing.current`."""
        return ""

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Telling | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """See `Tracing.begin`."""
        del name, kind, attributes, links
        return NOTHING

    def follow(
        self,
        context: str,
        name: str,
        kind: Kind,
        attributes: Telling | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """See `Tracing.follow`."""
        del name, kind, attributes, links
        return Passed(context) if context else NOTHING

    def within(self, name: str, kind: Kind, attributes: Telling | None = None) -> Span:
        """See `Tracing.within`."""
        del name, kind, attributes
        return NOTHING
