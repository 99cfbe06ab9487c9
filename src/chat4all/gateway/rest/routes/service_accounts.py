"""Service accounts and their API keys."""

from __future__ import annotations

from datetime import timedelta

from litestar import Controller, delete, get, post
from litestar.params import JSONBody

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import ActId, KeyId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import PERSONAL, Caller
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.service_accounts import (
    LEAST_OVERLAP,
    Act,
    ActPage,
    ApiKeyObject,
    ApiKeyPage,
    CreatedApiKey,
    KeyRotation,
    NewApiKey,
    NewServiceAccount,
    ServiceAccountPage,
    scopes_of,
)
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.gateway.rest.schemas.users import PublicUser


class ServiceAccounts(Controller):
    """`/v1/service-accounts`."""

    path = "/v1/service-accounts"
    tags = ("Service accounts",)
    opt = PERSONAL

    @post("/", operation_id="createServiceAccount", problems=(409,))
    async def create(
        self, data: JSONBody[NewServiceAccount], deps: Deps, caller: Caller
    ) -> PublicUser:
        """Make an account for a program of yours; it proves who it is by API keys."""
        made = await deps.service_accounts.create(
            caller.user_id,
            username=data.username,
            display_name=data.display_name or data.username,
        )
        return PublicUser.of(made)

    @get("/", operation_id="listServiceAccounts")
    async def list(self, deps: Deps, caller: Caller) -> ServiceAccountPage:
        """Return one's own service accounts."""
        found = await deps.service_accounts.list(caller.user_id)
        return ServiceAccountPage(items=[PublicUser.of(one) for one in found])

    @delete("/{account_id:str}", operation_id="deleteServiceAccount")
    async def remove(self, account_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Revoke the keys of an account and forget it; its messages stay."""
        await deps.service_accounts.remove(caller, UserId(account_id.lower()))

    @post("/{account_id:str}/keys", operation_id="createApiKey", problems=(409,))
    async def create_key(
        self, account_id: UuidPath, data: JSONBody[NewApiKey], deps: Deps, caller: Caller
    ) -> CreatedApiKey:
        """Make a key. Keep its text: it is not shown again."""
        made = await deps.service_accounts.create_key(
            caller,
            UserId(account_id.lower()),
            name=data.name,
            scopes=scopes_of(data.scopes),
            expires_at=data.expires_at,
            per_minute=data.per_minute,
        )
        return CreatedApiKey.made(made)

    @get("/{account_id:str}/keys", operation_id="listApiKeys")
    async def keys(self, account_id: UuidPath, deps: Deps, caller: Caller) -> ApiKeyPage:
        """Return the keys of an account, also those that are good for nothing any more."""
        found = await deps.service_accounts.keys(caller, UserId(account_id.lower()))
        return ApiKeyPage(items=[ApiKeyObject.of(one) for one in found])

    @post(
        "/{account_id:str}/keys/{key_id:str}/rotate", operation_id="rotateApiKey", problems=(409,)
    )
    async def rotate(
        self,
        account_id: UuidPath,
        key_id: UuidPath,
        data: JSONBody[KeyRotation],
        deps: Deps,
        caller: Caller,
    ) -> CreatedApiKey:
        """Make a key that is good for the same; the old one is good for `overlap` seconds more."""
        if 0 < data.overlap < LEAST_OVERLAP:
            least = f"is 0, or at least {LEAST_OVERLAP}"
            raise InvalidInput("the overlap is too short", [("/overlap", least)])
        made = await deps.service_accounts.rotate(
            caller,
            UserId(account_id.lower()),
            KeyId(key_id.lower()),
            overlap=timedelta(seconds=data.overlap),
        )
        return CreatedApiKey.made(made)

    @delete("/{account_id:str}/keys/{key_id:str}", operation_id="revokeApiKey")
    async def revoke(
        self, account_id: UuidPath, key_id: UuidPath, deps: Deps, caller: Caller
    ) -> None:
        """Make a key good for nothing, at once."""
        await deps.service_accounts.revoke_key(
            caller, UserId(account_id.lower()), KeyId(key_id.lower())
        )

    @get("/{account_id:str}/acts", operation_id="listActsOfServiceAccount")
    async def acts(
        self,
        account_id: UuidPath,
        deps: Deps,
        caller: Caller,
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> ActPage:
        """Return what an account did as other users, the newest first."""
        account = await deps.service_accounts.get(caller, UserId(account_id.lower()))
        found = await deps.delegates.acts(
            account=account.id,
            before=None if cursor is None else ActId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        return ActPage(items=[Act.of(one) for one in page], next=page[-1].id if more else None)
