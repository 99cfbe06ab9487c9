"""What an API key must be good for to call each method."""

from __future__ import annotations

from collections.abc import Mapping

from chat4all.domain.api_keys import Scope

_READ = (
    "ListConversations GetConversation GetFile DownloadFile GetMessage ListMessages "
    "GetMessageStatus StreamMessages GetPresence"
)
_SEND = (
    "StartUpload UploadFile GetUpload CompleteUpload CancelUpload DeleteFile SendMessage "
    "SendMessages EditMessage DeleteMessage AddReaction RemoveReaction MarkDelivered MarkRead "
    "SetPresence SendTyping"
)
_MANAGE = (
    "CreateConversation UpdateConversation DeleteConversation AddMember ChangeRole RemoveMember "
    "LeaveConversation ArchiveConversation"
)

SCOPES: Mapping[str, Scope] = {
    method: scope
    for scope, methods in ((Scope.READ, _READ), (Scope.SEND, _SEND), (Scope.MANAGE, _MANAGE))
    for method in methods.split()
}
"""By the name of the method; what is not here is for no key."""


def scope_of(method: str) -> Scope:
    """Return the scope of a method, by its full name such as `chat4all.v1.FileService/GetFile`."""
    return SCOPES.get(method.rpartition("/")[2], Scope.ACCOUNT)
