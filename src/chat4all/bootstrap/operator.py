"""The key by which whoever holds the data folder administers the node."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import UsernameTaken
from chat4all.domain.ids import UserId, new_id
from chat4all.ports.directory import Directory
from chat4all.ports.passwords import Passwords

CLIENT_ID = "operator"
FILE = "operator.json"


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


def write_operator_file(folder: Path, key: OperatorKey, url: str) -> Path:
    """Tell the command line where the node answers; readable by the owner alone."""
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
    return path
