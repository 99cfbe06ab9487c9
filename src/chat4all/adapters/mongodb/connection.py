"""One pool of connections to one database, opened and checked."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from chat4all.adapters.mongodb.errors import SETTING, refused
from chat4all.adapters.mongodb.schema import Database, Document, make_schema
from chat4all.domain.errors import BadSettings

_WAITS: dict[str, Any] = {
    # For a server that takes a call, such as while a primary is elected.
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    # For an answer.
    "socketTimeoutMS": 20_000,
}
"""How long is waited, in milliseconds, unless the URL says so."""
FORM = "use mongodb://[USER:PASSWORD@]HOST:27017/DATABASE, and write %40 for an @ in a password"


class Connection:
    """Base of what lives in a database of MongoDB: open it as a context.

    `url` is `mongodb://` or `mongodb+srv://` with a database. Writes are acknowledged by a
    majority and in the journal there, reads see what a majority has; both are tried once
    more by the driver when a primary is lost. Entering raises `BadSettings` or
    `SchemaTooNew`; no password stands in an error.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncMongoClient[Document] | None = None
        self._database: Database | None = None

    async def __aenter__(self) -> Self:
        parts = _read(self._url)
        places = [f"{host}:{port}" if port else str(host) for host, port in parts["nodelist"]]
        try:
            self._client = AsyncMongoClient(
                self._url,
                appname="chat4all",
                w="majority",
                journal=True,
                readConcernLevel="majority",
                readPreference="primary",
                retryWrites=True,
                retryReads=True,
                **{name: wait for name, wait in _WAITS.items() if name not in parts["options"]},
            )
            self._database = self._client[parts["database"]]
            await make_schema(self._database)
        except PyMongoError as error:
            await self._close()
            raise refused(error, ", ".join(places)) from None
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def database(self) -> Database:
        """The open database."""
        if self._database is None:
            raise RuntimeError("open it first: async with ...")
        return self._database

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = self._database = None


def _read(url: str) -> dict[str, Any]:
    """Return the parts of `url`, as the driver names them."""
    try:
        parts = parse_uri(url, validate=True, warn=False)
    except (PyMongoError, ValueError):  # their text may quote a part of the password
        raise BadSettings(f"{SETTING}: this is no address of MongoDB; {FORM}") from None
    if not parts["database"] or parts["collection"]:
        raise BadSettings(f"{SETTING}: it names no database; {FORM}")
    return dict(parts)
