"""Finds the server that a command means, and signs in there.

The server of the data folder when one runs, else the node itself, opened inside this
process; with `--url` any server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer

from chat4all.cli.api import Api, SignIn, explain
from chat4all.cli.failure import USAGE, CommandFailed
from chat4all.cli.invocation import Invocation
from chat4all.client.connection import TIMEOUT, http_client
from chat4all.telemetry.logs import configure_logs

LOOK = httpx.Timeout(3.0)
OPERATOR_FILE = "operator.json"
INSIDE = "http://localhost"
LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; `key` are the operator's credentials where they are known."""

    client: httpx.AsyncClient
    key: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a person signs in: with a token, or with name and password."""

    username: str | None = None
    password: str | None = None
    token: str | None = None

    async def sign_in(self, client: httpx.AsyncClient) -> str:
        """Return an access token."""
        if self.token is not None:
            return self.token
        form = {"username": self.username or "", "password": self.password or ""}
        return await _token(client, "password", form)


@asynccontextmanager
async def as_operator(invocation: Invocation) -> AsyncIterator[Api]:
    """Sign in as the operator of the data folder; on a remote server as an administrator."""
    remote = person(None) if invocation.url else None
    async with _server(invocation) as server:
        if server.key is not None:
            yield Api(server.client, _with_key(*server.key))
        elif remote is not None:
            yield Api(server.client, remote.sign_in)


@asynccontextmanager
async def as_person(invocation: Invocation, who: Credentials) -> AsyncIterator[Api]:
    """Sign in as somebody."""
    async with _server(invocation) as server:
        yield Api(server.client, who.sign_in)


@asynccontextmanager
async def as_person_of_server(invocation: Invocation, who: Credentials) -> AsyncIterator[Api]:
    """Sign in as somebody at a server that runs. Raises `CommandFailed` when none does."""
    if invocation.url is None:
        folder = invocation.settings().data_dir
        found = await _running(folder)
        if found is None:
            raise CommandFailed(
                f"no server runs on {folder}; start one with `chat4all serve`, or give --url"
            )
        invocation = Invocation(data_dir=invocation.data_dir, url=found["url"])
    async with as_person(invocation, who) as api:
        yield api


def person(username: str | None) -> Credentials:
    """Return who signs in, from the option, the environment, or by asking."""
    token = os.environ.get("CHAT4ALL_TOKEN")
    if token and username is None:
        return Credentials(token=token)
    name = username or os.environ.get("CHAT4ALL_USERNAME") or _ask("Username", hidden=False)
    password = os.environ.get("CHAT4ALL_PASSWORD") or _ask(f"Password of {name}", hidden=True)
    return Credentials(username=name, password=password)


def _ask(what: str, *, hidden: bool) -> str:
    if not sys.stdin.isatty():
        raise CommandFailed(
            "say who you are: --username and CHAT4ALL_PASSWORD, or CHAT4ALL_TOKEN", code=USAGE
        )
    answer: str = typer.prompt(what, hide_input=hidden, err=True)
    return answer


@asynccontextmanager
async def _server(invocation: Invocation) -> AsyncIterator[Server]:
    if invocation.url is not None:
        address = invocation.url.rstrip("/")
        known = address.startswith(("http://", "https://"))
        if not known or (httpx.URL(address).port or 0) > LAST_PORT:
            raise CommandFailed(f"--url: {address} is no http:// or https:// address", code=USAGE)
        async with http_client(address) as client:
            yield Server(client, None)
        return
    settings = invocation.settings()
    found = await _running(settings.data_dir)
    if found is not None:
        async with http_client(found["url"]) as client:
            yield Server(client, (found["client_id"], found["client_secret"]))
        return
    from chat4all.bootstrap.opening import open_node  # noqa: PLC0415 - slow, and seldom needed

    configure_logs(level="error", json=False)
    async with open_node(settings, connected=False) as node:
        transport = httpx.ASGITransport(node.app, raise_app_exceptions=False)
        key = (node.operator.client_id, node.operator.client_secret)
        async with httpx.AsyncClient(
            transport=transport, base_url=INSIDE, timeout=TIMEOUT
        ) as client:
            yield Server(client, key)


async def _running(folder: Path) -> dict[str, Any] | None:
    """Return what the server of this folder says of itself; None when none answers."""
    path = folder / OPERATOR_FILE
    try:
        found: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_text))
        address = str(found["url"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    async with httpx.AsyncClient(base_url=address, timeout=LOOK, trust_env=False) as client:
        try:
            alive = (await client.get("/healthz")).is_success
        except httpx.HTTPError:
            return None
    return found if alive else None


def _with_key(client_id: str, client_secret: str) -> SignIn:
    async def sign_in(client: httpx.AsyncClient) -> str:
        form = {"client_id": client_id, "client_secret": client_secret}
        return await _token(client, "client_credentials", form)

    return sign_in


async def _token(client: httpx.AsyncClient, grant: str, form: dict[str, str]) -> str:
    answer = await client.post("/v1/auth/token", data={"grant_type": grant, **form})
    if not answer.is_success:
        raise CommandFailed(f"cannot sign in: {explain(answer)}")
    token: str = answer.json()["access_token"]
    return token
