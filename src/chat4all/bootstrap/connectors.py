"""The connectors that this program knows, by platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from chat4all.connectors import telegram
from chat4all.connectors.mock import MockConfig, MockConnector, PhoneNetwork
from chat4all.connectors.telegram import TelegramConfig
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.directory import Account
from chat4all.domain.errors import InvalidInput
from chat4all.ports.connector import Connector
from chat4all.settings import Settings


@dataclass(frozen=True, slots=True)
class Kind:
    """One platform: what it can carry, its config class, and how a connector is made."""

    capabilities: Capabilities
    complete: Callable[[Mapping[str, Any]], dict[str, Any]]
    build: Callable[[Mapping[str, Any]], Connector]


def installed_connectors(settings: Settings, network: PhoneNetwork) -> Mapping[str, Kind]:
    """Return the kinds whose libraries are installed."""
    kinds = {
        MockConnector.channel: Kind(
            MockConnector.capabilities,
            lambda config: MockConfig(**config).as_stored(),
            lambda config: MockConnector(MockConfig(**config), network),
        )
    }
    if find_spec("aiogram") is not None:
        kinds["telegram"] = _telegram(settings)
    return kinds


def _telegram(settings: Settings) -> Kind:
    def complete(config: Mapping[str, Any]) -> dict[str, Any]:
        return TelegramConfig(**{"api_base": settings.telegram_api, **config}).as_stored()

    def build(config: Mapping[str, Any]) -> Connector:
        from chat4all.connectors.telegram.connector import (  # noqa: PLC0415 - it loads slowly
            TelegramConnector,
        )

        return TelegramConnector(TelegramConfig(**config))

    return Kind(telegram.CAPABILITIES, complete, build)


def complete_config(
    kinds: Mapping[str, Kind], platform: str, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `config` with what the connector adds to it, such as a webhook secret.

    Raises `InvalidInput` for a platform that is not installed and for what its connector
    cannot read; the value itself, which may be a secret, is never named.
    """
    kind = kinds.get(platform)
    if kind is None:
        raise InvalidInput(
            f"no connector for this platform; installed: {', '.join(sorted(kinds))}",
            [("/platform", "no connector for it")],
        )
    try:
        return kind.complete(config)
    except ValidationError as error:
        errors = [
            ("/config/" + "/".join(str(part) for part in one["loc"]), str(one["msg"]))
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidInput("the connector cannot read this config", errors) from error
    except TypeError as error:
        raise InvalidInput(
            "the connector cannot read this config", [("/config", "not its keys")]
        ) from error


def build_connector(kinds: Mapping[str, Kind], account: Account) -> Connector:
    """Return the connector of an account. Raises `InvalidInput` as `complete_config` does."""
    config = complete_config(kinds, account.platform, account.config)
    return kinds[account.platform].build(config)
