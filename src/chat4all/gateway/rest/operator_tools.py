"""The services behind the calls that only operators make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chat4all.domain.ids import AccountId
from chat4all.ports.connector import Connector
from chat4all.services.import_history import ImportHistory
from chat4all.services.trace import TraceMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTools:
    """`connector_of` returns the connector of an account, None for one that cannot run."""

    import_history: ImportHistory
    trace: TraceMessage
    connector_of: Callable[[AccountId], Awaitable[Connector | None]]
