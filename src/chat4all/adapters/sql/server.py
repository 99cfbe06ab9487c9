"""A PostgreSQL or CockroachDB: how to connect to it, and what to tell when that fails.

Both speak one protocol (https://www.postgresql.org/docs/current/protocol.html); asyncpg reads the
address, so everything of libpq that it knows passes through: several hosts, sslmode, sslrootcert.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import SplitResult, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chat4all.domain.errors import BadSettings, EngineMissing, Unavailable

KINDS = {"postgresql": "PostgreSQL", "cockroachdb": "CockroachDB"}
SETTING = "CHAT4ALL_DIRECTORY_URL"
CONNECTIONS = 10
"""Connections of one process, shared by readers and writers."""
CONNECT_WAIT = 5.0
"""Seconds until a server that does not answer counts as away."""
ANSWER_WAIT = 10.0
"""Seconds for one statement, so that a server that hangs holds nobody for ever."""


class Server:
    """What a URL names. Raises `BadSettings` for one that cannot be read."""

    def __init__(self, url: str) -> None:
        parts = _split(url)
        self.scheme = parts.scheme
        self._url = parts._replace(scheme="postgresql").geturl()
        host = parts.netloc.rpartition("@")[2] or "localhost"
        self.name = f"{SETTING}: {KINDS[parts.scheme]} at {host}"

    def engine(self, *, patient: bool = False) -> AsyncEngine:
        """Return an engine of few connections; a `patient` one waits for long statements."""

        async def connect() -> Any:
            try:
                return await self._connect(None if patient else ANSWER_WAIT)
            except BadSettings as error:  # it was right when the program started
                raise Unavailable("the directory does not answer; try again") from error

        return create_async_engine(
            f"{self.scheme}+asyncpg://",
            async_creator=connect,
            isolation_level="SERIALIZABLE",  # CockroachDB's own, and what the directory relies on
            hide_parameters=True,  # they are tokens, names and numbers, and errors get logged
            pool_pre_ping=True,
            pool_size=1 if patient else CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_WAIT,
        )

    async def check(self) -> None:
        """Connect once. Raises `BadSettings` with what is wrong and what to do."""
        connection = await self._connect(ANSWER_WAIT)
        await connection.close()

    async def _connect(self, wait: float | None) -> Any:
        try:
            return await asyncpg.connect(self._url, timeout=CONNECT_WAIT, command_timeout=wait)
        except Exception as error:  # whatever it answered: the driver does not tell it in one way
            kind = EngineMissing if _may_come(error) else BadSettings
            raise kind(f"{self.name} {_why(error)}") from error


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadSettings(f"{SETTING}: the address cannot be read") from error
    if "@" not in parts.netloc and "@" in f"{parts.path}{parts.fragment}{parts.query}":
        raise BadSettings(
            f"{SETTING}: the address cannot be read: in a user name or password write / as %2F, "
            "# as %23, ? as %3F, @ as %40"
        )
    if not parts.path.strip("/"):
        raise BadSettings(
            f"{SETTING}: the address names no database; use {parts.scheme}://HOST:PORT/DATABASE"
        )
    return parts


_SAID: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidPasswordError, "refuses the user name or password"),
    (
        asyncpg.InvalidCatalogNameError,
        "has no such database; make it with CREATE DATABASE, or correct the name",
    ),
    (asyncpg.PostgresError, "refuses: {error}"),
    (FileNotFoundError, "cannot be asked: a file that sslrootcert or sslcert names is not there"),
    (ssl.SSLError, "shows no certificate that is accepted ({error.reason}); see sslrootcert"),
    (socket.gaierror, "cannot be found: there is no such host; correct the address"),
    (OSError, "does not answer ({kind}); start it, or correct the address"),
)
"""What each error of a connection means; the first that fits. A time-out is an OSError."""


def _may_come(error: Exception) -> bool:
    """Say whether the server may only not be there yet."""
    return isinstance(error, (OSError, asyncpg.CannotConnectNowError)) and not isinstance(
        error, (FileNotFoundError, ssl.SSLError)
    )


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return "is not reached by TLS, or is something else; correct sslmode, or the address"
    for kind, said in _SAID:
        if isinstance(error, kind):
            return said.format(error=error, kind=type(error).__name__)
    if isinstance(error, ValueError) and "ssl" in str(error):
        return f"cannot be asked: {error}"
    # Not the driver's words: they may hold what was taken for a port, a piece of the password.
    return "is something else, or its address cannot be read; correct it"
