"""Whether a message can be sent at all, told before it is accepted."""

from __future__ import annotations

from collections.abc import Mapping

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.directory import Conversation, UserKind
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import SessionWindowClosed
from chat4all.domain.ids import UserId
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.templates import named
from chat4all.router.choosing import People
from chat4all.router.preview import PreviewDelivery
from chat4all.router.windows import WINDOW_CLOSED


class Preflight:
    """A `CheckDraft`.

    A text is refused where nobody would get it: every recipient is reached by nothing but
    channels whose session window is closed. One who would get it is enough to accept it;
    the others then fail with the reason in their status.
    """

    def __init__(
        self, people: People, preview: PreviewDelivery, capabilities: Mapping[str, Capabilities]
    ) -> None:
        self._people = people
        self._preview = preview
        self._windowed = frozenset(
            name for name, one in capabilities.items() if one.session_window is not None
        )

    async def __call__(self, sender: UserId, draft: Draft, conversation: Conversation) -> Payload:
        """See `CheckDraft`."""
        if draft.payload.type is PayloadType.TEMPLATE:
            return (await self._preview.filled(sender, draft)).payload
        if self._windowed and await self._may_be_closed(sender, draft, conversation):
            await self._check_windows(sender, draft)
        return draft.payload

    async def _may_be_closed(
        self, sender: UserId, draft: Draft, conversation: Conversation
    ) -> bool:
        """Say whether all recipients are contacts with a channel that has a window.

        That is told from the cache: most messages go to somebody with an app, or by a
        channel that never closes, and should not wait for more.
        """
        others = [
            one.user_id
            for one in conversation.members
            if one.user_id != sender and (draft.to is None or one.user_id in draft.to)
        ]
        users = await self._people.users(others)
        if any(one.kind is not UserKind.CONTACT for one in users.values()):
            return False
        channels = await self._people.channels(others)
        return bool(others) and all(
            any(channel.platform in self._windowed for channel in channels.get(one, ()))
            for one in others
        )

    async def _check_windows(self, sender: UserId, draft: Draft) -> None:
        plans = await self._preview(sender, draft)
        steps = [one for plan in plans for one in (*plan.steps, *plan.fallbacks)]
        if not steps or any(one.blocked != WINDOW_CLOSED for one in steps):
            return
        templates = list(dict.fromkeys(one for step in steps for one in step.templates))
        channels = ", ".join(dict.fromkeys(one.channel for one in steps))
        raise SessionWindowClosed(
            f"they have not written lately, and {channels} takes a template only"
            + (f": {named(templates)}" if templates else ""),
            templates,
        )
