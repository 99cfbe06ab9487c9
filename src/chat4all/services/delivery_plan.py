"""What would become of a message that is not sent yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chat4all.domain.drafts import Draft
from chat4all.domain.ids import AccountId, UserId
from chat4all.domain.templates import Template
from chat4all.services.session_windows import SessionWindow


class Why(StrEnum):
    """Why a channel was chosen."""

    ASKED = "asked"
    """The sender named it."""
    GROUP = "group"
    """The recipient is in the group of the platform that the conversation is."""
    PREFERRED = "preferred"
    """The recipient prefers it."""
    LAST_USED = "last_used"
    """The recipient last wrote by it."""
    FIRST = "first"
    """The recipient was linked to it before the others."""
    ONLY = "only"
    """There is no other."""
    IN_APP = "in_app"
    """The recipient uses our own clients."""


class FileForm(StrEnum):
    """How a channel carries the file of a message."""

    FILE = "file"
    """As what it is."""
    DOCUMENT = "document"
    """As a document, whatever it is."""
    LINK = "link"
    """As a link that expires."""
    WORDS = "words"
    """Not at all: it is named, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentFile:
    """A file that is not uploaded yet: `size` in bytes."""

    mime_type: str
    size: int
    name: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One channel for one recipient.

    `degraded` says what will be changed on the way; `parts` in how many messages it goes,
    `file_as` how its file goes, where it has one.
    `blocked` is the code with which it would fail, as far as can be told now, and
    `templates` are what would do where a closed `window` is the reason.
    """

    channel: str
    account_id: AccountId | None = None
    degraded: str | None = None
    parts: int = 1
    file_as: FileForm | None = None
    blocked: str | None = None
    window: SessionWindow | None = None
    templates: Sequence[Template] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPlan:
    """How one recipient would be reached: `steps` at once, then `fallbacks` in order."""

    user_id: UserId
    why: Why
    steps: Sequence[Step]
    fallbacks: Sequence[Step] = ()


class PlanDelivery(Protocol):
    """Tells how messages would be delivered; sends nothing."""

    async def __call__(
        self, sender: UserId, draft: Draft, *, file: UnsentFile | None = None
    ) -> Sequence[RecipientPlan]:
        """Return the plan for each recipient; `file` is what the payload's will be.

        Raises `ConversationNotFound` for a stranger, `InvalidInput` for a recipient who is
        not a member and for a template that cannot be sent to them.
        """
        ...
