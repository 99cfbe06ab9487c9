"""The services behind the connections of clients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from chat4all.bootstrap.core import Core
from chat4all.router.enclosures import Enclosures
from chat4all.router.preflight import Preflight
from chat4all.router.preview import PreviewDelivery
from chat4all.services.messages import Messages
from chat4all.services.notify import Link, Notifier
from chat4all.services.presence import PresenceBoard
from chat4all.services.send_message import Limits, SendMessage
from chat4all.services.shown_files import ShownFiles
from chat4all.services.stored import StoredMessages
from chat4all.services.sync import Sync
from chat4all.settings import Settings

KEEP_UP = 1_000
"""Messages that may wait for the router of this process before senders do: two of its batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """What clients send by, read from and are told by."""

    notifier: Notifier
    stored: StoredMessages
    send: SendMessage
    messages: Messages
    presence: PresenceBoard
    sync: Sync
    plan: PreviewDelivery


def build_clients(core: Core, link: Link | None = None) -> Clients:
    """Build them; `link` brings the events of other processes."""
    storage, people = core.storage, core.people
    messages = Messages(storage.log, storage.messages, storage.messages, people)
    notifier = Notifier(
        storage.messages, people.peek, people.conversation, messages, link, core.tracing
    )
    plan = build_plan(core)
    core.metrics.watch(
        "chat4all.connections", "clients connected here", lambda: notifier.connections
    )
    return Clients(
        notifier=notifier,
        stored=StoredMessages(storage.messages),
        send=build_send(core, plan, keep_up=KEEP_UP if link is None else None),
        messages=messages,
        presence=PresenceBoard(storage.nodes, core.directory.conversations, core.directory.users),
        sync=Sync(storage.messages, people, notifier),
        plan=plan,
    )


def build_plan(core: Core) -> PreviewDelivery:
    """Return what tells how a message would be delivered."""
    plan = PreviewDelivery(
        core.people, core.last_channels, core.directory.routes, core.capabilities, core.templates
    )
    plan.enclose(enclosures(core))
    return plan


def build_send(core: Core, plan: PreviewDelivery, *, keep_up: int | None = None) -> SendMessage:
    """Return the way in for messages of our own clients."""
    storage, people = core.storage, core.people
    return SendMessage(
        storage.log,
        storage.messages,
        storage.ephemeral,
        people.peek,
        people.conversation,
        limits=replace(_limits(core.settings), keep_up=keep_up),
        check=Preflight(people, plan, core.capabilities),
        check_file=ShownFiles(storage.files.records, storage.files.records),
    )


def enclosures(core: Core) -> Enclosures:
    """Return what puts files into messages to platforms."""
    return Enclosures(core.files.library, link_for=timedelta(hours=core.settings.file_link_hours))


def _limits(settings: Settings) -> Limits:
    return Limits(
        sender_rate=settings.sender_rate,
        sender_burst=5 * settings.sender_rate,
        conversation_rate=settings.conversation_rate,
        conversation_burst=4 * settings.conversation_rate,
        backlog=settings.backlog,
    )
