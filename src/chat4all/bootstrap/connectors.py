"""The connectors that this program knows, by platform."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

import structlog
from pydantic import ValidationError

from chat4all.connectors import telegram, whatsapp
from chat4all.connectors.mock import MockConfig, MockConnector, PhoneNetwork
from chat4all.connectors.telegram import TelegramConfig
from chat4all.connectors.whatsapp import WhatsAppConfig
from chat4all.domain.directory import Account
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import AccountId, derived_id, new_id
from chat4all.ports.connector import Connector
from chat4all.ports.connector_kind import ENTRY_POINTS, ConnectorKind
from chat4all.settings import Settings

log = structlog.get_logger(__name__)

_CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Kind = ConnectorKind[Any]


def installed_connectors(settings: Settings, network: PhoneNetwork) -> Mapping[str, Kind]:
    """Return the kinds whose libraries are installed, ours first, then those of packages."""
    kinds: dict[str, Kind] = {
        MockConnector.channel: ConnectorKind(
            channel=MockConnector.channel,
            capabilities=MockConnector.capabilities,
            config=MockConfig,
            build=lambda config: MockConnector(config, network),
            secret=None,
        )
    }
    if find_spec("aiogram") is not None:
        kinds["telegram"] = _telegram(settings)
    if find_spec("pywa") is not None:
        kinds["whatsapp"] = _whatsapp(settings)
    kinds.update(packaged_connectors(taken=kinds))
    return kinds


def packaged_connectors(*, taken: Collection[str] = ()) -> Mapping[str, Kind]:
    """Return the kinds that installed packages register as `chat4all.connectors`.

    A package that cannot be loaded, or claims a channel that is `taken`, is left out with an
    error line that names it: one broken package must not keep the rest from starting.
    """
    kinds: dict[str, Kind] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        source = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"
        try:
            kind = loaded_kind(entry)
            if kind.channel in taken or kind.channel in kinds:
                raise TypeError(f"there is another connector for {kind.channel}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's import does
            detail = f"{type(error).__name__}: {error}"
            log.error("connector left out", connector=entry.name, package=source, detail=detail)  # noqa: TRY400 - a line, not a trace
        else:
            kinds[kind.channel] = replace(kind, source=source)
    return kinds


def loaded_kind(entry: EntryPoint) -> Kind:
    """Return what an entry point names. Raises what its import raises, or `TypeError`."""
    kind = entry.load()
    if not isinstance(kind, ConnectorKind):
        raise TypeError(f"{entry.value} is no ConnectorKind")
    if kind.channel != entry.name or not _CHANNEL.fullmatch(kind.channel):
        raise TypeError(f"its channel is {kind.channel!r}; write it as the entry point's name")
    return kind


def _telegram(settings: Settings) -> ConnectorKind[TelegramConfig]:
    def build(config: TelegramConfig) -> Connector:
        from chat4all.connectors.telegram.connector import (  # noqa: PLC0415 - it loads slowly
            TelegramConnector,
        )

        return TelegramConnector(config)

    return ConnectorKind(
        channel="telegram",
        capabilities=telegram.CAPABILITIES,
        config=partial(TelegramConfig, api_base=settings.telegram_api),
        build=build,
        identity=lambda config: config.token.get_secret_value().partition(":")[0],
        calls_back=settings.can_be_called,
    )


def _whatsapp(settings: Settings) -> ConnectorKind[WhatsAppConfig]:
    def build(config: WhatsAppConfig) -> Connector:
        from chat4all.connectors.whatsapp.connector import (  # noqa: PLC0415 - it loads slowly
            WhatsAppConnector,
        )

        return WhatsAppConnector(config)

    return ConnectorKind(
        channel="whatsapp",
        capabilities=whatsapp.CAPABILITIES,
        config=partial(WhatsAppConfig, api_base=settings.whatsapp_api),
        build=build,
        identity=lambda config: config.phone_number_id,
        secret="access_token",  # noqa: S106 - the name of a key
        calls_back=True,
    )


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
    identity = kinds[platform].identity_of(config)
    return AccountId(derived_id("account", platform, identity) if identity else new_id())


def build_connector(kinds: Mapping[str, Kind], account: Account) -> Connector:
    """Return the connector of an account. Raises `InvalidInput` as `complete_config` does."""
    config = complete_config(kinds, account.platform, account.config)
    return kinds[account.platform].connector(config)
