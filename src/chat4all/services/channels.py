"""One's own external identities, and the codes that prove them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat4all.domain.directory import Channel
from chat4all.domain.errors import NotPermitted
from chat4all.domain.ids import ChannelId, UserId, new_id
from chat4all.ports.access_tokens import Principal
from chat4all.ports.accounts import LinkCodes
from chat4all.ports.conversations import Channels
from chat4all.services.addresses import AS_WRITTEN, Address, Addresses
from chat4all.services.clock import Clock, utc_now

ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without letters and digits that are read for one another."""
LENGTH = 10
LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCode:
    """A code to send from the identity that is to be linked."""

    code: str
    platform: str
    expires_at: datetime


class OwnChannels:
    """The caller's channels."""

    def __init__(
        self,
        channels: Channels,
        link_codes: LinkCodes,
        addresses: Addresses = AS_WRITTEN,
        *,
        now: Clock = utc_now,
    ) -> None:
        self._channels = channels
        self._addresses = addresses
        self._link_codes = link_codes
        self._now = now

    async def list(self, caller: UserId) -> Sequence[Channel]:
        """Return the caller's identities, oldest first."""
        return (await self._channels.of_users([caller])).get(caller, ())

    async def claim(self, caller: Principal, address: Address) -> Channel:
        """Say where the caller is reached, without proof. A repeat is no error.

        Raises `NotPermitted` for all but administrators: what comes in from the identity
        would be taken for the caller's words, whoever wrote it. Raises `ChannelTaken` when
        it is another user's.
        """
        if not caller.admin:
            raise NotPermitted("prove that it is yours: POST /v1/users/me/channels/link-code")
        address = self._addresses.one(address)
        return await self._channels.link(
            Channel(
                id=ChannelId(new_id()),
                user_id=caller.user_id,
                platform=address.platform,
                external_id=address.external_id,
                account_id=address.account_id,
                linked_at=self._now(),
            )
        )

    async def unlink(self, caller: UserId, channel: ChannelId) -> None:
        """Remove an identity. Raises `ChannelNotFound`."""
        await self._channels.unlink(caller, channel)

    async def link_code(self, caller: UserId, platform: str) -> LinkCode:
        """Return a new one-time code, good for 10 minutes."""
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        expires_at = self._now() + LIFETIME
        await self._link_codes.add(code, caller, platform=platform, expires_at=expires_at)
        return LinkCode(code=code, platform=platform, expires_at=expires_at)
