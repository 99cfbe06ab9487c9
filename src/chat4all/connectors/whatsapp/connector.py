"""The WhatsApp connector: calls of the Cloud API on one side, our values on the other."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from chat4all.connectors.whatsapp.calls import Graph
from chat4all.connectors.whatsapp.capabilities import CAPABILITIES
from chat4all.connectors.whatsapp.config import WhatsAppConfig
from chat4all.connectors.whatsapp.media import check_file, media_body
from chat4all.connectors.whatsapp.templates import Approved
from chat4all.connectors.whatsapp.translate import events_of
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.templates import Template

_SIGNATURE = "x-hub-signature-256"


class WhatsAppConnector:
    """One business phone number."""

    channel: ClassVar[str] = "whatsapp"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, config: WhatsAppConfig) -> None:
        self._config = config
        self._graph = Graph(config)
        self._approved: dict[tuple[str | None, str | None], Approved] = {}

    async def send_message(self, message: Outgoing) -> Sent:
        """Send text, a location, a contact or a template; only a text shows `from_name`."""
        if message.payload.type is PayloadType.TEMPLATE:
            kind, body = "template", await self._template(message.payload)
        else:
            kind, body = _content(message)
        taken = await self._graph.send(message.address, kind, body, reply_to=message.reply_to)
        # Accepted is not sent: that is told by a callback, with the reason where it fails.
        return Sent(external_id=taken)

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """Upload a file and send it with its caption; audio has none at WhatsApp."""
        check_file(message, file)
        body = media_body(message, file, await self._graph.upload(file))
        kind = message.payload.type.value
        taken = await self._graph.send(message.address, kind, body, reply_to=message.reply_to)
        return Sent(external_id=taken)

    def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        """Stream a file by its id, which WhatsApp knows for 7 days."""
        return self._graph.download(reference)

    async def templates(self) -> Sequence[Template]:
        """Return the approved templates that words can fill."""
        self._approved = {
            (one.template.name, one.template.language): one for one in await self._graph.templates()
        }
        return [one.template for one in self._approved.values()]

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """Translate one callback whose body is signed with the app's secret.

        https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
        """
        given = headers.get(_SIGNATURE, "").encode("utf-8", "surrogatepass")
        secret = self._config.app_secret.get_secret_value().encode()
        expected = b"sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(given, expected):
            raise WebhookRejected("the callback is not signed with the app's secret")
        try:
            return events_of(body, phone_number_id=self._config.phone_number_id)
        except ValueError as error:
            raise WebhookRejected("the body is not a WhatsApp callback") from error

    def answer_challenge(self, query: Mapping[str, str]) -> bytes:
        """Return the challenge of Meta, which checks that the address is ours.

        https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
        """
        given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
        expected = self._config.verify_token.get_secret_value().encode()
        proven = hmac.compare_digest(given, expected)
        if not proven or query.get("hub.mode") != "subscribe" or not query.get("hub.challenge"):
            raise WebhookRejected("the challenge does not show the verify token")
        return query["hub.challenge"].encode("utf-8", "replace")

    async def edit_message(self, message: Outgoing, external_id: str) -> None:  # noqa: ARG002 - the port's
        """Refuse: a business cannot edit what it sent."""
        raise ChannelError("WhatsApp edits nothing", retry=False, reason="not_supported")

    async def delete_message(self, address: str, external_id: str) -> None:  # noqa: ARG002 - the port's
        """Refuse: a business cannot delete what it sent."""
        raise ChannelError("WhatsApp deletes nothing", retry=False, reason="not_supported")

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """Show the latest of `emojis`: a business has one reaction a message; none removes it."""
        emoji = emojis[-1] if emojis else ""
        body = {"message_id": external_id, "emoji": emoji}
        await self._graph.send(address, "reaction", body)

    async def show_typing(self, address: str) -> None:  # noqa: ARG002 - the port's
        """Refuse: WhatsApp shows typing only as the answer to a message that it names."""
        raise ChannelError("typing is not carried", retry=False, reason="not_supported")

    async def whoami(self) -> str:
        """Return the phone number as people write it."""
        return await self._graph.number()

    def link_instructions(self, code: str, name: str) -> str:
        """Return the link that writes the message, and what to write where links do not work."""
        digits = "".join(one for one in name if one.isascii() and one.isdigit())
        link = f"https://wa.me/{digits}?text=%2Fstart%20{code}"
        return f"Open {link} and send the message, or send /start {code} to {name}."

    async def aclose(self) -> None:
        """Close the connections to WhatsApp."""
        await self._graph.aclose()

    async def _template(self, payload: Payload) -> dict[str, Any]:
        """Return the body of a call; which places there are is asked once, if at all."""
        given = payload.parameters or ()
        body = {"name": payload.name, "language": {"code": payload.language}}
        if not given:
            return body
        which = (payload.name, payload.language)
        if which not in self._approved:
            await self.templates()
        approved = self._approved.get(which)
        if approved is None or len(approved.slots) != len(given):
            raise ChannelError(
                f"no approved template {payload.name} in {payload.language} takes "
                f"{len(given)} parameters",
                retry=False,
                reason="template_refused",
            )
        return {**body, "components": approved.components(given)}


def _content(message: Outgoing) -> tuple[str, Any]:
    payload = message.payload
    if payload.type is PayloadType.TEXT:
        return "text", {"body": _checked_text(message)}
    if payload.type is PayloadType.LOCATION:
        place = {"latitude": payload.latitude, "longitude": payload.longitude}
        return "location", place | ({"name": payload.name} if payload.name else {})
    if payload.type is PayloadType.CONTACT:
        return "contacts", _contact(payload)
    raise ChannelError(f"{payload.type} is not carried", retry=False, reason="not_supported")


def _contact(payload: Payload) -> list[dict[str, Any]]:
    """Return the list of contacts; a name needs a second part besides the formatted one."""
    name = payload.name or payload.phone or ""
    contact: dict[str, Any] = {"name": {"formatted_name": name, "first_name": name}}
    if payload.phone:
        contact["phones"] = [{"phone": payload.phone, "type": "CELL"}]
    if payload.email:
        contact["emails"] = [{"email": payload.email, "type": "HOME"}]
    return [contact]


def _checked_text(message: Outgoing) -> str:
    words = message.payload.text or ""
    if message.from_name:
        words = f"{message.from_name}: {words}"
    limit = CAPABILITIES.max_text
    if len(words) > limit:
        raise ChannelError(
            f"{len(words)} characters; WhatsApp takes {limit}", retry=False, reason="too_long"
        )
    return words
