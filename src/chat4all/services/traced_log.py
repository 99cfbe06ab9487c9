"""The log, with the trace of whoever appends in every record."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from chat4all.domain.events import Position
from chat4all.ports.event_log import Record
from chat4all.ports.tracing import Attributes, Kind, Tracing, is_sampled
from chat4all.services.forwarded_log import ForwardedLog, WholeLog


class TracedLog(ForwardedLog):
    """Appending is a piece of work; a record that names no trace of its own goes on from it.

    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
    """

    def __init__(self, log: WholeLog, tracing: Tracing, system: str) -> None:
        super().__init__(log)
        self._tracing = tracing
        self._system = system

    def append(self, records: Sequence[Record]) -> Coroutine[Any, Any, Sequence[Position]]:
        """See `EventLog.append`. Where nothing is recorded, nothing stands between."""
        here = self._tracing.current
        if is_sampled(here):
            return self._followed(records)
        return self._log.append(_placed(records, here) if here else records)

    async def _followed(self, records: Sequence[Record]) -> Sequence[Position]:
        streams = sorted({one.stream for one in records})
        name = f"append {streams[0]}" if len(streams) == 1 else "append"
        attributes: Attributes = {
            "messaging.system": self._system,
            "messaging.operation.name": "append",
            "messaging.operation.type": "send",
            "messaging.destination.name": ",".join(streams),
            "messaging.batch.message_count": len(records),
        }
        with self._tracing.within(name, Kind.PRODUCER, attributes) as span:
            return await self._log.append(_placed(records, span.context))


def _placed(records: Sequence[Record], place: str) -> list[Record]:
    return [one if one.trace else Record(one.stream, one.key, one.value, place) for one in records]
