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
from chat4all.domain.ids import AccountId, derived_id, new_id
from chat4all.ports.connector import Connector
from chat4all.settings import Settings


@dataclass(frozen=True, slots=True)
class Kind:
    """One platform: what it can carry, its config class, and how a connector is made.

    `identity` names the bot or number that a config speaks for, so that one is not
    connected twice; None where that cannot be told.
    """

    capabilities: Capabilities
    complete: Callable[[Mapping[str, Any]], dict[str, Any]]
    build: Callable[[Mapping[str, Any]], Connector]
    identity: Callable[[Mapping[str, Any]], str | None] = lambda _: None


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

    def identity(config: Mapping[str, Any]) -> str:
        return str(config["token"]).partition(":")[0]  # the number of the bot

    return Kind(telegram.CAPABILITIES, complete, build, identity)


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


def account_id(kinds: Mapping[str, Kind], platform: str, config: Mapping[str, Any]) -> AccountId:
    """Return the id of the account that `config`, a complete one, describes.

    It follows from the bot or number where that is known, so a renewed token stays the
    same account.
    """
    identity = kinds[platform].identity(config)
    return AccountId(derived_id("account", platform, identity) if identity else new_id())


def build_connector(kinds: Mapping[str, Kind], account: Account) -> Connector:
    """Return the connector of an account. Raises `InvalidInput` as `complete_config` does."""
    config = complete_config(kinds, account.platform, account.config)
    return kinds[account.platform].build(config)
