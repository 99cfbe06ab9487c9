"""The simulated phones as the page of one user shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat4all.connectors.mock.connector import MockConnector
from chat4all.connectors.mock.network import PhoneNetwork
from chat4all.domain.directory import UserKind
from chat4all.domain.errors import ChannelNotFound
from chat4all.domain.ids import AccountId, UserId
from chat4all.ports.directory import Directory
from chat4all.ports.phones import Phone, PhoneFailure, PhoneFile, PhoneMessage

_CONTACTS = 1_000  # of one user that are looked at


class ContactPhones:
    """The phones of people in the directory: a `ports.phones.PhoneNetwork`.

    `account` is the connector account that the network plays the platform of.
    """

    def __init__(
        self, network: PhoneNetwork, directory: Directory, *, account: AccountId | None = None
    ) -> None:
        self._network = network
        self._directory = directory
        self._account = account

    async def phones(self, owner: UserId) -> Sequence[Phone]:
        """Return the phones of the owner's contacts and of the owner, without messages."""
        names = await self._names(owner)
        return [
            self._network.screen(phone).seen(names[phone], with_messages=False)
            for phone in sorted(names)
        ]

    async def phone(self, external_id: str) -> Phone:
        """Return one phone with its messages."""
        name = await self._name(external_id)
        return self._network.screen(external_id).seen(name)

    async def write(self, external_id: str, text: str, reply_to: str | None = None) -> PhoneMessage:
        """Let the person with the phone write `text`."""
        name = await self._name(external_id)
        return await self._network.write(external_id, text, reply_to=reply_to, name=name)

    async def send_file(
        self,
        external_id: str,
        data: bytes,
        *,
        name: str,
        mime_type: str,
        caption: str | None = None,
        reply_to: str | None = None,
    ) -> PhoneMessage:
        """Let the person with the phone send a file."""
        by = await self._name(external_id)
        return await self._network.send_file(
            external_id,
            data,
            name=name,
            mime_type=mime_type,
            caption=caption,
            reply_to=reply_to,
            by=by,
        )

    async def file_of(self, external_id: str, message: str) -> tuple[PhoneFile, bytes]:
        """Return the file of a message on the phone."""
        await self._name(external_id)
        return await self._network.file_of(external_id, message)

    async def read_all(self, external_id: str) -> None:
        """Let the person read all that came in."""
        await self._name(external_id)
        await self._network.read_all(external_id)

    async def configure(self, external_id: str, *, online: bool, fail: PhoneFailure | None) -> None:
        """Switch the phone on or off, or make it refuse what is sent to it."""
        await self._name(external_id)
        await self._network.configure(external_id, online=online, fail=fail)

    async def _name(self, external_id: str) -> str:
        channel = await self._directory.channels.resolve(
            MockConnector.channel, self._account, external_id
        )
        if channel is None:
            raise ChannelNotFound(f"nobody has the phone {external_id}")
        users = await self._directory.users.get_many([channel.user_id])
        return users[channel.user_id].display_name if users else external_id

    async def _names(self, owner: UserId) -> Mapping[str, str]:
        people = await self._directory.users.search(
            "", kind=UserKind.CONTACT, owner=owner, limit=_CONTACTS
        )
        # Somebody who linked a phone to their own account plays it themselves.
        own = await self._directory.users.get_many([owner])
        names = {user.id: user.display_name for user in (*people, *own.values())}
        channels = await self._directory.channels.of_users(list(names))
        return {
            channel.external_id: names[user]
            for user, theirs in channels.items()
            for channel in theirs
            if channel.platform == MockConnector.channel
            and channel.account_id in (None, self._account)
        }
