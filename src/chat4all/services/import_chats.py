"""The people and the conversation of an exported chat, found or made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chat4all.domain.directory import (
    MAX_MEMBERS,
    Channel,
    Conversation,
    ConversationType,
    Member,
    Role,
    User,
    UserKind,
)
from chat4all.domain.errors import ChannelTaken, Conflict, InvalidInput
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, derived_id, new_id
from chat4all.ports.directory import Directory
from chat4all.services.addresses import AS_WRITTEN, Addresses
from chat4all.services.chat_export import ChatKind, ExportedChat, ExportedParticipant
from chat4all.services.clock import Clock, utc_now
from chat4all.services.import_content import MAX_NAME
from chat4all.services.phone_numbers import NotAPhoneNumber

NOBODY = "Deleted account"
_ADDRESSES = (("whatsapp:phone:", "whatsapp"), ("telegram:user", "telegram"))
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Where an exported chat is kept. `actors` are users by author key.

    `ours` says that an import made the conversation. `stranger` wrote the messages that the
    export ascribes to nobody; lines of the program itself stand with the `owner`.
    """

    conversation: Conversation
    owner: UserId
    actors: Mapping[str, UserId]
    stranger: UserId
    ours: bool

    def author(self, key: str | None, *, notice: bool) -> UserId:
        """Return who wrote what the export ascribes to `key`."""
        return self.actors.get(key or "", self.owner if notice else self.stranger)


