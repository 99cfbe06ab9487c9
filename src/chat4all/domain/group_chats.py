"""The groups of platforms that are conversations here, and who is in them there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chat4all.domain.ids import AccountId, ConversationId, UserId

NOT_IN_GROUP = "not_in_group"
"""The failure of what is to be sent to a group that our account is not in any more."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When something befell a group; `number` orders what has the same time.

    Platforms repeat and reorder what they tell: what is earlier than the last thing known
    of the same kind has no effect.
    """

    at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True)
class ChatKey:
    """How one account of ours knows one chat of its platform."""

    platform: str
    account_id: AccountId
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChat:
    """One group of a platform, and the conversation that it is here.

    `members` are the users who are in it there. `present` says whether our account is.
    """

    key: ChatKey
    conversation_id: ConversationId
    title: str = ""
    present: bool = True
    members: frozenset[UserId] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """Which user a person of the platform is, None when not known, and whether they are there."""

    user_id: UserId | None
    here: bool
