"""The connector of the simulated phones."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chat4all.connectors.mock.files import MAX_FILE_BYTES
from chat4all.connectors.mock.network import PhoneNetwork
from chat4all.connectors.mock.translate import SIGNATURE_HEADER, events_of, sign
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import MEDIA, PayloadType

PIECE = 64 * 1024


class MockConfig(BaseModel):
    """The config of one simulated network: the secret that its callbacks are signed with.

    One is made when it is left out, so keep `as_stored()`, not the input.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    secret: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(32)), min_length=8
    )

    def as_stored(self) -> dict[str, Any]:
        """Return the JSON object to keep as the account's config, the secret in clear."""
        return {"secret": self.secret.get_secret_value()}


class MockConnector:
    """Carries everything, and all there is to tell about a message."""

    channel: ClassVar[str] = "mock"
    capabilities: ClassVar[Capabilities] = Capabilities(
        payloads=MEDIA | {PayloadType.TEXT, PayloadType.LOCATION, PayloadType.CONTACT},
        max_text=4096,
        max_caption=1024,
        max_file_bytes=dict.fromkeys(MEDIA, MAX_FILE_BYTES),
        replies=True,
        edits=True,
        deletes=True,
        reactions=True,
        typing=True,
        delivery_receipts=True,
        read_receipts=True,
    )

    def __init__(self, config: MockConfig, network: PhoneNetwork) -> None:
        self._config = config
        self._network = network

    async def send_message(self, message: Outgoing) -> Sent:
        """Show the message on the phone; that it arrived there is told by a receipt."""
        self._check(message)
        return Sent(external_id=await self._network.deliver(message))

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """Show the file on the phone."""
        self._check(message)
        kind = message.payload.type
        why = self.capabilities.obstacle(kind, size=file.size, mime_type=file.mime_type)
        if why is not None:
            raise ChannelError(why, retry=False, reason="media_too_large")
        return Sent(external_id=await self._network.deliver_file(message, file))

    async def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        """Stream a file that was sent from a phone."""
        data = await self._network.fetch(reference)
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """Translate one event that is signed with the account's secret."""
        given = headers.get(SIGNATURE_HEADER, "").encode("utf-8", "surrogatepass")
        expected = sign(self._config.secret.get_secret_value(), body).encode()
        if not hmac.compare_digest(given, expected):
            raise WebhookRejected("the callback is not signed with the account's secret")
        try:
            return events_of(body)
        except ValueError as error:
            raise WebhookRejected("the body is not an event of the phones") from error

    async def edit_message(self, message: Outgoing, external_id: str) -> None:
        """Replace what a message on the phone shows."""
        self._check(message)
        await self._network.replace(message.address, external_id, message.payload)

    async def delete_message(self, address: str, external_id: str) -> None:
        """Delete a message from the phone."""
        await self._network.withdraw(address, external_id)

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """Make `emojis` our reactions on a message."""
        await self._network.show_reactions(address, external_id, emojis)

    async def show_typing(self, address: str) -> None:
        """Reach the phone; its page does not show who is writing."""
        self._network.touch(address)

    async def whoami(self) -> str:
        """Return the name of the simulated network."""
        return "the simulated phones"

    def link_instructions(self, code: str, name: str) -> str:
        """Return what to write from the phone."""
        return f"Write /start {code} on one of {name}."

    async def aclose(self) -> None:
        """Do nothing: the network belongs to whoever started it."""

    def _check(self, message: Outgoing) -> None:
        if message.payload.type not in self.capabilities.payloads:
            raise ChannelError(
                f"{message.payload.type} is not carried", retry=False, reason="not_supported"
            )
        payload = message.payload
        is_media = payload.type in MEDIA
        words = payload.caption if is_media else payload.text
        limit = self.capabilities.max_caption if is_media else self.capabilities.max_text
        length = len(words or "")
        if length > limit:
            raise ChannelError(
                f"{length} characters; the phones take {limit}", retry=False, reason="too_long"
            )
