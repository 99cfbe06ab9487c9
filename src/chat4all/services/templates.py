"""The templates of connector accounts, as their platforms last told them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from chat4all.domain.errors import (
    AccountNotFound,
    ChannelError,
    TemplateMismatch,
    TemplateUnknown,
    Unavailable,
)
from chat4all.domain.ids import AccountId
from chat4all.domain.payload import Payload
from chat4all.domain.templates import Template, named
from chat4all.ports.connector import Connector, SupportsTemplates

log = structlog.get_logger(__name__)

FRESH = 300.0
"""Seconds for which what a platform told is taken for true."""
DOUBTED = 5.0
"""Seconds after which it is asked again when a template is missing."""
MOST = 50
"""Templates that are named to somebody who needs one."""

ConnectorOf = Callable[[AccountId], Awaitable[Connector | None]]


async def _nobody(account: AccountId) -> None:
    del account


@dataclass(frozen=True, slots=True)
class _Told:
    templates: Sequence[Template]
    at: float


class TemplateBook:
    """Asks the platforms for the templates of their accounts, and remembers the answers."""

    def __init__(self, connector_of: ConnectorOf = _nobody) -> None:
        self._connector_of = connector_of
        self._told: dict[AccountId, _Told] = {}
        self._asking: dict[AccountId, asyncio.Task[_Told]] = {}

    def ask(self, connector_of: ConnectorOf) -> None:
        """Say whom to ask: who runs the connectors comes later than this book."""
        self._connector_of = connector_of

    async def of(self, account: AccountId, *, fresh: float = FRESH) -> Sequence[Template]:
        """Return what can be sent by `account`; nothing where the platform has no templates.

        Raises `AccountNotFound` for an account that does not run here, and `ChannelError`.
        """
        now = asyncio.get_running_loop().time()
        told = self._told.get(account)
        if told is None or told.at + fresh <= now:
            told = await self._ask(account)
        return told.templates

    async def suggested(self, account: AccountId) -> Sequence[Template]:
        """Return the first of those, or nothing when the platform does not answer."""
        try:
            return (await self.of(account))[:MOST]
        except (ChannelError, AccountNotFound) as error:
            log.info("templates are not known", account=account, code=error.code)
            return ()

    async def filled(self, accounts: Sequence[AccountId], payload: Payload) -> Payload:
        """Return a template's `payload` with its text, as the first that has it fills it in.

        Raises `TemplateUnknown`, `TemplateMismatch`, and `Unavailable` when that cannot be
        told now.
        """
        for fresh in (FRESH, DOUBTED):
            found = [one for account in accounts for one in await self._known(account, fresh)]
            for template in found:
                if (template.name, template.language) == (payload.name, payload.language):
                    return _filled(template, payload)
        names = named(found[:MOST])
        raise TemplateUnknown(
            f"no template {payload.name} in {payload.language} can be sent to them; "
            + (f"there is {names}" if names else "send a text"),
            found[:MOST],
        )

    async def _known(self, account: AccountId, fresh: float) -> Sequence[Template]:
        try:
            return await self.of(account, fresh=fresh)
        except AccountNotFound:
            return ()
        except ChannelError as error:
            if not error.retry:
                return ()
            raise Unavailable(f"the templates are not known now: {error}", 5.0) from error

    async def _ask(self, account: AccountId) -> _Told:
        task = self._asking.get(account)
        if task is None:
            task = self._asking[account] = asyncio.create_task(self._answer(account))
            task.add_done_callback(lambda _: self._asking.pop(account, None))
        return await asyncio.shield(task)

    async def _answer(self, account: AccountId) -> _Told:
        connector = await self._connector_of(account)
        if connector is None:
            raise AccountNotFound("this account does not run here; is it enabled?")
        templates = await connector.templates() if isinstance(connector, SupportsTemplates) else ()
        told = self._told[account] = _Told(templates, asyncio.get_running_loop().time())
        return told


def _filled(template: Template, payload: Payload) -> Payload:
    given, wanted = payload.parameters or (), len(template.places)
    if len(given) != wanted:
        raise TemplateMismatch(
            f"template {template.name} in {template.language} takes {wanted} parameters, "
            f"not {len(given)}: {template.text}",
            template,
        )
    return replace(payload, text=template.filled(given))
