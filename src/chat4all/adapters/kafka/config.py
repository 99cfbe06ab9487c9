"""What a `kafka://` address says, as librdkafka reads it.

https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from chat4all.domain.errors import BadSettings

PARTITIONS = 16
_KNOWN = frozenset({"partitions", "replication", "tls", "ca", "sasl"})
_MOST_PARTITIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig:
    """The servers, and how our topics are made; `partitions` is None where no one asked."""

    place: str
    prefix: str
    partitions: int | None
    replication: int
    access: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, url: str) -> KafkaConfig:
        """Read `kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/[PREFIX][?partitions=16]`.

        Further words of the query: `replication` (a factor; the servers' own default else),
        `tls=1` with `ca=FILE`, `sasl` (a mechanism, SCRAM-SHA-512 else). Raises
        `BadSettings`; no password stands in it.
        """
        parts = urlsplit(url)
        login, _, servers = parts.netloc.rpartition("@")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := sorted(set(query) - _KNOWN):
            raise BadSettings(
                f"CHAT4ALL_LOG_URL: unknown {', '.join(unknown)}; use {', '.join(sorted(_KNOWN))}"
            )
        if not servers:
            raise BadSettings("CHAT4ALL_LOG_URL names no server; use kafka://HOST:9092")
        return cls(
            place=servers,
            prefix=unquote(parts.path.strip("/")) or "chat4all",
            partitions=_number(query, "partitions"),
            replication=_number(query, "replication") or -1,
            access=_access(servers, login, query),
        )


def _number(query: dict[str, str], name: str) -> int | None:
    given = query.get(name)
    if given is None:
        return None
    if not given.isdecimal() or not 0 < int(given) <= _MOST_PARTITIONS:
        raise BadSettings(f"CHAT4ALL_LOG_URL: {name} is a number from 1, not {given!r}")
    return int(given)


def _access(servers: str, login: str, query: dict[str, str]) -> dict[str, Any]:
    tls = query.get("tls", "0") not in ("", "0")
    access: dict[str, Any] = {
        "bootstrap.servers": servers,
        "security.protocol": ("SASL_" if login else "") + ("SSL" if tls else "PLAINTEXT"),
        "socket.connection.setup.timeout.ms": 5_000,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # what goes wrong is told where it is asked for
    }
    if "ca" in query:
        access["ssl.ca.location"] = query["ca"]
    if login:
        user, _, password = login.partition(":")
        access["sasl.mechanism"] = query.get("sasl", "SCRAM-SHA-512")
        access["sasl.username"] = unquote(user)
        access["sasl.password"] = unquote(password)
    return access
