"""A client of the WebSocket that follows the protocol, and remembers what it was shown."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chat4all.domain.api_keys import EVERYTHING, ApiKey, Scope
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import InvalidToken
from chat4all.domain.ids import ConversationId, UserId
from chat4all.gateway.rest.read_draft import read_draft
from chat4all.gateway.ws.deps import WebSocketDeps
from chat4all.gateway.ws.endpoint import WebSocketEndpoint
from chat4all.ports.access_tokens import AccessToken, AccessTokens, Principal
from chat4all.services.access import Access
from chat4all.services.key_ring import KeyRing
from chat4all.services.presence import PresenceBoard
from chat4all.services.signals import Signals
from chat4all.testing.pipeline import Pipeline


class NamesAsTokens:
    """`AccessTokens` for tests: a user's id is their token."""

    def __init__(self) -> None:
        self._revoked: set[str] = set()
        self.watchers: list[Callable[[], None]] = []
        """Who is told after each revocation."""

    def issue(
        self,
        user: User,
        *,
        family: str,
        key: ApiKey | None = None,
        scopes: frozenset[Scope] = EVERYTHING,
    ) -> AccessToken:
        """See `AccessTokens.issue`; here a token is good for everything."""
        del family, key, scopes
        return AccessToken(text=user.id, expires_in=3600)

    def verify(self, token: str) -> Principal:
        """See `AccessTokens.verify`."""
        if not token:
            raise InvalidToken("nobody")
        return Principal(
            user_id=UserId(token),
            kind=UserKind.PERSON,
            admin=False,
            token_id=token,
            family=token,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )

    def is_revoked(self, subject: str) -> bool:
        """See `AccessTokens.is_revoked`."""
        return subject in self._revoked

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """See `AccessTokens.revoke`."""
        del until
        self._revoked.add(subject)
        for tell in self.watchers:
            tell()

    async def reload(self) -> None:
        """See `AccessTokens.reload`."""


def websocket_of(pipeline: Pipeline, tokens: AccessTokens | None = None) -> WebSocketEndpoint:
    """Return the real endpoint in front of `pipeline`; it takes names, or `tokens`."""
    directory, rates = pipeline.directory, pipeline.ephemeral.rates
    checks = NamesAsTokens() if tokens is None else tokens
    ring = KeyRing(directory.api_keys, directory.users, checks)
    access = Access(checks, ring, directory.delegations, rates)
    return WebSocketEndpoint(
        WebSocketDeps(
            access=access,
            send_message=pipeline.send,
            messages=pipeline.messages,
            notifier=pipeline.notifier,
            sync=pipeline.sync,
            presence=PresenceBoard(pipeline.ephemeral, directory.conversations, directory.users),
            signals=Signals(pipeline.ephemeral.bus, pipeline.people),
            rates=rates,
            read_draft=read_draft,
        )
    )


class Screen:
    """One device of `user`: it resumes from the cursor of the last frame it got.

    `shown` lists the messages of each conversation as (seq, id) in the order they came;
    `payloads` is what each shows now; `statuses` what was told per (message, user, channel).
    """

    def __init__(self, user: UserId) -> None:
        self.user = user
        self.cursor = ""
        self.shown: dict[ConversationId, list[tuple[int, str]]] = defaultdict(list)
        self.payloads: dict[str, Any] = {}
        self.statuses: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.fuse: int | None = None
        """After how many more frames the connection breaks; None for never."""
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Say whether the connection stands."""
        return self._task is not None and not self._task.done()

    def connect(self, endpoint: WebSocketEndpoint) -> None:
        """Begin a connection, unless there is one, and resume."""
        if self.connected:
            return
        self.fuse = None
        self._to_server = asyncio.Queue()
        self._to_server.put_nowait({"type": "websocket.connect"})
        resume = json.dumps({"type": "resume", "cursor": self.cursor})
        self._to_server.put_nowait({"type": "websocket.receive", "text": resume})
        self._task = asyncio.create_task(self._run(endpoint))

    async def disconnect(self) -> None:
        """Let the network break."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, endpoint: WebSocketEndpoint) -> None:
        scope = {"type": "websocket", "subprotocols": ["chat4all.v1", f"bearer.{self.user}"]}
        try:
            await endpoint(scope, self._to_server.get, self._take)
        except ConnectionResetError:
            return

    async def _take(self, event: dict[str, Any]) -> None:
        if event["type"] != "websocket.send":
            return
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise ConnectionResetError
        frame = json.loads(event["text"])
        self._show(frame)
        if "cursor" in frame and frame["type"] != "ready":
            self.cursor = frame["cursor"]

    def _show(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "message":
            message = frame["message"]
            conversation = ConversationId(message["conversation_id"])
            self.shown[conversation].append((message["seq"], message["message_id"]))
            self.payloads[message["message_id"]] = message["payload"]
        elif frame["type"] == "edited":
            name = frame["message"]["message_id"]
            if self.payloads.get(name) is not None:  # what was hidden here stays so
                self.payloads[name] = frame["message"]["payload"]
        elif frame["type"] == "deleted":
            self.payloads[frame["message_id"]] = None
        elif frame["type"] == "status":
            attempt = (frame["message_id"], frame["user_id"], frame["channel"])
            self.statuses[attempt].append(frame["status"])
