"""The key by which whoever holds the data folder administers the node."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import UsernameTaken
from chat4all.domain.ids import UserId, new_id
from chat4all.ports.directory import Directory
from chat4all.ports.passwords import Passwords

CLIENT_ID = "operator"
FILE = "operator.json"
LOCK = "operator.lock"
LOOK_SECONDS = 1.0
"""How often a node that is not told looks whether the one that was has ended."""


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """The credentials of the service user `operator`, an administrator."""

    user_id: UserId
    client_id: str
    client_secret: str


async def operator_key(directory: Directory, passwords: Passwords) -> OperatorKey:
    """Return the operator's key, made when the node first started."""
    secret = await directory.keys.get_or_set("operator_secret", secrets.token_urlsafe(32))
    found = await directory.users.by_username(CLIENT_ID)
    if found is not None:
        return OperatorKey(found[0].id, CLIENT_ID, secret)
    user = User(
        id=UserId(new_id()),
        kind=UserKind.SERVICE,
        username=CLIENT_ID,
        display_name="Operator",
        admin=True,
        created_at=datetime.now(UTC),
    )
    try:
        await directory.users.add(user, secret_hash=await passwords.hash(secret))
    except UsernameTaken:  # another process was first: the secret is the same
        return await operator_key(directory, passwords)
    return OperatorKey(user.id, CLIENT_ID, secret)


@asynccontextmanager
async def operator_file(folder: Path, key: OperatorKey, url: str) -> AsyncIterator[None]:
    """Tell the command line where this node answers, as long as the context lasts.

    Of several nodes on one folder the first is told. When it ends, or is killed, another
    takes its place within a second.
    """
    turn = _Turn(folder)
    write = partial(_write, folder, key, url)
    waiting: asyncio.Task[None] | None = None
    try:
        if turn.is_ours():
            write()
        else:
            waiting = asyncio.create_task(_take_over(turn, write))
        yield
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait([waiting])
        if turn.is_ours():
            (folder / FILE).unlink(missing_ok=True)
        turn.end()


class _Turn:
    """The right to write the file of a folder: one process has it, until it ends."""

    def __init__(self, folder: Path) -> None:
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def is_ours(self) -> bool:
        """Take it if nobody has it."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def end(self) -> None:
        os.close(self._lock)


async def _take_over(turn: _Turn, write: Callable[[], None]) -> None:
    while not turn.is_ours():  # noqa: ASYNC110 - another process tells nothing when it ends
        await asyncio.sleep(LOOK_SECONDS)
    write()


def _write(folder: Path, key: OperatorKey, url: str) -> None:
    """Write it as one, readable by the owner alone."""
    path = folder / FILE
    temporary = path.with_suffix(".new")
    content = {
        "url": url,
        "pid": os.getpid(),
        "client_id": key.client_id,
        "client_secret": key.client_secret,
    }
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    temporary.replace(path)