class ImportedChats:
    """Finds or makes contacts and conversations; the same chat gives the same ones."""

    def __init__(
        self,
        directory: Directory,
        addresses: Addresses = AS_WRITTEN,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._directory = directory
        self._addresses = addresses
        self._now = now

    async def open(self, owner: User, me: str, chat: ExportedChat, *, strangers: bool) -> Talk:
        """Return the conversation of `chat` among those of `owner`.

        `strangers` says that it holds messages whose author the export does not name.
        Raises `InvalidInput` when a chat of several people does not say which is the owner.
        """
        accounts = await self._accounts(owner)
        mine = _mine(chat, me)
        actors: dict[str, UserId] = {}
        for one in chat.participants:
            contact = one.key != mine
            actors[one.key] = await self._contact(owner, one, accounts) if contact else owner.id
        others = list(dict.fromkeys(user for user in actors.values() if user != owner.id))
        if chat.kind is ChatKind.PRIVATE:
            # Telegram names a private chat after the other one; bots may write in it besides.
            named = actors.get(chat.key)
            stranger = named if named in others else next(iter(others), None)
            if stranger is None:
                stranger = await self._silent(owner, chat, accounts)
            kept = await self._private(owner, stranger, chat)
        else:
            stranger = owner.id
            if strangers:
                nobody = ExportedParticipant(key=f"{chat.key}:nobody", name=None)
                stranger = await self._contact(owner, nobody, accounts)
                others.append(stranger)
            kept = await self._group(owner, others, chat)
        return Talk(
            conversation=kept,
            owner=owner.id,
            actors=actors,
            stranger=stranger,
            ours=kept.metadata.get("import") == chat.key,
        )

    async def _accounts(self, owner: User) -> Mapping[str, Sequence[AccountId]]:
        found: dict[str, list[AccountId]] = {}
        for account in await self._directory.accounts.list():
            if account.owner_id == owner.id:
                found.setdefault(account.platform, []).append(account.id)
        return found

    async def _silent(
        self, owner: User, chat: ExportedChat, accounts: Mapping[str, Sequence[AccountId]]
    ) -> UserId:
        """Return the other side of a chat in which only the owner wrote."""
        oneself = any(one.key == chat.key for one in chat.participants)
        key = f"{chat.key}:notes" if oneself else chat.key
        other = ExportedParticipant(key=key, name=chat.title or None)
        return await self._contact(owner, other, accounts)

    async def _contact(
        self,
        owner: User,
        participant: ExportedParticipant,
        accounts: Mapping[str, Sequence[AccountId]],
    ) -> UserId:
        address = self._address(participant.key)
        if address is not None:
            known = await self._known(owner, *address, accounts.get(address[0], ()))
            if known is not None:
                return known
        contact = await self._make(owner, participant)
        if address is not None:
            await self._link(contact, *address)
        return contact

    def _address(self, key: str) -> tuple[str, str] | None:
        """Return (platform, external id) of an author whose key is an address."""
        for prefix, platform in _ADDRESSES:
            external_id = key.removeprefix(prefix)
            if key.startswith(prefix) and external_id.lstrip("+").isdecimal():
                try:
                    return platform, self._addresses.canonical(platform, external_id)
                except NotAPhoneNumber:  # they wrote all the same, and stay without a channel
                    return None
        return None

    async def _known(
        self, owner: User, platform: str, external_id: str, accounts: Sequence[AccountId]
    ) -> UserId | None:
        """Return whose the address is, when that is a contact of the owner, or the owner."""
        for account in (*accounts, None):
            channel = await self._directory.channels.resolve(platform, account, external_id)
            if channel is None:
                continue
            users = await self._directory.users.get_many([channel.user_id])
            user = users.get(channel.user_id)
            if user is not None and owner.id in (user.id, user.owner_id):
                return user.id
        return None

    async def _make(self, owner: User, participant: ExportedParticipant) -> UserId:
        users = self._directory.users
        for attempt in range(100):
            # A contact that was deleted leaves its id reserved: the next one is as stable.
            again = [str(attempt)] if attempt else []
            name = UserId(derived_id("import-contact", owner.id, participant.key, *again))
            if name in await users.get_many([name]):
                return name
            contact = User(
                id=name,
                kind=UserKind.CONTACT,
                display_name=(participant.name or NOBODY).strip()[:MAX_NAME] or NOBODY,
                owner_id=owner.id,
                created_at=self._now(),
            )
            try:
                await users.add(contact)
            except Conflict:
                continue
            return name
        raise Conflict("this contact was deleted and imported a hundred times")

    async def _link(self, contact: UserId, platform: str, external_id: str) -> None:
        """Make the contact reachable there, unless the address belongs to somebody else."""
        channels = self._directory.channels
        channel = Channel(
            id=ChannelId(new_id()),
            user_id=contact,
            platform=platform,
            external_id=external_id,
            linked_at=self._now(),
        )
        if await channels.resolve(platform, None, external_id) is None:
            try:
                await channels.link(channel)
            except ChannelTaken:  # in this moment: it stays theirs
                return

    async def _private(self, owner: User, other: UserId, chat: ExportedChat) -> Conversation:
        return await self._create(owner, [other], chat, ConversationType.PRIVATE, None)

    async def _group(
        self, owner: User, others: Sequence[UserId], chat: ExportedChat
    ) -> Conversation:
        name = chat.title.strip()[:MAX_NAME] or "Imported chat"
        conversations = self._directory.conversations
        kept = await conversations.get(_group_id(owner, chat))
        if kept is None:
            return await self._create(owner, others, chat, ConversationType.GROUP, name)
        for user in others[: MAX_MEMBERS - len(kept.members)]:
            if kept.member(user) is None:
                member = Member(user_id=user, role=Role.MEMBER, joined_at=self._now())
                await self._directory.members.add(kept.id, member)
        return kept

    async def _create(
        self,
        owner: User,
        others: Sequence[UserId],
        chat: ExportedChat,
        type_: ConversationType,
        name: str | None,
    ) -> Conversation:
        now = self._now()
        new = Conversation(
            id=_group_id(owner, chat) if name else _private_id(owner, others[0]),
            type=type_,
            created_by=owner.id,
            created_at=now,
            name=name,
            metadata={"import": chat.key},
            members=(
                Member(user_id=owner.id, role=Role.OWNER, joined_at=now),
                *(
                    Member(user_id=user, role=Role.MEMBER, joined_at=now)
                    for user in others[: MAX_MEMBERS - 1]
                ),
            ),
        )
        try:
            return await self._directory.conversations.create(new)
        except Conflict:  # another call made it in this moment
            kept = await self._directory.conversations.get(new.id)
            if kept is None:
                raise
            return kept


def _group_id(owner: User, chat: ExportedChat) -> ConversationId:
    return ConversationId(derived_id("import-group", owner.id, chat.key))


def _private_id(owner: User, other: UserId) -> ConversationId:
    return ConversationId(derived_id("import-private", owner.id, other))


def _mine(chat: ExportedChat, me: str) -> str | None:
    """Return the key of the participant who is the owner; None when the owner never wrote."""
    wanted = me.strip().casefold()
    keys = [one.key for one in chat.participants if one.key.casefold() == wanted]
    names = [one.key for one in chat.participants if (one.name or "").strip().casefold() == wanted]
    found = keys or names
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(
            f"several people are called {me}; give the key of one: {', '.join(found)}",
            [("/me", "several people have this name")],
        )
    if chat.kind is ChatKind.PRIVATE and len(chat.participants) >= _PAIR:
        there = ", ".join(sorted(one.name or one.key for one in chat.participants))
        raise InvalidInput(
            f"nobody in this chat is called {me}; it has {there}", [("/me", "not in this chat")]
        )
    return None
