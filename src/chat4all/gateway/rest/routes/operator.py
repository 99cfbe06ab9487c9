"""What the command line asks on behalf of an operator."""

from __future__ import annotations

from litestar import Controller, post
from litestar.params import JSONBody

from chat4all.domain.errors import AccountNotFound
from chat4all.domain.ids import AccountId
from chat4all.gateway.rest.bearer import PERSONAL
from chat4all.gateway.rest.deps import Deps, tools_of
from chat4all.gateway.rest.schemas.history_import import HistoryImport, HistoryImported
from chat4all.gateway.rest.schemas.operator import AccountIdentity, NewPerson
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.gateway.rest.schemas.users import OwnUser
from chat4all.ports.connector import SupportsIdentity

MAX_IMPORT_BYTES = 4 * 1024 * 1024


class Operator(Controller):
    """`/v1/admin`: users, accounts, history."""

    path = "/v1/admin"
    tags = ("Administration",)
    opt = {"admin": True}  # noqa: RUF012 - Litestar reads a plain attribute

    @post("/people", operation_id="createPerson", problems=(409,), opt=PERSONAL)
    async def create_person(self, data: JSONBody[NewPerson], deps: Deps) -> OwnUser:
        """Make an account for a person."""
        user = await deps.sign_up(
            username=data.username,
            password=data.password,
            display_name=data.display_name,
            email=data.email,
            admin=data.admin,
        )
        return OwnUser.of(user)

    @post(
        "/connectors/accounts/{account_id:str}/test",
        operation_id="testAccount",
        status_code=200,
        problems=(502,),
    )
    async def test_account(self, account_id: UuidPath, deps: Deps) -> AccountIdentity:
        """Ask the platform who the account is, which shows that it can be reached."""
        account = await deps.accounts.get(AccountId(account_id.lower()))
        connector = await tools_of(deps).connector_of(account.id)
        if connector is None:
            raise AccountNotFound("this account does not run here; is it enabled?")
        if not isinstance(connector, SupportsIdentity):
            return AccountIdentity(name=None)
        return AccountIdentity(name=await connector.whoami())

    @post(
        "/import",
        operation_id="importHistory",
        status_code=200,
        problems=(404,),
        request_max_body_size=MAX_IMPORT_BYTES,
    )
    async def import_history(self, data: JSONBody[HistoryImport], deps: Deps) -> HistoryImported:
        """Add messages that another program exported; a repeat adds nothing."""
        return HistoryImported.of(await tools_of(deps).import_history(data.to_batch()))
