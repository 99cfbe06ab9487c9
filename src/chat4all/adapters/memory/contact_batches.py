"""Many contacts at once in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import ChannelTaken, Conflict, UserNotFound
from chat4all.domain.ids import UserId
from chat4all.ports.contacts import ContactBatch, PlatformAddress, SharedId


class MemoryContactBatches:
    """`ContactBatches` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def holders(
        self, addresses: Collection[PlatformAddress]
    ) -> Sequence[tuple[Channel, User]]:
        """Return the channels with any of these addresses, and whose they are."""
        wanted, users = set(addresses), self._state.users
        return [
            (one, users[self._state.person(one.user_id)[0]])
            for one in self._state.channels.values()
            if PlatformAddress(one.platform, one.external_id) in wanted
        ]

    async def shared(self, owner: UserId, *, after: str = "", limit: int) -> Sequence[SharedId]:
        """See `ContactBatches.shared`."""
        state = self._state
        groups: dict[str, list[Channel]] = {}
        for one in sorted(state.channels.values(), key=lambda one: (one.linked_at, one.id)):
            user = state.users[one.user_id]
            if user.owner_id == owner and user.kind is UserKind.CONTACT:
                groups.setdefault(one.external_id.lstrip("+").lower(), []).append(one)
        return [
            SharedId(key=key, channels=groups[key])
            for key in sorted(groups)
            if key > after and len({state.person(one.user_id)[0] for one in groups[key]}) > 1
        ][:limit]

    async def keep(self, batch: ContactBatch) -> None:
        """Keep all of a batch; what could be refused is looked at before."""
        state = self._state
        await self._check(batch)
        for contact in batch.contacts:
            state.users[contact.id] = contact
        for user, name in batch.names.items():
            state.users[user] = replace(state.users[user], display_name=name)
        for channel in batch.channels:
            state.channels[channel.id] = channel

    async def _check(self, batch: ContactBatch) -> None:
        state = self._state
        state.require_users(batch.changed)
        if any(state.users[one].merged_into for one in batch.changed):
            raise UserNotFound("a contact was merged into another meanwhile")
        for contact in batch.contacts:
            if contact.id in state.users or contact.id in state.removed:
                raise Conflict(f"the user id {contact.id} is in use; choose another")
        said = {PlatformAddress(one.platform, one.external_id): one for one in batch.channels}
        for channel, user in await self.holders(said):
            new = said[PlatformAddress(channel.platform, channel.external_id)]
            ours = batch.owner in (user.id, user.owner_id)
            if (ours and user.id != new.user_id) or channel.account_id == new.account_id:
                raise ChannelTaken("an address was given to somebody else meanwhile")
