"""The engines that the product of a test runs on: `--column embedded` or `--column distributed`.

Embedded is `chat4all serve` on one data folder. Distributed is each role as processes of its
own, on servers that all tests of a run share: Kafka, one that speaks MongoDB's protocol,
PostgreSQL and MinIO; and a Redis for each product, since it holds one installation. In front
of the two gateways stands a balancer, whose address is the product's.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from tests.e2e.cluster import Engines, engines
from tests.e2e.nursery import Nursery
from tests.e2e.roles import CHAT4ALL, Role
from tests.servers.cache import Missing, skip_for
from tests.servers.minio import PASSWORD, USER, Minio, running_minio
from tests.servers.process import free_port, running
from tests.servers.redis_server import redis_server

EMBEDDED, DISTRIBUTED = "embedded", "distributed"
COLUMNS = (EMBEDDED, DISTRIBUTED)
START_SECONDS = 240.0
REGION = "us-east-1"
GATEWAYS = ("gateway", "gateway-2")
ROLES = {
    **dict.fromkeys(GATEWAYS, "gateway"),
    "files": "files",
    "router": "router",
    "router-2": "router",
    "notifier": "notifier",
    "notifier-2": "notifier",
    "presence": "presence",
    "auditor": "auditor",
    **{
        f"connector-{one}": f"connector --channel {one}" for one in ("mock", "telegram", "whatsapp")
    },
}
"""The processes by their names, and what each runs."""
OF_A_PACKAGE = {"connector-xmpp": "connector --channel xmpp"}
"""Runs where a test has installed the connector's package, which it names in PYTHONPATH."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The servers of a run."""

    engines: Engines
    minio: Minio

    async def settings(self, name: str) -> dict[str, str]:
        """Return the settings of one installation, which begins empty, without its Redis."""
        settings = await self.engines.settings(name)
        await asyncio.to_thread(self._make_bucket, name)
        objects = f"s3://{name}?endpoint={self.minio.url}&region={REGION}"
        return {**settings, "CHAT4ALL_OBJECTS_URL": objects, **self.minio.environment()}

    def _make_bucket(self, name: str) -> None:
        secret = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD}
        boto3.client("s3", endpoint_url=self.minio.url, region_name=REGION, **secret).create_bucket(
            Bucket=name
        )


class Column:
    """What a run has chosen, with the servers that it began for it."""

    def __init__(self) -> None:
        self.name = EMBEDDED
        self._stack = ExitStack()
        self._shared: Shared | None = None
        self._nursery: Nursery | None = None
        self._installations: dict[Path, dict[str, str]] = {}

    @property
    def is_distributed(self) -> bool:
        return self.name == DISTRIBUTED

    def close(self) -> None:
        """End the servers."""
        self._stack.close()
        self._shared = self._nursery = None

    @asynccontextmanager
    async def running(
        self, folder: Path, settings: Mapping[str, str], program: Sequence[str]
    ) -> AsyncIterator[str]:
        """Run the roles until the block ends; yield the balancer's address.

        A second run with the same folder is the same installation. `folder` gets what they
        print, in one file, and `folder / "data"` is the data folder of the first gateway.
        """
        async with AsyncExitStack() as stack:
            given = {**await self._installation(folder), **settings}
            if "CHAT4ALL_EPHEMERAL_URL" not in settings:
                redis = stack.enter_context(redis_server(_made(folder / "redis")))
                given["CHAT4ALL_EPHEMERAL_URL"] = redis.url
            roles = running_roles(folder, given, program, self._nursery)
            yield public_url(await stack.enter_async_context(roles))

    async def _installation(self, folder: Path) -> dict[str, str]:
        if self._shared is None:
            self._shared = await asyncio.to_thread(self._begin)
        if folder not in self._installations:
            name = f"product{len(self._installations)}"
            self._installations[folder] = await self._shared.settings(name)
        return self._installations[folder]

    def _begin(self) -> Shared:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="chat4all-")))
        found = self._stack.enter_context(engines(folder))
        try:
            minio = self._stack.enter_context(running_minio(_made(folder / "minio")))
        except Missing as missing:
            skip_for(missing)
        self._nursery = Nursery()
        self._stack.callback(self._nursery.close)
        return Shared(found, minio)


chosen = Column()
"""The column of this run; `tests/conftest.py` names it."""


@asynccontextmanager
async def running_roles(
    folder: Path, given: Mapping[str, str], program: Sequence[str], nursery: Nursery | None
) -> AsyncIterator[dict[str, Role]]:
    """Run the roles and the balancer until the block ends; yield the roles as `ROLES` names them.

    `folder` gets what they print.
    """
    async with AsyncExitStack() as stack:
        roles = _roles(folder, given, program, nursery)
        stack.push_async_callback(_stop, list(roles.values()))
        await asyncio.gather(*(one.start(within=START_SECONDS) for one in roles.values()))
        url = public_url(roles)
        balancing = running(
            _balancer(url, [roles[one].port for one in GATEWAYS]),
            environment={},
            output=folder / "balancer.txt",
            ready=f"{url}/readyz",
        )
        await asyncio.to_thread(stack.enter_context, balancing)
        yield roles


def public_url(roles: Mapping[str, Role]) -> str:
    """Return the balancer's address."""
    return roles["gateway"].settings["CHAT4ALL_PUBLIC_URL"]


def _roles(
    folder: Path, given: Mapping[str, str], program: Sequence[str], nursery: Nursery | None
) -> dict[str, Role]:
    is_usual = program == (str(CHAT4ALL),) and "PYTHONPATH" not in given
    named = {**ROLES, **(OF_A_PACKAGE if "PYTHONPATH" in given else {})}
    roles = {
        name: Role(
            ("run", *words.split()),
            _made(folder if name == "gateway" else folder / name),
            given,
            output=folder / "output.txt",
            program=program,
            nursery=nursery if is_usual else None,
        )
        for name, words in named.items()
    }
    for role in roles.values():
        role.settings.setdefault("CHAT4ALL_FILES_URL", roles["files"].url)
    public = f"http://127.0.0.1:{free_port()}"
    for role in roles.values():
        role.settings.setdefault("CHAT4ALL_PUBLIC_URL", public)
    return roles


def _balancer(url: str, servers: Sequence[int]) -> list[str]:
    python = str(CHAT4ALL.with_name("python"))
    ports = (urlsplit(url).port, *servers)
    return [python, "-m", "tests.e2e.balancer", *(str(one) for one in ports)]


async def _stop(roles: Sequence[Role]) -> None:
    """End them with SIGTERM; each must end by itself."""
    try:
        await asyncio.gather(*(role.stop() for role in roles))
    except TimeoutError:
        left = [role for role in roles if role.is_running]
        for role in left:
            role.send(signal.SIGABRT)  # it says where each of its threads stands
            await role.ended()
        names = [" ".join(role.words) for role in left]
        told = roles[0].output.read_text()[-20_000:]
        raise AssertionError(f"did not stop: {names}\n{told}") from None


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
