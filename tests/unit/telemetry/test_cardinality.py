"""However many people, conversations and strangers there are: the series stay the same.

A whole node runs in this process on the memory engines; what it does is read from its own
`/metrics`. A first hundred of everything brings about the series there are. Ten thousand
more may bring no other.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.bootstrap import storage as engines
from chat4all.bootstrap.mock import MOCK_ACCOUNT
from chat4all.bootstrap.opening import open_node
from chat4all.connectors.mock import SIGNATURE_HEADER, sign
from chat4all.domain.directory import Account, Channel
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, new_id
from chat4all.domain.messages import Cursor
from chat4all.gateway.asgi import Gateway
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.gateway.rest.app import openapi_document
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.ports.message_store import Effects
from chat4all.services.account_health import AccountState
from chat4all.services.clock import utc_now
from chat4all.services.health_board import HealthBoard
from chat4all.settings import Settings
from chat4all.telemetry.metrics import Metrics
from chat4all.testing.pipeline import add_contact, add_conversation, add_person
from tests.e2e.grpc_client import METHODS as CALLS
from tests.e2e.grpc_client import Client
from tests.servers.process import free_port

CROWD, FIRST = 10_000, 100
"""People, each with a conversation; and how many of everything there is at first."""
WITH_PHONES = 25
"""Of so many people one writes to a phone, and as many strangers write from theirs."""
GUESSES = 2
"""Times that each address is asked, with each method and other ids."""
AT_ONCE = 200
PATIENCE = 60.0
SERIES = re.compile(r"^\w+(?:\{[^}]*\})?", re.MULTILINE)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody signed in, and the conversation they write in."""

    user: UserId
    token: str
    talk: ConversationId


@dataclass(frozen=True, slots=True)
class Scene:
    """A node, those who use it, and the engines it stands on."""

    app: Gateway
    log: MemoryEventLog
    messages: MemoryMessageStore
    crowd: Sequence[Sender]
    secret: str
    grpc_port: int

    async def series(self) -> set[str]:
        """Return the name and the labels of every series that `/metrics` shows."""
        _, text = await self.ask("GET", "/metrics")
        return set(SERIES.findall(text.decode()))

    async def counted(self, series: str, least: int) -> None:
        """Wait until a counter, all series that begin so taken together, has come so far."""
        async with asyncio.timeout(PATIENCE):
            while True:
                _, text = await self.ask("GET", "/metrics")
                lines = [one for one in text.decode().splitlines() if one.startswith(series)]
                if sum(float(one.rpartition(" ")[2]) for one in lines) >= least:
                    return
                await asyncio.sleep(0.5)  # the metrics are dear to read

    async def ask(
        self, method: str, path: str, body: bytes = b"", token: str = "", **headers: str
    ) -> tuple[int, bytes]:
        """Make one request of the application, as a server would."""
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            told.append(message)

        named = {"content-type": "application/json", **headers}
        if token:
            named["authorization"] = f"Bearer {token}"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "client": ("192.0.2.1", 1),
            "server": ("chat4all.test", 80),
            "headers": [(key.encode(), value.encode()) for key, value in named.items()],
        }
        await self.app(scope, receive, send)
        return told[0]["status"], b"".join(one.get("body", b"") for one in told[1:])


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    directory, log, messages = MemoryDirectory(), MemoryEventLog(), MemoryMessageStore()
    monkeypatch.setitem(engines.DIRECTORIES, "memory", lambda _: nullcontext(directory))
    monkeypatch.setitem(engines.LOGS, "memory", lambda _: nullcontext(log))
    monkeypatch.setitem(engines.MESSAGES, "memory", lambda _: nullcontext(messages))
    settings = Settings(
        data_dir=tmp_path,
        directory_url="memory://",
        log_url="memory://",
        messages_url="memory://",
        audit_rate=50_000,
        audit_grace_seconds=0,
        grpc_port=free_port(),
    )
    crowd = await gather_crowd(settings, directory)
    async with open_node(settings) as node:
        account = await directory.accounts.get(MOCK_ACCOUNT)
        assert account is not None
        secret = str(account.config["secret"])
        assert settings.grpc_port is not None
        yield Scene(node.app, log, messages, crowd, secret, settings.grpc_port)


async def gather_crowd(settings: Settings, directory: MemoryDirectory) -> list[Sender]:
    key = await SigningKey.load(directory.keys)
    revocations = Revocations(directory.tokens, MemoryEphemeral().bus, now=utc_now)
    tokens = JwtAccessTokens(key, revocations, issuer=settings.address, now=utc_now)
    crowd = []
    for number in range(CROWD):
        user = await add_person(directory, f"person{number}")
        known = (await directory.users.get_many([user]))[user]
        with_whom = [] if number % WITH_PHONES else [await a_phone(directory, user, number)]
        talk = await add_conversation(directory, user, *with_whom)
        crowd.append(Sender(user, tokens.issue(known, family=new_id()).text, talk))
    return crowd


async def a_phone(directory: MemoryDirectory, owner: UserId, number: int) -> UserId:
    """Keep a contact who is reached by a simulated phone."""
    contact = await add_contact(directory, f"phone{number}", owner)
    channel = Channel(
        id=ChannelId(new_id()),
        user_id=contact,
        platform="mock",
        external_id=f"+351{number:09}",
        linked_at=datetime.now(UTC),
    )
    await directory.channels.link(channel)
    return contact


async def together(work: Iterable[Awaitable[object]]) -> None:
    """Do it all, some at a time."""
    waiting = iter(work)
    while some := list(islice(waiting, AT_ONCE)):
        await asyncio.gather(*some)


