"""The services behind the WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chat4all.domain.drafts import Draft
from chat4all.ports.ephemeral import RateLimits
from chat4all.ports.tracing import Tracing, Untraced
from chat4all.services.access import Access
from chat4all.services.messages import Messages
from chat4all.services.notify import Notifier
from chat4all.services.presence import PresenceBoard
from chat4all.services.send_message import SendMessage
from chat4all.services.signals import Signals
from chat4all.services.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketDeps:
    """The services behind the protocol; `read_draft` parses the body of a `send`."""

    access: Access
    send_message: SendMessage
    messages: Messages
    notifier: Notifier
    sync: Sync
    presence: PresenceBoard
    signals: Signals
    rates: RateLimits
    read_draft: Callable[[bytes], Draft]
    tracing: Tracing = field(default_factory=Untraced)
