"""Tells how a message would be delivered, by the rules that will deliver it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.directory import Conversation, ConversationType, User
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import ChannelError, ConversationNotFound, FileGone
from chat4all.domain.ids import UserId
from chat4all.domain.messages import APP
from chat4all.domain.outgoing import FileRef
from chat4all.domain.payload import MEDIA, Payload, PayloadType
from chat4all.domain.templates import Template
from chat4all.ports.routes import Routes
from chat4all.router.choosing import Chooser, LastChannels, People, Way, Ways
from chat4all.router.degrade import fit
from chat4all.router.enclosures import Enclosed, Enclosures
from chat4all.router.windows import ANY_TIME, WINDOW_CLOSED
from chat4all.services.clock import Clock
from chat4all.services.delivery_plan import RecipientPlan, Step, UnsentFile
from chat4all.services.send_message import check_recipients
from chat4all.services.session_windows import SessionWindow
from chat4all.services.templates import TemplateBook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """What is to be delivered: `name` leads it in a group, `obstacle` blocks its file."""

    draft: Draft
    conversation: Conversation
    name: str
    file: Enclosed | None
    obstacle: str | None


class PreviewDelivery:
    """A `PlanDelivery`."""

    def __init__(
        self,
        people: People,
        last: LastChannels,
        routes: Routes,
        capabilities: Mapping[str, Capabilities],
        templates: TemplateBook,
        *,
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._enclosures: Enclosures | None = None
        self._people = people
        self._chooser = Chooser(people, last)
        self._routes = routes
        self._capabilities = capabilities
        self._templates = templates
        self._now = now

    def enclose(self, enclosures: Enclosures) -> None:
        """Say where files are found; before that a file blocks every channel."""
        self._enclosures = enclosures

    async def __call__(
        self, sender: UserId, draft: Draft, *, file: UnsentFile | None = None
    ) -> Sequence[RecipientPlan]:
        """See `PlanDelivery`."""
        return await self._plan(sender, await self.filled(sender, draft), file)

    async def filled(self, sender: UserId, draft: Draft) -> Draft:
        """Return `draft`, a template with the text that its recipients will read.

        Raises what `TemplateBook.filled` does.
        """
        if draft.payload.type is not PayloadType.TEMPLATE:
            return draft
        plans = await self._plan(sender, draft)
        steps = [one for plan in plans for one in (*plan.steps, *plan.fallbacks)]
        accounts = [
            one.account_id
            for one in steps
            if one.account_id is not None
            and PayloadType.TEMPLATE in self._capabilities[one.channel].payloads
        ]
        payload = await self._templates.filled(list(dict.fromkeys(accounts)), draft.payload)
        return replace(draft, payload=payload)

    async def _plan(
        self, sender: UserId, draft: Draft, file: UnsentFile | None = None
    ) -> Sequence[RecipientPlan]:
        conversation = await self._people.conversation(draft.conversation_id)
        if conversation is None or conversation.member(sender) is None:
            raise ConversationNotFound("there is no such conversation among yours")
        check_recipients(draft, conversation)
        recipients = [
            member.user_id
            for member in conversation.members
            if member.user_id != sender and (draft.to is None or member.user_id in draft.to)
        ]
        users = await self._people.users([*recipients, sender])
        channels = await self._people.channels(recipients)
        groups = () if draft.to is not None else await self._people.group_chats(conversation.id)
        enclosed, obstacle = await self._enclosed(draft.payload, file)
        letter = _Letter(
            draft=draft,
            conversation=conversation,
            name=_shown_name(conversation, users.get(sender)),
            file=enclosed,
            obstacle=obstacle,
        )
        ways = {one: Ways.of(one, channels.get(one, ()), groups) for one in recipients}
        return [
            await self._recipient(users[one], ways[one], letter)
            for one in recipients
            if one in users
        ]

    async def _recipient(self, user: User, ways: Ways, letter: _Letter) -> RecipientPlan:
        choice = await self._chooser.choose(user, ways, letter.draft.channels)
        steps = [await self._step(one, letter) for one in choice.ways]
        if choice.missing is not None:
            steps.append(Step(channel=choice.missing, blocked=choice.code))
        elif not steps:
            steps.append(Step(channel=APP))
        fallbacks = [await self._step(ways.open[one], letter) for one in choice.order[1:]]
        return RecipientPlan(user_id=user.id, why=choice.why, steps=steps, fallbacks=fallbacks)

    async def _step(self, way: Way, letter: _Letter) -> Step:
        platform, payload = way.platform, letter.draft.payload
        account = await self._chooser.account(way, letter.conversation)
        can = self._capabilities.get(platform)
        if account is None or can is None:
            return Step(channel=platform, blocked="no_account")
        fitted = fit(payload, can, prefix=letter.name, file=letter.file)
        blocked = way.blocked or letter.obstacle
        window: SessionWindow | None = None
        templates: Sequence[Template] = ()
        if can.session_window is not None:
            heard = await self._routes.last_inbound(platform, account, way.address)
            window = SessionWindow.after(heard, can.session_window, now=self._now())
            if not window.open and payload.type not in ANY_TIME:
                blocked = blocked or WINDOW_CLOSED
                templates = await self._templates.suggested(account)
        return Step(
            channel=platform,
            account_id=account,
            degraded=fitted.note,
            parts=len(fitted.parts),
            file_as=fitted.file_as,
            blocked=blocked,
            window=window,
            templates=templates,
        )

    async def _enclosed(
        self, payload: Payload, unsent: UnsentFile | None
    ) -> tuple[Enclosed | None, str | None]:
        """Return the file as it is or is announced to be, and what blocks it."""
        if unsent is not None:
            return (_announced(unsent) if payload.type in MEDIA else None), None
        if self._enclosures is None:
            return None, "unsupported_payload" if payload.type in MEDIA else None
        try:
            found = await self._enclosures.of(payload)
        except ChannelError as error:
            return None, error.reason
        # One that has not come yet will be waited for.
        return (replace(found, reason=None) if found and found.ref else found), None


def _announced(file: UnsentFile) -> Enclosed:
    def nothing() -> AsyncIterator[bytes]:
        raise FileGone("the file is not uploaded")

    ref = FileRef(
        name=file.name, mime_type=file.mime_type, size=file.size, url="https://", read=nothing
    )
    return Enclosed(ref=ref)


def _shown_name(conversation: Conversation, sender: User | None) -> str:
    named = conversation.type is ConversationType.GROUP and sender is not None
    return f"{sender.display_name}: " if named and sender else ""
