"""Which channel a message takes to one recipient, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.directory import Account, Channel, Conversation, User, UserKind
from chat4all.domain.ids import AccountId, ConversationId, UserId
from chat4all.domain.messages import APP
from chat4all.services.delivery_plan import Why

ALL = "all"


class People(Protocol):
    """What choosing asks of the directory; answered from a cache."""

    async def conversation(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        ...

    async def users(self, users: Sequence[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        ...

    async def channels(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the external identities of each."""
        ...

    async def accounts(self, platform: str) -> Sequence[Account]:
        """Return the enabled accounts of a platform, oldest first."""
        ...


class LastChannels(Protocol):
    """The channel each person last wrote by."""

    async def remember(self, user: UserId, channel: str) -> None:
        """Keep that `user` wrote by `channel`."""
        ...

    async def last_channel(self, user: UserId) -> str | None:
        """Return it, or None when not known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The channels to use at once, and those to try one after the other if it fails.

    `missing` is a channel that was asked for, or would be needed, and is not known.
    """

    channels: tuple[Channel, ...] = ()
    why: Why = Why.IN_APP
    missing: str | None = None
    order: tuple[str, ...] = ()


class Chooser:
    """Chooses channels and accounts."""

    def __init__(self, people: People, last: LastChannels) -> None:
        self._people = people
        self._last = last

    async def choose(
        self, user: User, channels: Sequence[Channel], wanted: Sequence[str]
    ) -> Choice:
        """Return how to reach `user`, who has `channels`, when the sender named `wanted`."""
        by_platform = {channel.platform: channel for channel in reversed(channels)}
        in_app = user.kind is not UserKind.CONTACT
        if ALL in wanted:
            missing = None if by_platform or in_app else APP
            return Choice(channels=tuple(by_platform.values()), why=Why.ASKED, missing=missing)
        if wanted:
            return _asked(by_platform, wanted, in_app=in_app)
        last = await self._last.last_channel(user.id)
        for usual, why in ((user.preferred_channel, Why.PREFERRED), (last, Why.LAST_USED)):
            if usual == APP and in_app:
                break
            if usual in by_platform:
                return Choice(channels=(by_platform[usual],), why=why)
        if in_app:
            return Choice()
        if not channels:
            return Choice(why=Why.ONLY, missing=APP)
        return Choice(channels=(channels[0],), why=Why.FIRST if len(channels) > 1 else Why.ONLY)

    async def account(self, channel: Channel, conversation: Conversation) -> AccountId | None:
        """Return the account to send by: the channel's own, a member's, or the oldest."""
        accounts = await self._people.accounts(channel.platform)
        for account in accounts:
            if account.id == channel.account_id:
                return account.id
        owned = (one.id for one in accounts if conversation.member(one.owner_id) is not None)
        return next(owned, accounts[0].id if accounts else None)


def _asked(by_platform: Mapping[str, Channel], wanted: Sequence[str], *, in_app: bool) -> Choice:
    known = [
        name for name in dict.fromkeys(wanted) if name in by_platform or (name == APP and in_app)
    ]
    # The app has every message anyway: it is only something to wait for when it comes first.
    order = [name for place, name in enumerate(known) if name in by_platform or place == 0]
    if order:
        first = by_platform.get(order[0])
        channels = () if first is None else (first,)
        return Choice(channels=channels, why=Why.ASKED, order=tuple(order))
    return Choice() if in_app else Choice(why=Why.ASKED, missing=wanted[0])
