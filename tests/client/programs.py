"""Service accounts of people, and their API keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chat4all.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A service account of `owner`, with one key."""

    owner: Client
    id: str
    key: str
    key_id: str

    async def revoke(self) -> None:
        await self.owner.call("DELETE", f"/v1/service-accounts/{self.id}/keys/{self.key_id}")


async def program_of(owner: Client, username: str, *scopes: str) -> Program:
    """Make one whose key is good for `scopes`."""
    account = await owner.call("POST", "/v1/service-accounts", {"username": username})
    path = f"/v1/service-accounts/{account['id']}/keys"
    made = await owner.call("POST", path, {"name": "test", "scopes": scopes})
    return Program(owner=owner, id=account["id"], key=made["key"], key_id=made["id"])


async def allow(user: Client, program: Program) -> None:
    """Let a program act as a user."""
    await user.call("PUT", f"/v1/users/me/delegates/{program.id}")


async def forbid(user: Client, program: Program) -> None:
    """End that."""
    await user.call("DELETE", f"/v1/users/me/delegates/{program.id}")


async def is_online(program: Program) -> None:
    """Wait until a program has a connection on which it is told what happens."""
    async with asyncio.timeout(30):
        while True:
            query = {"user_ids": program.id}
            now = await program.owner.call("GET", "/v1/presence", params=query)
            if any(one["status"] == "online" for one in now["items"]):
                return
            await asyncio.sleep(0.05)
