"""Follows messages; what is recorded is handed on when it is over.

A span of OpenTelemetry's SDK costs more than all else that is done for a message: it is made
for whoever may change it in other threads, ask a sampler, or break its limits. Ours belongs to
one task, is known to be recorded, and is read once, at its end.
https://opentelemetry.io/docs/specs/otel/trace/sdk/
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from contextvars import Token
from typing import Self

from chat4all.domain.errors import ChannelError, Chat4AllError
from chat4all.ports.tracing import NOTHING, Attributes, Kind, Span, Telling, is_sampled
from chat4all.telemetry.current import PLACE
from chat4all.telemetry.trace_context import checked

_MOST_LINKS = 500
_NOT_RECORDED, _RECORDED = "02", "03"
"""The flags of a trace that begins here: its ids are random, and it is sampled or not."""
_NO_ZERO = 1 << 191 | 1
"""A bit in the ids of trace and span: none is zero. It leaves the 7 bytes that are to be random."""


class OtelTracing:
    """See `Tracing`. Of the traces that begin here the part `ratio` (0 to 1) is sampled.

    A trace that came from outside is sampled when its caller samples it. `keep` takes what is
    recorded once it is over; it returns at once and never raises.
    """

    def __init__(self, keep: Callable[[Recorded], None], *, ratio: float) -> None:
        self._ratio = ratio
        self._keep = keep

    @property
    def current(self) -> str:
        """See `Tracing.current`."""
        return PLACE.get()

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Telling | None = None,
        *,
        links: Collection[str] = (),
    ) -> Span:
        """See `Tracing.begin`."""
        linked = [place for place in map(checked, links) if is_sampled(place)] if links else ()
        recorded = bool(linked) if links else random.random() < self._ratio  # noqa: S311 - no secret
        place = _new_place(recorded=recorded)
        if not recorded:
            return _Unsampled(place)
        return Recorded(self._keep, place, "", name, kind, attributes, linked)

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
        parent = checked(context)
        if not parent:
            return NOTHING
        if not is_sampled(parent):
            # Who called from outside is to be told of another place; within, one is enough.
            return _Unsampled(_beneath(parent) if kind is Kind.SERVER else parent)
        place = _beneath(parent)
        return Recorded(self._keep, place, parent, name, kind, attributes, links)

    def within(self, name: str, kind: Kind, attributes: Telling | None = None) -> Span:
        """See `Tracing.within`."""
        place = PLACE.get()
        return self.follow(place, name, kind, attributes) if is_sampled(place) else NOTHING


class _Current:
    """Makes its place the current one in a `with` block."""

    __slots__ = ("_token", "context")

    def __init__(self, context: str) -> None:
        self.context = context
        self._token: Token[str] | None = None

    def __enter__(self) -> Self:
        self._token = PLACE.set(self.context)
        return self

    def _leave(self) -> None:
        if self._token is not None:
            PLACE.reset(self._token)
            self._token = None


class _Unsampled(_Current):
    """Known by its place alone."""

    __slots__ = ()

    def named(self, name: str) -> None:
        """See `Span.named`."""

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""

    def failed(self, code: str) -> None:
        """See `Span.failed`."""

    def end(self) -> None:
        """See `Span.end`."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()


class Recorded(_Current):
    """One that is handed on at its end, to be told by its attributes.

    Its times are nanoseconds since 1970, its links places that are sampled; without a parent
    its trace began with it.
    """

    __slots__ = (
        "_keep",
        "attributes",
        "ended",
        "is_failed",
        "kind",
        "links",
        "name",
        "parent",
        "started",
    )

    def __init__(
        self,
        keep: Callable[[Recorded], None],
        place: str,
        parent: str,
        name: str,
        kind: Kind,
        attributes: Telling | None,
        links: Collection[str],
    ) -> None:
        self.context = place
        self._token = None
        self._keep: Callable[[Recorded], None] | None = keep
        self.parent = parent
        self.name = name
        self.kind = kind
        self.attributes: Attributes = (attributes() if callable(attributes) else attributes) or {}
        self.links = _sampled(links) if links else ()
        self.is_failed = False
        self.started = time.time_ns()

    def named(self, name: str) -> None:
        """See `Span.named`."""
        self.name = name

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""
        self.attributes = {**self.attributes, **attributes}

    def failed(self, code: str) -> None:
        """See `Span.failed`."""
        self.note({"error.type": code})
        self.is_failed = True

    def end(self) -> None:
        """See `Span.end`."""
        keep = self._keep
        if keep is not None:
            self._keep = None
            self.ended = time.time_ns()
            keep(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._leave()
        if isinstance(error, Exception):
            self.failed(_word(error))
        self.end()


def _sampled(places: Collection[str]) -> Sequence[str]:
    return [one for one in places if is_sampled(one)][-_MOST_LINKS:]


def _word(error: Exception) -> str:
    """Return why something failed, without the text, which may hold anything."""
    if isinstance(error, ChannelError):
        return error.reason
    return error.code if isinstance(error, Chat4AllError) else type(error).__name__


def _new_place(*, recorded: bool) -> str:
    digits = f"{random.getrandbits(192) | _NO_ZERO:048x}"
    return f"00-{digits[:32]}-{digits[32:]}-{_RECORDED if recorded else _NOT_RECORDED}"


def _beneath(parent: str) -> str:
    return f"{parent[:36]}{random.getrandbits(64) | 1:016x}{parent[52:]}"
