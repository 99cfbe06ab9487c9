"""The distributed column with a network of ours before each server, all of which can fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.link import Link
from tests.e2e.cluster import Engines, engines
from tests.e2e.column import Shared, public_url, running_roles
from tests.e2e.nursery import Nursery
from tests.e2e.roles import CHAT4ALL, Role
from tests.servers.minio import Minio, running_minio

KAFKA, MONGODB, POSTGRESQL, REDIS, MINIO = SERVERS = (
    "kafka",
    "mongodb",
    "postgresql",
    "redis",
    "minio",
)
WHOLE_SECONDS = 120.0
RATES = {
    "CHAT4ALL_SIGN_IN_PER_MINUTE": "1000",
    "CHAT4ALL_LOG_LEVEL": "warning",
}


class Buckets:
    """A MinIO that is killed and comes back at its port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.minio: Minio | None = None
        self.port = 0

    def start(self) -> None:
        running = running_minio(self._folder, self.port or None)
        self.minio = self._stack.enter_context(running)
        self.port = int(self.minio.url.rpartition(":")[2])

    def stop(self) -> None:
        if self.minio is not None:
            self.minio.process.kill()
            self._stack.close()


@dataclass(frozen=True)
class Stage:
    """All that can fail."""

    url: str
    folder: Path
    roles: Mapping[str, Role]
    links: Mapping[str, Link]
    servers: Mapping[str, Any]
    settings: Mapping[str, str]
    nursery: Nursery
    chance: random.Random

    def one_of(self, kind: str) -> Role:
        """Return one of the processes of a role, by chance."""
        return self.chance.choice(
            [role for name, role in self.roles.items() if name in {kind, f"{kind}-2"}]
        )

    def one_more(self, kind: str, name: str) -> Role:
        """Return one more process of a role, which is not started."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        output = self.folder / "output.txt"
        words = ("run", kind)
        return Role(words, folder, self.settings, output=output, nursery=self.nursery)

    async def whole(self) -> None:
        """Wait until every process is ready again."""
        await asyncio.gather(*(one.is_up(within=WHOLE_SECONDS) for one in self.roles.values()))


@asynccontextmanager
async def open_stage(
    folder: Path, settings: Mapping[str, str], chance: random.Random
) -> AsyncIterator[Stage]:
    """Run it until the block ends. Raises pytest's `Skipped` when a server is missing."""
    links = {name: Link() for name in SERVERS}
    async with AsyncExitStack() as stack:
        found = await asyncio.to_thread(
            stack.enter_context, engines(folder, kafka_at=links[KAFKA].port)
        )
        buckets = Buckets(_made(folder / "minio"))
        stack.callback(buckets.stop)
        await asyncio.to_thread(buckets.start)
        servers = _by_name(found, buckets)
        for name, link in links.items():
            await stack.enter_async_context(link.to(servers[name].port))
        given = {**await _settings(found, buckets, links), **RATES, **settings}
        nursery = Nursery()
        stack.callback(nursery.close)
        program = (str(CHAT4ALL),)
        running = running_roles(_made(folder / "product"), given, program, nursery)
        roles = await stack.enter_async_context(running)
        for role in roles.values():
            role.nursery = None  # who comes back loads the program, as it does for its users
        of_all = roles["router"].settings
        url = public_url(roles)
        yield Stage(url, folder / "product", roles, links, servers, of_all, nursery, chance)


async def _settings(found: Engines, buckets: Buckets, links: Mapping[str, Link]) -> dict[str, str]:
    assert buckets.minio is not None
    settings = await Shared(found, buckets.minio).settings("chaos")
    ports = {str(one.port): links[name].port for name, one in _by_name(found, buckets).items()}
    for name, value in settings.items():
        for port, other in ports.items():
            if f"127.0.0.1:{port}" in value:
                settings[name] = value.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    return settings


def _by_name(found: Engines, buckets: Buckets) -> dict[str, Any]:
    servers = (found.kafka, found.mongodb, found.postgres, found.redis, buckets)
    return dict(zip(SERVERS, servers, strict=True))


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
