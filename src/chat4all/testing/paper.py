"""A connector to nowhere: it keeps what it was asked to do, and fails as told."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import AccountId
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import PayloadType

PAPER_ACCOUNT = AccountId("0195a000-0000-7000-8000-0000000000cc")


class PaperConnector:
    """A `Connector` with `SupportsChanges`; `failures` are raised by the next sends.

    `sent` holds every send that was taken, also repeats; `changes` what was done to sent
    messages, as (what, external id, argument). `before_send` is awaited before each.
    """

    channel: ClassVar[str] = "paper"
    capabilities: ClassVar[Capabilities] = Capabilities(
        payloads=frozenset({PayloadType.TEXT}),
        max_text=20,
        replies=True,
        edits=True,
        deletes=True,
        reactions=True,
        delivery_receipts=True,
    )

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.files: list[bytes] = []
        self.changes: list[tuple[str, str, object]] = []
        self.failures: dict[str, deque[ChannelError]] = {}
        self.before_send: Callable[[Outgoing], Awaitable[None]] | None = None

    def texts(self, address: str) -> list[str | None]:
        """Return the texts that a chat was sent, in order."""
        return [one.payload.text for one in self.sent if one.address == address]

    async def send_message(self, message: Outgoing) -> Sent:
        """See `Connector.send_message`."""
        if self.before_send is not None:
            await self.before_send(message)
        failures = self.failures.get(message.address)
        if failures:
            raise failures.popleft()
        self.sent.append(message)
        return Sent(external_id=f"paper-{message.message_id}")

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """See `Connector.send_file`: keeps the bytes in `files`, where capabilities say so."""
        if message.payload.type not in self.capabilities.payloads:
            raise ChannelError("no files", retry=False, reason="not_supported")
        data = b"".join([piece async for piece in file.read()])
        sent = await self.send_message(message)
        self.files.append(data)
        return sent

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """See `Connector.on_webhook_event`; paper says nothing."""
        del headers, body
        return ()

    async def edit_message(self, message: Outgoing, external_id: str) -> None:
        """See `SupportsChanges.edit_message`."""
        words = message.payload.text or message.payload.caption
        self.changes.append(("edit", external_id, words))

    async def delete_message(self, address: str, external_id: str) -> None:
        """See `SupportsChanges.delete_message`."""
        self.changes.append(("delete", external_id, address))

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """See `SupportsChanges.set_reactions`."""
        del address
        self.changes.append(("react", external_id, tuple(emojis)))

    async def show_typing(self, address: str) -> None:
        """See `SupportsChanges.show_typing`."""
        self.changes.append(("typing", "", address))

    async def aclose(self) -> None:
        """Do nothing: there is nothing open."""
