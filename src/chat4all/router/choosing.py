"""Which way a message takes to one recipient, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from chat4all.domain.directory import Account, Channel, Conversation, User, UserKind
from chat4all.domain.group_chats import NOT_IN_GROUP, GroupChat
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId
from chat4all.domain.messages import APP
from chat4all.router.refusals import NEVER_WROTE, NO_CHANNEL
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

    async def group_chats(self, conversation: ConversationId) -> Sequence[GroupChat]:
        """Return the groups of platforms that a conversation is."""
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
class Way:
    """One way to a recipient: an identity of theirs, or a `group` that they are in there.

    Everybody who is in the group is reached by the same call. `user` is whose the identity
    is: that of a merged contact may be another's of the same person.
    """

    platform: str
    address: str
    account_id: AccountId | None
    channel: ChannelId | None = None
    user: UserId | None = None
    group: GroupChat | None = None

    @property
    def blocked(self) -> str | None:
        """Return the code with which it fails for certain, if any."""
        return NOT_IN_GROUP if self.group is not None and not self.group.present else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways to one recipient, the oldest first, at most one by each platform.

    `closed` are platforms that know them, where they have to write first.
    """

    open: Mapping[str, Way]
    closed: Collection[str] = ()

    def why_not(self, platform: str) -> str:
        """Return the code for a platform that is no way to them."""
        return NEVER_WROTE if platform in self.closed else NO_CHANNEL

    @classmethod
    def of(cls, user: UserId, channels: Sequence[Channel], groups: Sequence[GroupChat]) -> Self:
        """Return the ways to `user`, who has `channels`; a group they are in comes first."""
        shared = [one for one in groups if user in one.members]
        found = [
            Way(
                platform=one.key.platform,
                address=one.key.address,
                account_id=one.key.account_id,
                group=one,
            )
            for one in shared
        ]
        found += [
            Way(
                platform=one.platform,
                address=one.external_id,
                account_id=one.account_id,
                channel=one.id,
                user=one.user_id,
            )
            for one in channels
            if one.reachable
        ]
        by_platform = {way.platform: way for way in reversed(found)}
        ways = {way.platform: by_platform[way.platform] for way in found}
        closed = dict.fromkeys(one.platform for one in channels if one.platform not in ways)
        return cls(open=ways, closed=tuple(closed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The ways to use at once, and the platforms to try one after the other if it fails.

    `missing` is a channel that was asked for, or would be needed, and is not known; `code`
    says why.
    """

    ways: tuple[Way, ...] = ()
    why: Why = Why.IN_APP
    missing: str | None = None
    code: str = NO_CHANNEL
    order: tuple[str, ...] = ()


class Chooser:
    """Chooses ways and accounts."""

    def __init__(self, people: People, last: LastChannels) -> None:
        self._people = people
        self._last = last

    async def choose(self, user: User, ways: Ways, wanted: Sequence[str]) -> Choice:
        """Return how to reach `user` when the sender named `wanted`."""
        in_app = user.kind is not UserKind.CONTACT
        if ALL in wanted:
            if not ways.open and not in_app:
                return _none(Why.ASKED, next(iter(ways.closed), APP), ways)
            return Choice(ways=tuple(ways.open.values()), why=Why.ASKED)
        if wanted:
            return _asked(ways, wanted, in_app=in_app)
        return await self._usual(user, ways, in_app=in_app)

    async def _usual(self, user: User, ways: Ways, *, in_app: bool) -> Choice:
        first = next(iter(ways.open.values()), None)
        if first is not None and first.group is not None:
            return Choice(ways=(first,), why=Why.GROUP)
        last = await self._last.last_channel(user.id)
        for usual, why in ((user.preferred_channel, Why.PREFERRED), (last, Why.LAST_USED)):
            if usual == APP and in_app:
                break
            if usual is not None and usual in ways.open:
                return Choice(ways=(ways.open[usual],), why=why)
        if in_app:
            return Choice()
        if first is None:
            return _none(Why.ONLY, next(iter(ways.closed), APP), ways)
        return Choice(ways=(first,), why=Why.FIRST if len(ways.open) > 1 else Why.ONLY)

    async def account(self, way: Way, conversation: Conversation) -> AccountId | None:
        """Return the account to send by: the way's own, a member's, or the oldest."""
        accounts = await self._people.accounts(way.platform)
        for account in accounts:
            if account.id == way.account_id:
                return account.id
        if way.group is not None:  # nobody else is in it
            return None
        owned = (one.id for one in accounts if conversation.member(one.owner_id) is not None)
        return next(owned, accounts[0].id if accounts else None)


def _asked(ways: Ways, wanted: Sequence[str], *, in_app: bool) -> Choice:
    known = [
        name for name in dict.fromkeys(wanted) if name in ways.open or (name == APP and in_app)
    ]
    # The app has every message anyway: it is only something to wait for when it comes first.
    order = [name for place, name in enumerate(known) if name in ways.open or place == 0]
    if order:
        first = ways.open.get(order[0])
        return Choice(ways=() if first is None else (first,), why=Why.ASKED, order=tuple(order))
    return Choice() if in_app else _none(Why.ASKED, wanted[0], ways)


def _none(why: Why, missing: str, ways: Ways) -> Choice:
    return Choice(why=why, missing=missing, code=ways.why_not(missing))
