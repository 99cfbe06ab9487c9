"""How a transaction is run: on a server by its asynchronous driver, on SQLite in a thread.

A file answers sooner than a thread is reached, so all of a transaction on SQLite is done in one
visit to a thread, however many statements it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from sqlalchemy import Connection, CursorResult, Engine, Executable, ScalarResult

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import _CoreAnyExecuteParams as Parameters
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.sql.selectable import TypedReturnsRows

T = TypeVar("T")
R = TypeVar("R", bound=tuple[Any, ...])


class Statements(Protocol):
    """What a transaction is asked; `AsyncConnection` of SQLAlchemy is one.

    https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html
    """

    @overload
    async def execute(
        self, statement: TypedReturnsRows[R], parameters: Parameters | None = None
    ) -> CursorResult[R]: ...

    @overload
    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]: ...

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]:
        """Run a statement, or the same with each of several parameters."""
        ...

    async def scalars(self, statement: Executable) -> ScalarResult[Any]:
        """Run a statement; return the first value of each row."""
        ...

    async def exec_driver_sql(self, statement: str) -> CursorResult[Any]:
        """Run a statement as it stands."""
        ...

    async def run_sync(self, fn: Callable[[Connection], T]) -> T:
        """Do what needs SQLAlchemy's own connection."""
        ...


Work = Callable[[Statements], Awaitable[T]]
"""What is done in one transaction; may run more than once, so it changes nothing else, and it
waits for nothing but its statements."""


class Transactions(Protocol):
    """Runs transactions of one kind."""

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a transaction and commit it; nothing of it stays when it raises."""
        ...

    async def close(self) -> None:
        """End what is running, then every connection."""
        ...


class OnServer:
    """Transactions by a driver that waits for a server without holding up others."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def run(self, work: Work[T]) -> T:
        """Run `work`; see `Transactions`."""
        async with self.engine.begin() as connection:
            return await work(connection)

    async def close(self) -> None:
        """End every connection."""
        await self.engine.dispose()


class InThreads:
    """Transactions in threads, of which there are as many as connections.

    Who is cancelled meanwhile does not stop the transaction: as with one whose answer is lost on
    the way, it may have been committed or not.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        self.engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="directory")

    async def run(self, work: Work[T]) -> T:
        """Run `work`; see `Transactions`.

        Raises `RuntimeError` where it waits for anything but its statements.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, copy_context().run, self._run, work)

    async def close(self) -> None:
        """Wait for what is running, and end every connection."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    def _run(self, work: Work[T]) -> T:
        with self.engine.begin() as connection:
            return _at_once(work(_Here(connection)))


def _at_once(work: Awaitable[T]) -> T:
    """Return what comes of `work`, which finds all that it waits for done."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as ended:
        found: T = ended.value
        return found
    steps.close()
    raise RuntimeError("a transaction waits for something other than its statements")


class _Here:
    """A connection of this thread: what is asked is done when the call returns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def scalars(self, statement: Executable) -> ScalarResult[Any]:
        return self._connection.scalars(statement)

    async def exec_driver_sql(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement)

    async def run_sync(self, fn: Callable[[Connection], T]) -> T:
        return fn(self._connection)
