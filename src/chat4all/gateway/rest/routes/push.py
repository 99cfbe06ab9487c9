"""Devices that take pushes."""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody

from chat4all.domain.ids import SubscriptionId
from chat4all.gateway.rest.bearer import PERSONAL, Caller
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.push import (
    NewPushSubscription,
    PushKey,
    PushSubscriptionChange,
    PushSubscriptionList,
    PushSubscriptionObject,
    PushTrial,
)
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.services.unset import UNSET


class PushSubscriptions(Controller):
    """`/v1/push-subscriptions`."""

    path = "/v1/push-subscriptions"
    tags = ("Push",)
    opt = PERSONAL

    @get("/key", operation_id="getPushKey")
    async def key(self, deps: Deps) -> PushKey:
        """Return what a browser subscribes with. A subscription made with another key is void."""
        return PushKey(public_key=deps.push.public_key)

    @post("/", operation_id="createPushSubscription", problems=(409,))
    async def create(
        self, data: JSONBody[NewPushSubscription], deps: Deps, caller: Caller
    ) -> PushSubscriptionObject:
        """Have new messages pushed to a device while no client of yours is connected.

        A device is told of the messages of one user: of the one who registered it last. By its
        `kind` it is a browser, with what its subscription says; or an app, with the token that
        Firebase or Apple gave it.
        """
        wishes, (endpoint, keys) = data.preferences, data.place()
        made = await deps.push.register(
            caller.user_id,
            kind=data.kind,
            endpoint=endpoint,
            keys=keys,
            device=data.device,
            preferences=None if wishes is None else wishes.meant(),
        )
        return PushSubscriptionObject.of(made)

    @get("/", operation_id="listPushSubscriptions")
    async def list(self, deps: Deps, caller: Caller) -> PushSubscriptionList:
        """Return one's devices."""
        found = await deps.push.list(caller.user_id)
        return PushSubscriptionList(items=[PushSubscriptionObject.of(one) for one in found])

    @get("/{subscription_id:str}", operation_id="getPushSubscription")
    async def get_subscription(
        self, subscription_id: UuidPath, deps: Deps, caller: Caller
    ) -> PushSubscriptionObject:
        """Return one device."""
        name = SubscriptionId(subscription_id.lower())
        return PushSubscriptionObject.of(await deps.push.get(caller.user_id, name))

    @patch("/{subscription_id:str}", operation_id="changePushSubscription")
    async def change(
        self,
        subscription_id: UuidPath,
        data: JSONBody[PushSubscriptionChange],
        deps: Deps,
        caller: Caller,
    ) -> PushSubscriptionObject:
        """Change what a device wants."""
        wishes = given(data.preferences)
        changed = await deps.push.change(
            caller.user_id,
            SubscriptionId(subscription_id.lower()),
            device=given(data.device),
            preferences=wishes if wishes is UNSET else wishes.meant(),
        )
        return PushSubscriptionObject.of(changed)

    @delete("/{subscription_id:str}", operation_id="deletePushSubscription")
    async def remove(self, subscription_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Push nothing more to a device."""
        await deps.push.remove(caller.user_id, SubscriptionId(subscription_id.lower()))

    @post("/{subscription_id:str}/test", operation_id="testPushSubscription", status_code=200)
    async def test(self, subscription_id: UuidPath, deps: Deps, caller: Caller) -> PushTrial:
        """Push something of no meaning now; answers with what the push service said."""
        name = SubscriptionId(subscription_id.lower())
        return PushTrial.of(await deps.push.test(caller.user_id, name))
