"""The servers of the distributed column, for as long as a bench lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import BenchFailed
from tests.servers.cache import Missing
from tests.servers.kafka_server import KafkaServer
from tests.servers.mongo_server import MongoServer
from tests.servers.redis_server import RedisServer


@dataclass(frozen=True, slots=True)
class Engines:
    """The servers that all targets use."""

    folder: Path
    kafka: KafkaServer
    store: MongoServer
    redis: RedisServer

    @property
    def servers(self) -> str:
        """Return Kafka's address as its clients take it."""
        return f"127.0.0.1:{self.kafka.port}"


@contextmanager
def engines(folder: Path, kind: str) -> Iterator[Engines]:
    """Run them. Raises `BenchFailed` when one is not here."""
    with ExitStack() as stack:
        for name in ("kafka", "store", "redis"):
            (folder / name).mkdir()
        try:
            found = Engines(
                folder,
                KafkaServer(folder / "kafka"),
                MongoServer(kind, folder / "store"),
                RedisServer(folder / "redis"),
            )
            for server in (found.kafka, found.store, found.redis):
                stack.callback(server.stop)
                server.start()
        except Missing as missing:
            raise BenchFailed(str(missing)) from missing
        yield found
