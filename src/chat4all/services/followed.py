"""A batch of records in the traces of those who wrote them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from chat4all.domain.events import Position
from chat4all.ports.tracing import NOTHING, Attributes, Kind, Span, Traces, Tracing, is_sampled


class Followed(NamedTuple):
    """One record of a batch: its place in the log and in a trace, and what is done with it.

    `attributes` is called when that is recorded.
    """

    position: Position
    trace: str
    name: str
    attributes: Callable[[], Attributes]


class Spans:
    """The pieces of work of one batch, one for each record that is followed."""

    def __init__(self, spans: Mapping[Position, Span]) -> None:
        self._spans = spans

    def __getitem__(self, position: Position) -> Span:
        return self._spans.get(position, NOTHING)

    @property
    def traces(self) -> Traces:
        """Return the places from which others go on."""
        return {position: span.context for position, span in self._spans.items()}


NO_SPANS = Spans({})


@contextmanager
def follow_batch(tracing: Tracing, stream: str, records: Collection[Followed]) -> Iterator[Spans]:
    """Work on a batch: one span for it, linked with the traces of its records, and one for each.

    That of a record is in the trace of the record, beneath whoever wrote it, and linked with
    the batch. With no record that is followed there is no span.
    """
    followed = [one for one in records if one.trace]
    if not followed:
        yield NO_SPANS
        return
    attributes: Attributes = {
        **_of(stream),
        "messaging.batch.message_count": len(records),
    }
    # What is not sampled is no link; one of it is enough to say that there is nothing else.
    links = [one.trace for one in followed if is_sampled(one.trace)] or [followed[0].trace]
    with tracing.begin(f"process {stream}", Kind.CONSUMER, attributes, links=links) as batch:
        spans = {
            one.position: tracing.follow(
                one.trace,
                one.name,
                Kind.CONSUMER,
                {**_of(stream), **one.attributes()},
                links=(batch.context,),
            )
            if is_sampled(one.trace)
            else tracing.follow(one.trace, one.name, Kind.CONSUMER)
            for one in followed
        }
        try:
            yield Spans(spans)
        finally:
            for span in spans.values():
                span.end()


def _of(stream: str) -> dict[str, str]:
    return {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": stream,
    }
