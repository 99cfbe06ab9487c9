"""Conversations and their members."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import UnsetType

from chat4all.domain.directory import Conversation
from chat4all.domain.ids import ConversationId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import MANAGING, Caller
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.deps import Deps, RestDeps
from chat4all.gateway.rest.schemas.bounded_json import check_object
from chat4all.gateway.rest.schemas.conversations import (
    Archiving,
    ConversationChange,
    ConversationObject,
    ConversationPage,
    NewConversation,
    NewMember,
    RoleChange,
)
from chat4all.gateway.rest.schemas.text import UuidPath
from chat4all.services.unset import UNSET

WithArchived = Annotated[bool, QueryParameter(description="Also those the caller has archived.")]


class Conversations(Controller):
    """`/v1/conversations`."""

    path = "/v1/conversations"
    tags = ("Conversations",)
    opt = MANAGING

    @post(
        "/",
        operation_id="createConversation",
        problems=(404,),
        responses={
            200: ResponseSpec(
                ConversationObject, description="The conversation this pair already had."
            )
        },
    )
    async def create(
        self, data: JSONBody[NewConversation], deps: Deps, caller: Caller
    ) -> Response[ConversationObject]:
        """Start a conversation; a private one that exists already is given back."""
        conversation, new = await deps.conversations.create(
            caller.user_id,
            type_=data.type,
            member_ids=data.others(),
            name=data.name,
            metadata=check_object(data.metadata, "/metadata"),
        )
        shown = await _view(deps, caller.user_id, conversation)
        return Response(shown, status_code=201 if new else 200)

    @get("/", operation_id="listConversations")
    async def list(
        self,
        deps: Deps,
        caller: Caller,
        *,
        archived: WithArchived = False,
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> ConversationPage:
        """Return one's conversations, the last created first; sort by `last_activity`."""
        found = await deps.conversations.list(
            caller.user_id,
            after=None if cursor is None else ConversationId(cursor.lower()),
            limit=limit + 1,
        )
        page, more = pages.cut(found, limit)
        views = await deps.views.of(caller.user_id, page)
        return ConversationPage(
            items=[ConversationObject.of(one) for one in views if archived or not one.archived],
            next=page[-1].id if more else None,
        )

    @get("/{conversation_id:str}", operation_id="getConversation")
    async def get_conversation(
        self, conversation_id: UuidPath, deps: Deps, caller: Caller
    ) -> ConversationObject:
        """Return one conversation."""
        found = await deps.conversations.get(caller.user_id, _id(conversation_id))
        return await _view(deps, caller.user_id, found)

    @patch("/{conversation_id:str}", operation_id="changeConversation", problems=(403, 409))
    async def change(
        self,
        conversation_id: UuidPath,
        data: JSONBody[ConversationChange],
        deps: Deps,
        caller: Caller,
    ) -> ConversationObject:
        """Rename a group or replace its metadata."""
        metadata = data.metadata
        changed = await deps.conversations.change(
            caller.user_id,
            _id(conversation_id),
            name=given(data.name),
            metadata=(
                UNSET if isinstance(metadata, UnsetType) else check_object(metadata, "/metadata")
            ),
        )
        return await _view(deps, caller.user_id, changed)

    @delete("/{conversation_id:str}", operation_id="deleteConversation", problems=(403,))
    async def remove(self, conversation_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Delete a conversation for everyone; its owner may."""
        await deps.conversations.delete(caller.user_id, _id(conversation_id))

    @post("/{conversation_id:str}/members", operation_id="addMember", problems=(403, 409))
    async def add_member(
        self, conversation_id: UuidPath, data: JSONBody[NewMember], deps: Deps, caller: Caller
    ) -> ConversationObject:
        """Add somebody to a group."""
        changed = await deps.conversations.add_member(
            caller.user_id, _id(conversation_id), UserId(data.user_id.lower()), data.role
        )
        return await _view(deps, caller.user_id, changed)

    @patch(
        "/{conversation_id:str}/members/{user_id:str}",
        operation_id="changeRole",
        problems=(403, 409),
    )
    async def change_role(
        self,
        conversation_id: UuidPath,
        user_id: UuidPath,
        data: JSONBody[RoleChange],
        deps: Deps,
        caller: Caller,
    ) -> ConversationObject:
        """Give a member another role."""
        changed = await deps.conversations.set_role(
            caller.user_id, _id(conversation_id), UserId(user_id.lower()), data.role
        )
        return await _view(deps, caller.user_id, changed)

    @delete(
        "/{conversation_id:str}/members/{user_id:str}",
        operation_id="removeMember",
        problems=(403, 409),
    )
    async def remove_member(
        self, conversation_id: UuidPath, user_id: UuidPath, deps: Deps, caller: Caller
    ) -> None:
        """Remove somebody from a group."""
        await deps.conversations.remove_member(
            caller.user_id, _id(conversation_id), UserId(user_id.lower())
        )

    @post(
        "/{conversation_id:str}/leave",
        operation_id="leaveConversation",
        status_code=204,
        problems=(409,),
    )
    async def leave(self, conversation_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Leave a group."""
        await deps.conversations.leave(caller.user_id, _id(conversation_id))

    @post("/{conversation_id:str}/archive", operation_id="archiveConversation", status_code=200)
    async def archive(
        self,
        conversation_id: UuidPath,
        deps: Deps,
        caller: Caller,
        data: JSONBody[Archiving | None] = None,
    ) -> ConversationObject:
        """Hide a conversation from one's list, or with `archived: false` show it again."""
        changed = await deps.conversations.archive(
            caller.user_id,
            _id(conversation_id),
            archived=True if data is None else data.archived,
        )
        return await _view(deps, caller.user_id, changed)


def _id(text: str) -> ConversationId:
    return ConversationId(text.lower())


async def _view(deps: RestDeps, viewer: UserId, conversation: Conversation) -> ConversationObject:
    [view] = await deps.views.of(viewer, [conversation])
    return ConversationObject.of(await deps.views.with_windows(view))
