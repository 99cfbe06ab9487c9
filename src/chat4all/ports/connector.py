"""A connector translates between Chat4All and one platform, and does nothing else.

It holds no state about conversations, never retries, never sleeps to pace itself, never
writes to a store: order, retries, pacing and storage are the router's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.templates import Template


class Connector(Protocol):
    """One account on one platform. Every connector passes `ConnectorContract`.

    Every method but `on_webhook_event` may raise `ChannelError`, whose `retry` says whether
    the same call may succeed later. No secret stands in an error or a log line.
    """

    channel: ClassVar[str]
    """The platform's name, lower case: the `channel` of the API and of `outbound.<channel>`."""
    capabilities: ClassVar[Capabilities]

    async def send_message(self, message: Outgoing) -> Sent:
        """Send what `capabilities.payloads` names, but media; return the platform's id of it.

        Called for one address at a time, in order. A text over `capabilities.max_text` is
        refused with `retry=False` before anything is sent.
        """
        ...

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """Send media with its caption. A connector without media raises `retry=False`."""
        ...

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """Verify and translate one callback; pure, so a repeat gives the same.

        `headers` have lower-case names. Raises `WebhookRejected` for a callback that does
        not prove where it comes from, and for a body that is not the platform's; returns
        nothing for genuine updates that carry nothing for us.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; nothing may be called afterwards."""
        ...


@runtime_checkable
class SupportsChanges(Protocol):
    """Platforms on which a sent message can be changed."""

    async def edit_message(self, message: Outgoing, external_id: str) -> None:
        """Replace the text of a sent message; already equal is no error."""
        ...

    async def delete_message(self, address: str, external_id: str) -> None:
        """Delete a sent message; already gone is no error."""
        ...

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """Make `emojis` our reactions on a message; the platform may allow fewer."""
        ...

    async def show_typing(self, address: str) -> None:
        """Show the person that somebody is writing, for some seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll brought, and the offset to poll from once that is stored."""

    events: Sequence[Inbound]
    offset: str


@runtime_checkable
class SupportsPolling(Protocol):
    """Platforms that can be asked for updates, so it works behind NAT without a webhook."""

    async def poll(self, offset: str | None, *, wait: float) -> Polled:
        """Wait up to `wait` seconds for updates after `offset`.

        Calling with the new offset tells the platform that the earlier ones are kept.
        """
        ...


@runtime_checkable
class SupportsWebhookSetup(Protocol):
    """Platforms whose callback address is set by a call."""

    async def set_webhook(self, url: str | None) -> None:
        """Send callbacks to `url`, or with None stop them so that polling works."""
        ...


@runtime_checkable
class SupportsChallenge(Protocol):
    """Platforms that check a callback address by asking it for an answer."""

    def answer_challenge(self, query: Mapping[str, str]) -> bytes:
        """Return the answer to the parameters of a GET of the callback address; pure.

        Raises `WebhookRejected` for one that does not show what was agreed.
        """
        ...


@runtime_checkable
class SupportsTemplates(Protocol):
    """Platforms that take texts approved beforehand when the session window is closed."""

    async def templates(self) -> Sequence[Template]:
        """Return the approved ones that `send_message` takes as a payload of that type.

        One with a place that words cannot fill, as that of a picture, is left out.
        """
        ...


@runtime_checkable
class SupportsMedia(Protocol):
    """Platforms from which the files of incoming messages are fetched."""

    def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        """Stream the bytes of an incoming file, in pieces of at most 1 MiB.

        `reference` is that of its `Attachment`. Raises `ChannelError`: `retry=False` with
        the reason `media_gone` or `media_too_large` when it will never come.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits at a platform to be fetched or called back, and why it last failed to come."""

    count: int
    last_error: str | None = None


@runtime_checkable
class SupportsLiveness(Protocol):
    """Platforms that tell what has not come yet: so one that is deaf is told from a quiet one."""

    async def pending(self) -> Pending:
        """Return how many updates wait."""
        ...


@runtime_checkable
class SupportsIdentity(Protocol):
    """Platforms that tell who we are there; what `connectors test` calls."""

    async def whoami(self) -> str:
        """Return the account's public name, such as `@shop_bot`."""
        ...

    def link_instructions(self, code: str, name: str) -> str:
        """Return what a person does to link their identity with `code`; `name` is `whoami`."""
        ...
