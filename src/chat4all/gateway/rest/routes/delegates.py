"""Whom one lets act as oneself."""

from __future__ import annotations

from litestar import Controller, delete, get, put
from litestar.status_codes import HTTP_204_NO_CONTENT

from chat4all.domain.ids import ActId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import PERSONAL, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.service_accounts import (
    Act,
    ActPage,
    DelegateObject,
    DelegatePage,
)
from chat4all.gateway.rest.schemas.text import UuidPath


class Delegates(Controller):
    """`/v1/users/me/delegates`."""

    path = "/v1/users/me/delegates"
    tags = ("Service accounts",)
    opt = PERSONAL

    @get("/", operation_id="listDelegates")
    async def list(self, deps: Deps, caller: Caller) -> DelegatePage:
        """Return the service accounts that may act as you."""
        found = await deps.delegates.list(caller.user_id)
        return DelegatePage(items=[DelegateObject.of(one) for one in found])

    @put("/{account_id:str}", operation_id="allowDelegate", status_code=HTTP_204_NO_CONTENT)
    async def allow(self, account_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Let a service account read, send and manage conversations as you."""
        await deps.delegates.allow(caller.user_id, UserId(account_id.lower()))

    @delete("/{account_id:str}", operation_id="withdrawDelegate")
    async def withdraw(self, account_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Let it no more; its next call as you is refused."""
        await deps.delegates.withdraw(caller.user_id, UserId(account_id.lower()))

    @get("/acts", operation_id="listActsOnMyBehalf")
    async def acts(
        self,
        deps: Deps,
        caller: Caller,
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> ActPage:
        """Return what service accounts did as you, the newest first."""
        found = await deps.delegates.acts(
            user=caller.user_id,
            before=None if cursor is None else ActId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        return ActPage(items=[Act.of(one) for one in page], next=page[-1].id if more else None)
