"""People, and one's own profile and channels."""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody

from chat4all.domain.ids import ChannelId, UserId
from chat4all.gateway.rest import pages
from chat4all.gateway.rest.bearer import Caller
from chat4all.gateway.rest.changes import given
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.text import SearchWords, UuidPath
from chat4all.gateway.rest.schemas.users import (
    IssuedLinkCode,
    LinkCodeRequest,
    LinkedChannel,
    LinkedChannelPage,
    NewChannel,
    OwnUser,
    ProfileChange,
    PublicUser,
    PublicUserPage,
)


class Users(Controller):
    """`/v1/users`."""

    path = "/v1/users"
    tags = ("Users",)

    @get("/", operation_id="searchUsers")
    async def search(
        self,
        deps: Deps,
        words: SearchWords = "",
        limit: pages.Limit = 50,
        cursor: pages.AfterId = None,
    ) -> PublicUserPage:
        """Find people and services by name; contacts are under `/v1/contacts`."""
        found = await deps.profiles.search(
            words, after=None if cursor is None else UserId(cursor.lower()), limit=limit + 1
        )
        page, more = pages.cut(found, limit)
        return PublicUserPage(
            items=[PublicUser.of(one) for one in page],
            next=page[-1].id if more else None,
        )

    @get("/me", operation_id="getMe", problems=(404,))
    async def me(self, deps: Deps, caller: Caller) -> OwnUser:
        """Return one's own profile."""
        return OwnUser.of(await deps.profiles.own(caller.user_id))

    @patch("/me", operation_id="changeMe", problems=(404,))
    async def change_me(self, data: JSONBody[ProfileChange], deps: Deps, caller: Caller) -> OwnUser:
        """Change one's own profile."""
        changed = await deps.profiles.change(
            caller.user_id,
            display_name=given(data.display_name),
            email=given(data.email),
            preferred_channel=given(data.preferred_channel),
        )
        return OwnUser.of(changed)

    @get("/{user_id:str}", operation_id="getUser")
    async def get_user(self, user_id: UuidPath, deps: Deps, caller: Caller) -> PublicUser:
        """Return somebody."""
        found = await deps.profiles.seen_by(caller.user_id, UserId(user_id.lower()))
        return PublicUser.of(found)


class OwnChannels(Controller):
    """`/v1/users/me/channels`."""

    path = "/v1/users/me/channels"
    tags = ("Channels",)

    @get("/", operation_id="listChannels")
    async def list(self, deps: Deps, caller: Caller) -> LinkedChannelPage:
        """Return one's own channels."""
        channels = await deps.channels.list(caller.user_id)
        return LinkedChannelPage(items=[LinkedChannel.of(one) for one in channels])

    @post("/", operation_id="linkChannel", problems=(403, 409))
    async def link(self, data: JSONBody[NewChannel], deps: Deps, caller: Caller) -> LinkedChannel:
        """Say, without proof, where one can be reached: administrators; others link by a code."""
        return LinkedChannel.of(await deps.channels.claim(caller, data.to_domain()))

    @delete("/{channel_id:str}", operation_id="unlinkChannel")
    async def unlink(self, channel_id: UuidPath, deps: Deps, caller: Caller) -> None:
        """Remove a channel."""
        await deps.channels.unlink(caller.user_id, ChannelId(channel_id.lower()))

    @post("/link-code", operation_id="createLinkCode")
    async def link_code(
        self, data: JSONBody[LinkCodeRequest], deps: Deps, caller: Caller
    ) -> IssuedLinkCode:
        """Make a one-time code, good for 10 minutes, to send from the identity to link."""
        made = await deps.channels.link_code(caller.user_id, data.platform)
        return IssuedLinkCode(code=made.code, platform=made.platform, expires_at=made.expires_at)