async def happen(scene: Scene, first: int, last: int) -> None:
    """Have everything happen, to the people of a part of the crowd and to as many strangers."""
    crowd, strangers = scene.crowd[first:last], range(first // WITH_PHONES, last // WITH_PHONES)
    await together(write(scene, one) for one in crowd)
    await together(call_back(scene, number) for number in strangers)
    await together(guess(scene, crowd[0], last))
    await guess_calls(scene, crowd[0])
    garbage = [Record(COMMANDS, new_id(), uuid.uuid4().bytes) for _ in strangers]
    await scene.log.append(garbage)
    ahead = [cursor_ahead(one) for one in crowd]
    await scene.messages.apply(Effects(cursors=ahead))
    await scene.counted("chat4all_messages_total", last + last // WITH_PHONES)
    await scene.counted('chat4all_deliveries_total{channel="mock"', 2 * (last // WITH_PHONES))
    await scene.counted("chat4all_integrity_findings", last)


def cursor_ahead(sender: Sender) -> Cursor:
    """Return a cursor beyond what there is: a promise that is broken."""
    return Cursor(
        conversation_id=sender.talk, user_id=sender.user, last_delivered_seq=9, last_read_seq=9
    )


async def write(scene: Scene, sender: Sender) -> None:
    message = {
        "message_id": str(uuid.uuid4()),
        "conversation_id": sender.talk,
        "payload": {"type": "text", "text": "Hello"},
    }
    body = json.dumps(message).encode()
    status, answer = await scene.ask("POST", "/v1/messages", body, sender.token)
    assert status == 202, answer


async def call_back(scene: Scene, number: int) -> None:
    """Write from a phone that nobody knows, edit what is not there, and call as strangers do."""
    about = {"from": f"+55{number:09}", "id": str(uuid.uuid4()), "at": utc_now().isoformat()}
    said = {"type": "text", "text": "Hello"}
    events = [
        {"type": "message", "name": f"Rita {number}", "payload": said, **about},
        {"type": "edit", "payload": said, **about, "id": str(uuid.uuid4())},
        {"type": "receipt", "status": "read", **about, "id": str(uuid.uuid4())},
    ]
    address = f"/v1/webhooks/mock/{MOCK_ACCOUNT}"
    for event in events:
        body = json.dumps(event).encode()
        told = {SIGNATURE_HEADER: sign(scene.secret, body)}
        status, answer = await scene.ask("POST", address, body, **told)
        assert status == 200, answer
    for path in (address, f"/v1/webhooks/mock/{new_id()}", f"/v1/webhooks/{new_id()}/{number}"):
        await scene.ask("POST", path, b"{}")


def guess(scene: Scene, sender: Sender, seed: int) -> Iterator[Awaitable[object]]:
    """Ask every address with every method, and addresses and methods that there are not."""
    paths = msgspec.json.decode(openapi_document())["paths"]
    for number, path, method in product(range(GUESSES), paths, METHODS):
        token = sender.token if number % 2 else ""
        yield scene.ask(method, re.sub(r"\{\w+\}", lambda _: new_id(), path), b"{}", token)
    for number in range(100):
        yield scene.ask("GET", f"/{new_id()}")
        yield scene.ask("GET", f"/js/{new_id()}")
        yield scene.ask("GET", f"/v1/users/{new_id()}/{number}", b"", sender.token)
        yield scene.ask(f"BREW-{seed}-{number}", "/v1/users/me")


async def guess_calls(scene: Scene, sender: Sender) -> None:
    """Make every call of gRPC, signed in and not, and calls that there are not."""
    async with Client.at(f"127.0.0.1:{scene.grpc_port}", sender.token) as client:
        for kind, method in CALLS.items():
            for token in (sender.token, "", new_id()):
                client.token = token
                await given_up(client, kind(), method.client_streaming)
        unknown = [f"/{new_id()}/{new_id()}", f"/chat4all.v1.MessageService/{new_id()}"]
        for number, path in product(range(20), unknown):
            call: Any = client.channel.unary_unary(f"{path}{number}")
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"", metadata=[("authorization", f"Bearer {sender.token}")])
    await scene.counted("rpc_server_call_duration_seconds_count{", len(CALLS))


async def given_up(client: Client, request: Any, many: bool) -> None:  # noqa: FBT001 - as it is told
    """Make a call and take what comes of it within a moment."""
    told = client.call([request], type(request)) if many else client.call(request)
    with suppress(grpc.aio.AioRpcError, asyncio.CancelledError, TimeoutError):
        async with asyncio.timeout(0.5):
            if hasattr(told, "read"):
                while await told.read() is not grpc.aio.EOF:
                    pass
            else:
                await told
    told.cancel()


@pytest.mark.timeout(120)
async def test_ten_thousand_people_and_conversations_add_no_series(scene: Scene) -> None:
    await happen(scene, 0, FIRST)
    before = await scene.series()
    await happen(scene, FIRST, CROWD)
    assert await scene.series() - before == set()


def account(account_id: AccountId) -> Account:
    return Account(
        id=account_id,
        platform="paper",
        name=account_id,
        owner_id=UserId("ana"),
        config={},
        created_at=utc_now(),
        updated_at=utc_now(),
    )


def test_ten_thousand_accounts_show_as_states_of_their_platforms() -> None:
    metrics, board = Metrics(), HealthBoard()
    metrics.watch_many("chat4all.account.state", "", ("platform", "state"), board.counts)
    for number in range(CROWD):
        board.starts(account(AccountId(str(number))))
    shown = set(SERIES.findall(metrics.render().decode()))
    metrics.close()
    assert len([one for one in shown if "account_state" in one]) == len(AccountState)
