"""Outgoing webhooks."""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody

from chat4all.domain.ids import DeliveryId, EndpointId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import WEBHOOKS, Caller
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.gateway.rest.schemas.webhooks import (
    NewWebhookEndpoint,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookEndpointChange,
    WebhookEndpointList,
    WebhookEndpointObject,
    WebhookEndpointWithSecret,
    WebhookReplay,
    WebhookReplayed,
)
from chat4all.services.unset import UNSET


class WebhookEndpoints(Controller):
    """`/v1/webhook-endpoints`."""

    path = "/v1/webhook-endpoints"
    tags = ("Webhooks",)
    opt = WEBHOOKS

    @post("/", operation_id="createWebhookEndpoint", problems=(409,))
    async def create(
        self, data: JSONBody[NewWebhookEndpoint], deps: Deps, caller: Caller
    ) -> WebhookEndpointWithSecret:
        """Have events posted to an address. Keep the secret: it is not shown again."""
        endpoint = await deps.webhooks.create(
            caller.user_id,
            url=data.url,
            events=data.events,
            description=data.description,
            ordered=data.ordered,
        )
        return WebhookEndpointWithSecret.of(endpoint)

    @get("/", operation_id="listWebhookEndpoints")
    async def list(self, deps: Deps, caller: Caller) -> WebhookEndpointList:
        """Return one's endpoints."""
        found = await deps.webhooks.list(caller.user_id)
        return WebhookEndpointList(items=[WebhookEndpointObject.of(one) for one in found])

    @get("/{endpoint_id:str}", operation_id="getWebhookEndpoint")
    async def get_endpoint(
        self, endpoint_id: UuidPath, deps: Deps, caller: Caller
    ) -> WebhookEndpointObject:
        """Return one endpoint, and how it fares."""
        found = await deps.webhooks.get(caller.user_id, EndpointId(endpoint_id.lower()))
        return WebhookEndpointObject.of(found)

    @patch("/{endpoint_id:str}", operation_id="changeWebhookEndpoint")
    async def change(
        self,
        endpoint_id: UuidPath,
        data: JSONBody[WebhookEndpointChange],
        deps: Deps,
        caller: Caller,
    ) -> WebhookEndpointObject:
        """Change an endpoint, or switch it off and on.

        What happens while it is off is not delivered later; what was waiting then is.
        """
        events = given(data.events)
        changed = await deps.webhooks.change(
            caller.user_id,
            EndpointId(endpoint_id.lower()),
            url=given(data.url),
            events=events if events is UNSET else [*events],
            description=given(data.description),
            enabled=given(data.enabled),
        )
        return WebhookEndpointObject.of(changed)

    @delete("/{endpoint_id:str}", operation_id="deleteWebhookEndpoint")
    async def remove(self, endpoint_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Forget an endpoint, with what waits for it."""
        await deps.webhooks.remove(caller.user_id, EndpointId(endpoint_id.lower()))

    @post("/{endpoint_id:str}/secret", operation_id="rotateWebhookSecret", status_code=200)
    async def rotate(
        self, endpoint_id: UuidPath, deps: Deps, caller: Caller
    ) -> WebhookEndpointWithSecret:
        """Give the endpoint a new secret. For 24 hours events are signed with the old one too."""
        changed = await deps.webhooks.rotate(caller.user_id, EndpointId(endpoint_id.lower()))
        return WebhookEndpointWithSecret.of(changed)

    @post(
        "/{endpoint_id:str}/test",
        operation_id="testWebhookEndpoint",
        status_code=202,
        problems=(409,),
    )
    async def test(self, endpoint_id: UuidPath, deps: Deps, caller: Caller) -> WebhookDelivery:
        """Have an event of the type `chat4all.test` posted."""
        made = await deps.webhooks.test(caller.user_id, EndpointId(endpoint_id.lower()))
        return WebhookDelivery.of(made)

    @get("/{endpoint_id:str}/deliveries", operation_id="listWebhookDeliveries")
    async def deliveries(
        self,
        endpoint_id: UuidPath,
        deps: Deps,
        caller: Caller,
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> WebhookDeliveryPage:
        """Return what became of the events of the last 14 days, the newest first."""
        found = await deps.webhooks.deliveries(
            caller.user_id,
            EndpointId(endpoint_id.lower()),
            before=None if cursor is None else DeliveryId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        return WebhookDeliveryPage(
            items=[WebhookDelivery.of(one) for one in page],
            next=page[-1].id if more else None,
        )

    @post("/{endpoint_id:str}/replay", operation_id="replayWebhookEvents", status_code=202)
    async def replay(
        self, endpoint_id: UuidPath, data: JSONBody[WebhookReplay], deps: Deps, caller: Caller
    ) -> WebhookReplayed:
        """Deliver events again, in their order, with the ids that they had."""
        ids = None if data.event_ids is None else [one.lower() for one in data.event_ids]
        again = await deps.webhooks.replay(
            caller.user_id,
            EndpointId(endpoint_id.lower()),
            events=ids,
            since=data.since,
            until=data.until,
        )
        return WebhookReplayed(events=again)
