"""Administration: for users with the role admin."""

from __future__ import annotations

from collections import Counter

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import UnsetType

from chat4all.domain.ids import AccountId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import PERSONAL, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.admin import (
    AccountChange,
    ConnectorAccount,
    ConnectorAccounts,
    ConnectorInfo,
    ConnectorInfos,
    CreatedService,
    Integrity,
    IntegrityFinding,
    IntegrityReport,
    NewAccount,
    NewService,
    Node,
    Nodes,
    UserPage,
)
from chat4all.gateway.rest.schemas.bounded_json import check_object
from chat4all.gateway.rest.schemas.overview import ProcessOverview
from chat4all.gateway.rest.schemas.repair import RepairRange, RepairReport
from chat4all.gateway.rest.schemas.text import SearchWords, UuidPath
from chat4all.gateway.rest.schemas.users import OwnUser
from chat4all.ports.integrity import CHECKS
from chat4all.services.audit.notes import read_notes
from chat4all.telemetry.overview import overview

SHOWN_FINDINGS = 100
OPTIONS = {"admin": True}


class ConnectorAdministration(Controller):
    """`/v1/admin/connectors`."""

    path = "/v1/admin/connectors"
    tags = ("Administration",)
    opt = OPTIONS

    @get("/", operation_id="listConnectors")
    async def connectors(self, deps: Deps) -> ConnectorInfos:
        """Return the installed connectors and what their channels carry."""
        return ConnectorInfos(
            items=[
                ConnectorInfo(
                    platform=platform,
                    source=deps.kinds[platform].source if platform in deps.kinds else "",
                    secret=deps.kinds[platform].secret if platform in deps.kinds else None,
                    payloads=sorted(one.payloads),
                    max_text=one.max_text,
                    replies=one.replies,
                    edits=one.edits,
                    deletes=one.deletes,
                    reactions=one.reactions,
                    delivery_receipts=one.delivery_receipts,
                    read_receipts=one.read_receipts,
                )
                for platform, one in sorted(deps.connectors.items())
            ]
        )

    @get("/accounts", operation_id="listAccounts")
    async def accounts(self, deps: Deps) -> ConnectorAccounts:
        """Return the connected accounts, without their secrets."""
        found = await deps.accounts.list()
        return ConnectorAccounts(
            items=[ConnectorAccount.of(one, deps.health_of(one.id)) for one in found]
        )

    @post("/accounts", operation_id="createAccount", problems=(404, 409))
    async def create(
        self, data: JSONBody[NewAccount], deps: Deps, caller: Caller
    ) -> ConnectorAccount:
        """Connect a bot or a number."""
        account = await deps.accounts.create(
            platform=data.platform,
            name=data.name,
            owner=UserId((data.owner_id or caller.user_id).lower()),
            config=check_object(data.config, "/config"),
        )
        return ConnectorAccount.of(account, deps.health_of(account.id))

    @get("/accounts/{account_id:str}", operation_id="getAccount")
    async def account(self, account_id: UuidPath, deps: Deps) -> ConnectorAccount:
        """Return one account, without its secrets."""
        account = await deps.accounts.get(AccountId(account_id.lower()))
        return ConnectorAccount.of(account, deps.health_of(account.id))

    @patch("/accounts/{account_id:str}", operation_id="changeAccount")
    async def change(
        self, account_id: UuidPath, data: JSONBody[AccountChange], deps: Deps
    ) -> ConnectorAccount:
        """Rename, enable, disable or configure an account."""
        config = None
        if not isinstance(data.config, UnsetType):
            config = check_object(data.config, "/config")
        account = await deps.accounts.change(
            AccountId(account_id.lower()),
            name=None if isinstance(data.name, UnsetType) else data.name,
            enabled=None if isinstance(data.enabled, UnsetType) else data.enabled,
            config=config,
        )
        return ConnectorAccount.of(account, deps.health_of(account.id))

    @delete("/accounts/{account_id:str}", operation_id="deleteAccount")
    async def remove(self, account_id: UuidPath, deps: Deps) -> None:
        """Disconnect and forget an account."""
        await deps.accounts.delete(AccountId(account_id.lower()))


class Administration(Controller):
    """`/v1/admin`."""

    path = "/v1/admin"
    tags = ("Administration",)
    opt = OPTIONS

    @get("/integrity", operation_id="getIntegrity")
    async def integrity(self, deps: Deps) -> Integrity:
        """Return how far the auditor has proven the promises, and what it found."""
        return Integrity.of(await read_notes(deps.audit_notes))

    @get("/integrity/check", operation_id="checkIntegrity")
    async def check(self, deps: Deps) -> IntegrityReport:
        """Check the promises on all that is stored, now; it takes as long as there is much."""
        found: Counter[str] = Counter(dict.fromkeys(CHECKS, 0))
        first: list[IntegrityFinding] = []
        async for one in deps.integrity.findings():
            found[one.check] += 1
            if len(first) < SHOWN_FINDINGS:
                first.append(
                    IntegrityFinding(
                        check=one.check, conversation_id=one.conversation_id, detail=one.detail
                    )
                )
        return IntegrityReport(
            counts=await deps.integrity.counts(), findings=dict(found), first=first
        )

    @post("/integrity/repair", operation_id="repairStore", status_code=200)
    async def repair(self, data: JSONBody[RepairRange], deps: Deps) -> RepairReport:
        """Fill in what the store lacks of accepted commands that are still in the log.

        Messages get the numbers they had, nothing is sent again, and a repeat has no effect.
        """
        return RepairReport.of(await deps.repair(data.range()))

    @get("/users", operation_id="listAllUsers")
    async def users(
        self,
        deps: Deps,
        words: SearchWords = "",
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> UserPage:
        """Return the people and services."""
        found = await deps.users.search(
            words, after=None if cursor is None else UserId(cursor.lower()), limit=limit + 1
        )
        page, more = pages.cut(found, limit)
        return UserPage(
            items=[OwnUser.of(one) for one in page],
            next=page[-1].id if more else None,
        )

    @post("/services", operation_id="createService", problems=(409,), opt=PERSONAL)
    async def create_service(self, data: JSONBody[NewService], deps: Deps) -> CreatedService:
        """Register a program that signs in with client_credentials."""
        user, secret = await deps.sign_up.service(
            username=data.username, display_name=data.display_name, admin=data.admin
        )
        return CreatedService(user=OwnUser.of(user), client_id=data.username, client_secret=secret)

    @get("/nodes", operation_id="listNodes")
    async def nodes(self, deps: Deps) -> Nodes:
        """Return the processes that told lately how they do, this one among them."""
        return Nodes(items=[Node.of(one) for one in await deps.processes()])

    @get("/overview", operation_id="overview")
    async def overview(self, deps: Deps) -> ProcessOverview:
        """Tell how this process does: rates, times, aims and channels of the last hour."""
        return ProcessOverview.of(overview(deps.recent), await deps.ready())
