"""One pool of connections to one database, opened and checked."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from chat4all.adapters.mongodb.errors import SETTING, refused
from chat4all.adapters.mongodb.schema import Database, Document, make_schema
from chat4all.domain.errors import BadSettings

_WAIT_MS = 5_000
"""How long a call waits for a server that takes it, such as while a primary is elected."""
_ANSWER_MS = 20_000
"""How long it waits for an answer."""
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
        self._place = ""
        self._client: AsyncMongoClient[Document] | None = None
        self._database: Database | None = None

    async def __aenter__(self) -> Self:
        name, self._place = _read(self._url)
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
                serverSelectionTimeoutMS=_WAIT_MS,
                connectTimeoutMS=_WAIT_MS,
                socketTimeoutMS=_ANSWER_MS,
            )
            self._database = self._client[name]
            await make_schema(self._database)
        except PyMongoError as error:
            await self._close()
            raise refused(error, self._place) from None
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


def _read(url: str) -> tuple[str, str]:
    """Return the database of `url` and its hosts, as they may be told."""
    try:
        parts = parse_uri(url, validate=True)
    except (PyMongoError, ValueError):  # their text may quote a part of the password
        raise BadSettings(f"{SETTING}: this is no address of MongoDB; {FORM}") from None
    if not parts["database"] or parts["collection"]:
        raise BadSettings(f"{SETTING}: it names no database; {FORM}")
    places = [f"{host}:{port}" if port else host for host, port in parts["nodelist"]]
    return parts["database"], ", ".join(places)
