"""The real REST application over the memory adapters and a running router."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from argon2 import PasswordHasher

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.memory.media import ClaimedMedia
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.adapters.memory.push import MemoryPushSender
from chat4all.bootstrap.file_storage import FileStorage
from chat4all.bootstrap.files import Files, file_keeper, open_files
from chat4all.domain.capabilities import AddressForm, Capabilities
from chat4all.domain.commands import AnnounceChange
from chat4all.domain.errors import (
    AccountNotFound,
    ChannelError,
    ChannelNotFound,
    MessageNotFound,
    WebhookRejected,
)
from chat4all.domain.events import Event, Position, SyncCursor
from chat4all.domain.ids import AccountId, UserId, new_id
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text
from chat4all.domain.templates import Place, Template
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.passwords import Argon2Passwords
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.gateway.rest.deps import RestDeps, SyncBatch
from chat4all.gateway.rest.operator_tools import OperatorTools
from chat4all.ports.connector import Connector
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.phones import Phone, PhoneFailure, PhoneFile, PhoneMessage
from chat4all.ports.tracing import Traces
from chat4all.router.failover import Failover
from chat4all.router.planner import Planner
from chat4all.router.preflight import Preflight
from chat4all.router.preview import PreviewDelivery
from chat4all.router.repair import Repair
from chat4all.router.worker import Router
from chat4all.services.access import Access
from chat4all.services.accounts import ConnectorAccounts, known_platforms
from chat4all.services.addresses import Addresses
from chat4all.services.audit.course import Course
from chat4all.services.audit.cursors import CursorsCourse
from chat4all.services.audit.files import FilesCourse
from chat4all.services.audit.numbers import NumbersCourse
from chat4all.services.audit.whole_check import WholeCheck
from chat4all.services.channels import OwnChannels
from chat4all.services.contacts import Contacts
from chat4all.services.conversation_views import ConversationViews
from chat4all.services.conversations import ConversationBook
from chat4all.services.dead_letters import DeadLetters
from chat4all.services.delegates import Delegates
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.duplicate_contacts import DuplicateContacts
from chat4all.services.export_contacts import ExportContacts
from chat4all.services.import_contacts import ImportContacts
from chat4all.services.import_history import ImportHistory
from chat4all.services.key_ring import KeyRing
from chat4all.services.last_channel import LastChannels
from chat4all.services.merge_contacts import MergeContacts
from chat4all.services.messages import Messages
from chat4all.services.notify import Notifier
from chat4all.services.people import People
from chat4all.services.presence import PresenceBoard
from chat4all.services.push_devices import PushDevices
from chat4all.services.records import encode_command
from chat4all.services.roster import Process, Roster
from chat4all.services.scheduled_messages import ScheduledMessages
from chat4all.services.send_message import Limits, SendMessage
from chat4all.services.service_accounts import ServiceAccounts
from chat4all.services.session_windows import SessionWindows
from chat4all.services.shown_files import ShownFiles
from chat4all.services.sign_in import SignIn
from chat4all.services.sign_up import FIRST_PERSON, SignUp
from chat4all.services.signals import Signals
from chat4all.services.stored import StoredMessages
from chat4all.services.subscription import Subscription
from chat4all.services.sync import Sync
from chat4all.services.templates import TemplateBook
from chat4all.services.trace import TraceMessage
from chat4all.services.users import UserProfiles
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.services.webhooks import Webhooks
from chat4all.settings import Settings
from chat4all.testing.paper import PaperConnector
from chat4all.testing.receiver import PaperReceiver
from tests.gateway.shared_app import AppOf

ISSUER = "http://chat4all.test"
PASSWORD = "correct horse battery"
QUOTA = 1_000_000
"""Bytes that the files of one user may take."""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class PaperPhones:
    """Phones that keep what is written on them."""

    def __init__(self) -> None:
        self.owned: dict[tuple[str, str], Phone] = {}
        self.files: dict[str, tuple[PhoneFile, bytes]] = {}

    async def phones(self, owner: UserId) -> list[Phone]:
        return [phone for (of, _), phone in sorted(self.owned.items()) if of == owner]

    async def phone(self, external_id: str) -> Phone:
        return self.owned[self._key(external_id)]

    async def write(
        self, external_id: str, words: str, reply_to: str | None = None
    ) -> PhoneMessage:
        self._key(external_id)
        return PhoneMessage(
            external_id="m1",
            direction="out",
            payload=text(words),
            at=datetime.now(UTC),
            status="sent",
            reply_to=reply_to,
        )

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
        self._key(external_id)
        file = PhoneFile(id=new_id(), name=name, mime_type=mime_type, size=len(data))
        self.files["m2"] = (file, data)
        return PhoneMessage(
            external_id="m2",
            direction="out",
            payload=Payload(type=PayloadType.IMAGE, file_id=file.id, name=name, caption=caption),
            at=datetime.now(UTC),
            status="sent",
            reply_to=reply_to,
            file=file,
        )

    async def file_of(self, external_id: str, message: str) -> tuple[PhoneFile, bytes]:
        self._key(external_id)
        if message not in self.files:
            raise MessageNotFound("no such message with a file")
        return self.files[message]

    async def read_all(self, external_id: str) -> None:
        self._key(external_id)

    async def configure(self, external_id: str, *, online: bool, fail: PhoneFailure | None) -> None:
        key = self._key(external_id)
        self.owned[key] = Phone(
            external_id=external_id,
            display_name=self.owned[key].display_name,
            online=online,
            fail=fail,
        )

    def _key(self, external_id: str) -> tuple[str, str]:
        for key in self.owned:
            if key[1] == external_id:
                return key
        raise ChannelNotFound("no such phone")


CAPABILITIES = {
    "telegram": Capabilities(
        payloads=frozenset(PayloadType) - {PayloadType.TEMPLATE},
        max_text=4096,
        max_file_bytes={**dict.fromkeys(MEDIA, 50 * 1024**2), PayloadType.IMAGE: 10 * 1024**2},
    ),
    "whatsapp": Capabilities(
        payloads=frozenset({PayloadType.TEXT, PayloadType.TEMPLATE}),
        max_text=50,
        session_window=timedelta(hours=24),
        addresses=AddressForm.E164_DIGITS,
    ),
}
ADDRESSES = Addresses({name: one.addresses for name, one in CAPABILITIES.items()})


class NamedConnector:
    """Says who it is, and nothing else."""

    channel = "telegram"
    capabilities = Capabilities(payloads=frozenset(), max_text=1)

    async def whoami(self) -> str:
        return "@shop_bot"

    def link_instructions(self, code: str, name: str) -> str:
        return f"{code} to {name}"


async def _this_process() -> Process:
    return Process(
        name="here", version="0", roles=["gateway"], started_at=datetime.now(UTC), missing={}
    )


async def _named(account: AccountId) -> Connector:
    del account
    return NamedConnector()  # type: ignore[return-value]  # it says who it is, nothing else


REMINDER = Template(
    name="reminder",
    language="pt_BR",
    text="Olá {{1}}, até {{2}}!",
    places=(Place(name="1", example="Ana"), Place(name="2")),
    category="UTILITY",
)
WELCOME = Template(name="welcome", language="en", text="Welcome!")


class ApprovingConnector(PaperConnector):
    """Has templates, or `trouble`."""

    def __init__(self) -> None:
        super().__init__()
        self.approved: list[Template] = [REMINDER, WELCOME]
        self.trouble: ChannelError | None = None
        self.asked = 0

    async def templates(self) -> list[Template]:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.approved


@dataclass
class World:
    """The application and everything behind it."""

    app: AppOf
    deps: RestDeps
    directory: WatchedDirectory
    event_log: MemoryEventLog
    phones: PaperPhones
    clock: Clock
    missing: dict[str, str]
    approving: ApprovingConnector
    files: Files
    subscribe: Callable[[UserId], Subscription]
    signals: Signals
    callbacks: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    push: MemoryPushSender = field(default_factory=MemoryPushSender)


@dataclass
class Person:
    """Somebody who signed in."""

    id: str
    username: str
    http: httpx.AsyncClient
    tokens: dict[str, Any]


class _Observer:
    def __init__(self, notifier: Notifier, waiting: StoredMessages) -> None:
        self._notifier = notifier
        self._waiting = waiting

    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        self._notifier.happened(events, traces)

    def stored(self, events: Sequence[Event]) -> None:
        self._waiting.stored(events)

    def done(self, positions: Collection[Position]) -> None:
        self._notifier.done(positions)


class _Engines:
    """The memory adapters, and what bootstrap would put between them and the REST API."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ephemeral, self.event_log = MemoryEphemeral(), MemoryEventLog()
        self.store = MemoryMessageStore()
        plain = MemoryDirectory(clock=self.clock)
        cache = DirectoryCache(plain)
        self.directory = WatchedDirectory(plain, cache)
        self.people = People(self.directory, cache)
        self.notifier = Notifier(self.store, self.people.peek, self.people.conversation)
        self.last = LastChannels(self.ephemeral.leases)
        self.waiting = StoredMessages(self.store, poll=0.05)
        self.sync = Sync(self.store, self.people, self.notifier)
        self.messages = Messages(self.event_log, self.store, self.store, self.people)
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self.passwords = Argon2Passwords(hasher=cheap)
        self.phones = PaperPhones()
        self.receiver = PaperReceiver()
        self.push_sender = MemoryPushSender()
        self.approving = ApprovingConnector()
        self.missing: dict[str, str] = {}
        self.callbacks: list[tuple[str, str, str, bytes]] = []

    def router(self) -> Router:
        failover = Failover(self.directory.failovers, self.store, {})
        planner = Planner(self.people, self.store, self.last, self.directory.routes, failover)
        observer = _Observer(self.notifier, self.waiting)
        return Router(self.event_log, self.store, planner, observer)

    async def tokens(self) -> JwtAccessTokens:
        revocations = Revocations(self.directory.tokens, self.ephemeral.bus, now=self.clock)
        await revocations.load()
        key = await SigningKey.load(self.directory.keys)
        return JwtAccessTokens(key, revocations, issuer=ISSUER, now=self.clock)

    async def announce(self, change: AnnounceChange) -> None:
        record = Record(COMMANDS, change.conversation_id, encode_command(change))
        await self.event_log.append([record])

    async def receive_webhook(
        self,
        platform: str,
        account_id: str,
        method: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: bytes,
    ) -> bytes:
        if body == b"forged":
            raise WebhookRejected("wrong signature")
        if await self.directory.accounts.get(AccountId(account_id)) is None:
            raise AccountNotFound("no such account")
        self.callbacks.append((platform, account_id, method, body))
        return query.get("challenge", "").encode()

    async def ready(self) -> Mapping[str, str]:
        return self.missing

    async def catch_up(
        self, viewer: UserId, cursor: str | None, *, wait: float, limit: int
    ) -> SyncBatch:
        since = None if cursor is None else SyncCursor.parse(cursor)
        missed = await self.sync.poll(viewer, since, wait=wait, limit=limit)
        frames = [frame for _, frame in missed.frames]
        return SyncBatch(frames=frames, cursor=str(missed.cursor), more=missed.more)

    @asynccontextmanager
    async def files(self) -> AsyncIterator[Files]:
        """Open the services of files, on a folder that vanishes."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            objects = await stack.enter_async_context(LocalFsObjectStore(folder))
            storage = FileStorage(MemoryFileRecords(), objects)
            settings = Settings(data_dir=folder, public_url=ISSUER, file_quota_bytes=QUOTA)
            find, keys = self.people.conversation, self.directory.keys
            yield await stack.enter_async_context(
                open_files(
                    settings,
                    storage,
                    find,
                    keys,
                    self.event_log,
                    inspector=ClaimedMedia(),
                    now=self.clock,
                )
            )

    async def _connector_of(self, account: AccountId) -> ApprovingConnector:
        del account
        return self.approving

    def _whole_check(self, files: Files) -> WholeCheck:
        def courses() -> list[Course]:
            return [
                NumbersCourse(self.store),
                CursorsCourse(self.store),
                FilesCourse(files.storage.records, files.storage.objects),
            ]

        return WholeCheck(courses, self.store.counts)

    def _webhooks(self) -> Webhooks:
        return Webhooks(
            self.directory.endpoints,
            self.directory.deliveries,
            self.receiver,
            source="https://chat.example",
            now=self.clock,
        )

    def _push(self) -> PushDevices:
        return PushDevices(
            self.directory.push_subscriptions,
            self.push_sender,
            public_key="a-public-key",
            now=self.clock,
        )

    def _scheduled(self, send: SendMessage, files: Files) -> ScheduledMessages:
        attach = files.storage.records.attach
        return ScheduledMessages(self.directory.scheduled, send, attach, now=self.clock)

    def _duplicate_contacts(self) -> DuplicateContacts:
        directory = self.directory
        return DuplicateContacts(
            directory.contact_batches, directory.users, directory.channels, ADDRESSES
        )

    def deps(self, tokens: JwtAccessTokens, files: Files) -> RestDeps:
        directory, now, log = self.directory, self.clock, self.event_log
        users, channels, rates = directory.users, directory.channels, self.ephemeral.rates
        conversations = directory.conversations
        templates = TemplateBook(self._connector_of)
        plan = PreviewDelivery(
            self.people, self.last, directory.routes, CAPABILITIES, templates, now=now
        )
        windows = SessionWindows(directory.routes, directory.accounts, CAPABILITIES, now=now)
        send = self._send(plan, files)
        ring = KeyRing(directory.api_keys, users, tokens, now=now)
        return RestDeps(
            tokens=tokens,
            access=Access(tokens, ring, directory.delegations, rates, now=now),
            service_accounts=ServiceAccounts(
                users, directory.api_keys, ring, most_per_minute=6_000, now=now
            ),
            delegates=Delegates(directory.delegations, users, now=now),
            sign_up=SignUp(users, self.passwords, rates, directory.keys, now=now),
            sign_in=SignIn(users, directory.tokens, self.passwords, tokens, ring, rates, now=now),
            profiles=UserProfiles(users, conversations),
            contacts=(contacts := Contacts(users, channels, ADDRESSES, now=now)),
            duplicate_contacts=self._duplicate_contacts(),
            export_contacts=ExportContacts(contacts, ADDRESSES),
            import_contacts=ImportContacts(directory.contact_batches, channels, ADDRESSES, now=now),
            merge_contacts=MergeContacts(directory.contact_merges, conversations, now=now),
            channels=OwnChannels(channels, directory.link_codes, ADDRESSES, now=now),
            conversations=ConversationBook(
                conversations, directory.members, users, self.announce, now=now
            ),
            views=ConversationViews(users, channels, self.store, self.messages, windows),
            presence=PresenceBoard(self.ephemeral, conversations, users),
            accounts=ConnectorAccounts(
                directory.accounts, users, complete_config=known_platforms(["telegram"]), now=now
            ),
            users=users,
            plan=plan,
            templates=templates,
            windows=windows,
            send=send,
            stored=self.waiting,
            messages=self.messages,
            files=files.tools,
            sync=self.catch_up,
            webhooks=self._webhooks(),
            push=self._push(),
            scheduled=self._scheduled(send, files),
            dead_letters=DeadLetters(log, log),
            integrity=self._whole_check(files),
            repair=Repair(log, self.store),
            audit_notes=self.store,
            receive_webhook=self.receive_webhook,
            ready=self.ready,
            metrics=lambda: b"# HELP up Whether it is up.\nup 1\n",
            processes=Roster(self.ephemeral.bus, _this_process).processes,
            connectors={"telegram": CAPABILITIES["telegram"]},
            phones=self.phones,
            operator=self._operator(),
        )

    def _operator(self) -> OperatorTools:
        return OperatorTools(
            import_history=ImportHistory(self.event_log, self.store, self.directory),
            trace=TraceMessage(self.store, self.store, self.store, self.event_log),
            connector_of=_named,
        )

    def _send(self, plan: PreviewDelivery, files: Files) -> SendMessage:
        return SendMessage(
            self.event_log,
            self.store,
            self.ephemeral,
            self.people.peek,
            self.people.conversation,
            limits=Limits(),
            check=Preflight(self.people, plan, CAPABILITIES),
            check_file=ShownFiles(files.storage.records, files.storage.records, now=self.clock),
        )


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    engines = _Engines()
    async with engines.files() as files:
        deps = engines.deps(await engines.tokens(), files)
        # Somebody administers already: who registers in a test is an ordinary person.
        await engines.directory.keys.get_or_set(FIRST_PERSON, "somebody")
        keeper = file_keeper(files, engines.event_log, pause=0.0)
        work = [engines.router().run(), engines.notifier.run(), keeper.run()]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            yield World(
                AppOf(deps),
                deps,
                engines.directory,
                engines.event_log,
                engines.phones,
                engines.clock,
                engines.missing,
                engines.approving,
                files,
                lambda user: Subscription(user, engines.notifier, engines.sync),
                Signals(engines.ephemeral.bus, engines.people),
                engines.callbacks,
                engines.push_sender,
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            engines.passwords.close()


def client_of(world: World, token: str | None = None) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(world.app, raise_app_exceptions=False),
        base_url=ISSUER,
        headers=headers,
    )


async def sign_up(world: World, username: str, *, admin: bool = False) -> Person:
    user = await world.deps.sign_up(
        username=username, password=PASSWORD, display_name=username.capitalize(), admin=admin
    )
    grant = await world.deps.sign_in.with_password(username, PASSWORD, source="test")
    tokens = {"access_token": grant.access_token, "refresh_token": grant.refresh_token}
    return Person(user.id, username, client_of(world, grant.access_token), tokens)


async def say(person: Person, conversation_id: str, words: str) -> dict[str, Any]:
    """Send a text and return it as stored."""
    body = {
        "message_id": str(uuid.uuid4()),
        "conversation_id": conversation_id,
        "payload": {"type": "text", "text": words},
    }
    answer = await person.http.post("/v1/messages", json=body, headers={"Prefer": "wait=5"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def announcement(conversation_id: str, data: bytes, **fields: Any) -> dict[str, Any]:
    """Return the body that announces `data`."""
    given = {
        "name": "cat.png",
        "size": len(data),
        "mime_type": "image/png",
        "checksum": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "conversation_id": conversation_id,
    }
    return {**given, **fields}


async def begin(person: Person, conversation_id: str, data: bytes, **fields: Any) -> str:
    """Announce a file and return its id."""
    body = announcement(conversation_id, data, **fields)
    answer = await person.http.post("/v1/files/initiate", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["file_id"])


async def append(person: Person, file_id: str, offset: int, data: bytes) -> httpx.Response:
    """Send bytes of an upload."""
    headers = {**BYTES, "Upload-Offset": str(offset)}
    return await person.http.patch(f"/v1/files/uploads/{file_id}", headers=headers, content=data)


async def upload(person: Person, conversation_id: str, data: bytes, **fields: Any) -> str:
    """Upload a file and return its id; it is ready."""
    file_id = await begin(person, conversation_id, data, **fields)
    assert (await append(person, file_id, 0, data)).status_code == 204
    answer = await person.http.post(f"/v1/files/{file_id}/complete")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "ready"
    return file_id
