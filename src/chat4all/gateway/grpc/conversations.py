"""Conversations and their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UnsetType

from chat4all.domain.directory import Conversation
from chat4all.domain.ids import ConversationId, UserId
from chat4all.gateway.grpc import questions
from chat4all.gateway.grpc.calls import Call, asked
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import conversation_service_pb2 as pb
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.pages import cut
from chat4all.gateway.rest.schemas.bounded_json import check_object
from chat4all.gateway.rest.schemas.conversations import ConversationObject, NewConversation
from chat4all.services.unset import UNSET

Result = Mapping[str, Any]
USUAL_PAGE = 50


class ConversationCalls:
    """`chat4all.v1.ConversationService`."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._book = deps.rest.conversations
        self._views = deps.rest.views

    async def create_conversation(
        self,
        request: pb.CreateConversationRequest,
        call: Call[pb.CreateConversationResponse],
    ) -> Result:
        """Start a conversation; a private one that exists already is given back."""
        wanted = asked(request, NewConversation, member_ids=list(request.member_ids))
        conversation, new = await self._book.create(
            call.user_id,
            type_=wanted.type,
            member_ids=wanted.others(),
            name=wanted.name,
            metadata=check_object(wanted.metadata, "/metadata"),
        )
        return {**await self._shown(call.user_id, conversation), "created": new}

    async def list_conversations(
        self, request: pb.ListConversationsRequest, call: Call[pb.ListConversationsResponse]
    ) -> Result:
        """Return one's conversations, the last created first."""
        wanted = asked(request, questions.Conversations)
        after, limit = wanted.page_token, wanted.page_size or USUAL_PAGE
        found = await self._book.list(
            call.user_id,
            after=None if after is None else ConversationId(after.lower()),
            limit=limit + 1,
        )
        page, more = cut(found, limit)
        views = await self._views.of(call.user_id, page)
        shown = [ConversationObject.of(one) for one in views if wanted.archived or not one.archived]
        return {"conversations": shown, "next_page_token": page[-1].id if more else None}

    async def get_conversation(
        self, request: pb.GetConversationRequest, call: Call[pb.GetConversationResponse]
    ) -> Result:
        """Return one conversation."""
        wanted = asked(request, questions.OfConversation)
        found = await self._book.get(call.user_id, wanted.conversation)
        return await self._shown(call.user_id, found)

    async def update_conversation(
        self,
        request: pb.UpdateConversationRequest,
        call: Call[pb.UpdateConversationResponse],
    ) -> Result:
        """Rename a group or replace its metadata."""
        wanted = asked(request, questions.Change)
        metadata = wanted.metadata
        changed = await self._book.change(
            call.user_id,
            wanted.conversation,
            name=given(wanted.name),
            metadata=(
                UNSET if isinstance(metadata, UnsetType) else check_object(metadata, "/metadata")
            ),
        )
        return await self._shown(call.user_id, changed)

    async def delete_conversation(
        self,
        request: pb.DeleteConversationRequest,
        call: Call[pb.DeleteConversationResponse],
    ) -> Result:
        """Delete a conversation for everyone; its owner may."""
        wanted = asked(request, questions.OfConversation)
        await self._book.delete(call.user_id, wanted.conversation)
        return {}

    async def add_member(
        self, request: pb.AddMemberRequest, call: Call[pb.AddMemberResponse]
    ) -> Result:
        """Add somebody to a group."""
        wanted = asked(request, questions.NewMember)
        changed = await self._book.add_member(
            call.user_id, wanted.conversation, wanted.user, wanted.role
        )
        return await self._shown(call.user_id, changed)

    async def change_role(
        self, request: pb.ChangeRoleRequest, call: Call[pb.ChangeRoleResponse]
    ) -> Result:
        """Give a member another role."""
        wanted = asked(request, questions.NewRole)
        changed = await self._book.set_role(
            call.user_id, wanted.conversation, wanted.user, wanted.role
        )
        return await self._shown(call.user_id, changed)

    async def remove_member(
        self, request: pb.RemoveMemberRequest, call: Call[pb.RemoveMemberResponse]
    ) -> Result:
        """Remove somebody from a group."""
        wanted = asked(request, questions.OfMember)
        await self._book.remove_member(call.user_id, wanted.conversation, wanted.user)
        return {}

    async def leave_conversation(
        self,
        request: pb.LeaveConversationRequest,
        call: Call[pb.LeaveConversationResponse],
    ) -> Result:
        """Leave a group."""
        wanted = asked(request, questions.OfConversation)
        await self._book.leave(call.user_id, wanted.conversation)
        return {}

    async def archive_conversation(
        self,
        request: pb.ArchiveConversationRequest,
        call: Call[pb.ArchiveConversationResponse],
    ) -> Result:
        """Hide a conversation from one's list, or show it again."""
        wanted = asked(request, questions.Archive)
        changed = await self._book.archive(
            call.user_id, wanted.conversation, archived=not wanted.undo
        )
        return await self._shown(call.user_id, changed)

    async def _shown(self, viewer: UserId, conversation: Conversation) -> dict[str, Any]:
        [view] = await self._views.of(viewer, [conversation])
        shown = ConversationObject.of(await self._views.with_windows(view))
        return {"conversation": shown}
