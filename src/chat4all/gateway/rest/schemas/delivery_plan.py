"""What would become of a message that is not sent."""

from __future__ import annotations

from typing import Literal, Self

from msgspec import Struct

from chat4all.gateway.rest.schemas.templates import ApprovedTemplate
from chat4all.gateway.rest.schemas.users import ChannelWindow
from chat4all.services.delivery_plan import RecipientPlan, Step

WhyWord = Literal["asked", "group", "preferred", "last_used", "first", "only", "in_app"]


class PlannedStep(Struct, frozen=True, kw_only=True):
    """One channel: what will be changed on the way, and the code with which it would fail.

    `window` tells whether free content may be sent now, on channels that limit it, and
    `templates` what would do where it is closed.
    """

    channel: str
    parts: int
    degraded: str | None
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
