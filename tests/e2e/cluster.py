"""Roles of the product as processes, on real servers that they share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.roles import Role
from tests.servers.kafka_server import KafkaServer, kafka_server
from tests.servers.mongo_server import USUAL, MongoServer, mongo_server
from tests.servers.postgres_server import PostgresServer, postgres_server
from tests.servers.redis_server import RedisServer, redis_server


@dataclass(frozen=True, slots=True)
class Engines:
    """Servers for all roles, and a folder of objects on this machine."""

    folder: Path
    kafka: KafkaServer
    mongodb: MongoServer
    redis: RedisServer
    postgres: PostgresServer

    async def settings(self, name: str) -> dict[str, str]:
        """Return the settings of one installation, which begins empty."""
        return {
            "CHAT4ALL_LOG_URL": f"{self.kafka.url}/{name}?partitions=4",
            "CHAT4ALL_MESSAGES_URL": self.mongodb.url(name),
            "CHAT4ALL_DIRECTORY_URL": await self.postgres.new_database(),
            "CHAT4ALL_EPHEMERAL_URL": self.redis.url,
            "CHAT4ALL_OBJECTS_URL": (self.folder / f"objects-{name}").as_uri(),
        }


@contextmanager
def engines(folder: Path, *, kafka_at: int | None = None) -> Iterator[Engines]:
    """Run them; a server that is missing is a skip.

    With `kafka_at` that is the port at which clients are to find Kafka: something there passes
    them on.
    """
    for name in ("kafka", "mongodb", "redis"):
        (folder / name).mkdir()
    with (
        mongo_server(USUAL, folder / "mongodb") as mongodb,
        redis_server(folder / "redis") as redis,
        kafka_server(folder / "kafka", at=kafka_at) as kafka,
        postgres_server() as postgres,
    ):
        yield Engines(folder, kafka, mongodb, redis, postgres)


@asynccontextmanager
async def running(
    folder: Path, settings: Mapping[str, str], *names: str
) -> AsyncIterator[list[Role]]:
    """Run one process for each of `names`: a role, or several joined by commas."""
    roles = [
        Role(("run", *name.split()), folder, settings, name=f"{number}-{name.replace(',', '-')}")
        for number, name in enumerate(names)
    ]
    for role in roles:
        # The data folder holds what a process spools; each has its own, as on its own machine.
        role.settings["CHAT4ALL_PUBLIC_URL"] = roles[0].url
    try:
        await asyncio.gather(*(role.start() for role in roles))
        yield roles
    finally:
        await asyncio.gather(*(role.stop() for role in roles))
