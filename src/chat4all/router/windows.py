"""What may be sent to somebody who has not written lately, where the platform asks."""

from __future__ import annotations

from datetime import datetime

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import ChannelError, SessionWindowClosed
from chat4all.domain.payload import PayloadType
from chat4all.domain.templates import named
from chat4all.ports.routes import Routes
from chat4all.services.session_windows import SessionWindow
from chat4all.services.templates import TemplateBook

WINDOW_CLOSED = SessionWindowClosed.code
ANY_TIME = frozenset({PayloadType.TEMPLATE})
"""Kinds of content that need no open session window."""


class WindowGuard:
    """Refuses what the platform would take only within a time after the person wrote."""

    def __init__(self, routes: Routes, templates: TemplateBook | None = None) -> None:
        self._routes = routes
        self._templates = templates

    async def check(
        self, task: DeliveryTask, kind: PayloadType, limits: Capabilities, now: datetime
    ) -> None:
        """Raise `ChannelError`, which names what would do, where the window is closed."""
        if limits.session_window is None or kind in ANY_TIME:
            return
        heard = await self._routes.last_inbound(task.channel, task.account_id, task.address)
        if SessionWindow.after(heard, limits.session_window, now=now).open:
            return
        hours = limits.session_window.total_seconds() / 3_600
        found = await self._templates.suggested(task.account_id) if self._templates else ()
        raise ChannelError(
            f"they have not written in the last {hours:g} hours; {task.channel} takes a "
            f"template only{': ' if found else ''}{named(found)}",
            retry=False,
            reason=WINDOW_CLOSED,
        )
