"""What an account's platform has approved: for who writes through it."""

from __future__ import annotations

from litestar import Controller, get

from chat4all.domain.errors import AccountNotFound
from chat4all.domain.ids import AccountId
from chat4all.gateway.rest.bearer import Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.templates import ApprovedTemplate, ApprovedTemplates
from chat4all.gateway.rest.schemas.text import UuidPath


class Templates(Controller):
    """`/v1/connectors/accounts/{account_id}/templates`."""

    path = "/v1/connectors/accounts"
    tags = ("Messages",)

    @get("/{account_id:str}/templates", operation_id="listTemplates", problems=(502,))
    async def templates(
        self, account_id: UuidPath, deps: Deps, caller: Caller
    ) -> ApprovedTemplates:
        """Return the templates of an account: for its owner, and for administrators."""
        account = await deps.accounts.get(AccountId(account_id.lower()))
        if account.owner_id != caller.user_id and not caller.admin:
            raise AccountNotFound("no such connector account")
        found = await deps.templates.of(account.id)
        return ApprovedTemplates(items=[ApprovedTemplate.of(one) for one in found])
