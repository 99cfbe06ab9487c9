"""What would become of a message that is not sent."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from msgspec import Meta, Struct

from chat4all.domain.files import MAX_FILE_BYTES
from chat4all.gateway.rest.schemas.files import FileName, MimeType
from chat4all.gateway.rest.schemas.messages import NewMessage
from chat4all.gateway.rest.schemas.templates import ApprovedTemplate
from chat4all.gateway.rest.schemas.users import ChannelWindow
from chat4all.services.delivery_plan import RecipientPlan, Step
from chat4all.services.delivery_plan import UnsentFile as Announced

WhyWord = Literal["asked", "group", "preferred", "last_used", "first", "only", "in_app"]
FileFormWord = Literal["file", "document", "link", "words"]


class UnsentFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file as it will be announced; `size` in bytes."""

    mime_type: MimeType
    size: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    name: FileName = "file"


class MessageToPlan(NewMessage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that is not sent: what would become of it is asked.

    `file` says what the file of its payload will be, while that is not uploaded; the
    payload's `file_id` may then be any.
    """

    file: UnsentFile | None = None

    def announced(self) -> Announced | None:
        """Return the file that will be uploaded, as the services know it."""
        if self.file is None:
            return None
        bare = self.file.mime_type.partition(";")[0].strip().lower()
        return Announced(mime_type=bare, size=self.file.size, name=self.file.name)


class PlannedStep(Struct, frozen=True, kw_only=True):
    """One channel: what will be changed on the way, and the code with which it would fail.

    `file_as` tells how a file goes: as it is, as a document, as a link that expires, or only
    named in words, with the reason.
    `window` tells whether free content may be sent now, on channels that limit it, and
    `templates` what would do where it is closed.
    """

    channel: str
    parts: int
    degraded: str | None
    file_as: FileFormWord | None
    blocked: str | None
    window: ChannelWindow | None
    templates: list[ApprovedTemplate]

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return `step` as the API shows it."""
        return cls(
            channel=step.channel,
            parts=step.parts,
            degraded=step.degraded,
            file_as=None if step.file_as is None else step.file_as.value,
            blocked=step.blocked,
            window=None if step.window is None else ChannelWindow.of(step.window),
            templates=[ApprovedTemplate.of(one) for one in step.templates],
        )


class PlannedRecipient(Struct, frozen=True, kw_only=True):
    """How one recipient would be reached: by `channels` at once, then by `fallbacks` in order."""

    user_id: str
    why: WhyWord
    channels: list[PlannedStep]
    fallbacks: list[PlannedStep]

    @classmethod
    def of(cls, plan: RecipientPlan) -> Self:
        """Return `plan` as the API shows it."""
        return cls(
            user_id=plan.user_id,
            why=plan.why.value,
            channels=[PlannedStep.of(one) for one in plan.steps],
            fallbacks=[PlannedStep.of(one) for one in plan.fallbacks],
        )


class DeliveryPlan(Struct, frozen=True, kw_only=True):
    """One entry per recipient, in the order of the members."""

    recipients: list[PlannedRecipient]
