"""What a package that brings a connector exports, and what the product starts it by.

A package registers its kind in the entry-point group `chat4all.connectors`, and nothing in
Chat4All has to be edited: see docs/howto/write-a-connector.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chat4all.domain.capabilities import Capabilities
from chat4all.ports.connector import Connector

ENTRY_POINTS = "chat4all.connectors"
"""The group in which packages register a `ConnectorKind` under the name of its channel."""
TEST_ENTRY_POINTS = "chat4all.connector_tests"
"""The group in which they register the `ConnectorContract` that binds it, by the same name."""


class ConnectorConfig(Protocol):
    """The config of one account; a frozen pydantic model that forbids unknown keys does."""

    def as_stored(self) -> dict[str, Any]:
        """Return the JSON object to keep: every key, made-up ones too, secrets in clear."""
        ...


C = TypeVar("C", bound=ConnectorConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorKind(Generic[C]):
    """One platform: what it carries, its config class, and how a connector is made.

    `config` is called with the keys of a stored config; it raises pydantic's
    `ValidationError`, or `TypeError`, for what it cannot read. `build` does no work but may
    import a library that loads slowly. `identity` names the bot or number that a config
    speaks for, so that one is not connected twice; None where that cannot be told. `secret`
    is the key of the config that people are asked for; None when there is none to give.
    `calls_back` says that the platform will call, so that a gateway makes its connectors
    before the first call; else one is made when something comes.
    `source` is told by the product: the package and version that the kind came with.
    """

    channel: str
    capabilities: Capabilities
    config: Callable[..., C]
    build: Callable[[C], Connector]
    identity: Callable[[C], str | None] = lambda _: None
    secret: str | None = "token"  # noqa: S105 - the name of a key
    calls_back: bool = False
    source: str = "chat4all"

    def complete(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return `config` with what the connector adds to it, such as a webhook secret."""
        return self.config(**config).as_stored()

    def identity_of(self, config: Mapping[str, Any]) -> str | None:
        """Return whom `config` speaks for."""
        return self.identity(self.config(**config))

    def connector(self, config: Mapping[str, Any]) -> Connector:
        """Return a connector for an account with this config."""
        return self.build(self.config(**config))
