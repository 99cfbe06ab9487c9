"""Everything that can go wrong, as one tree. Messages say what to do; each `code` is stable.

Chat4AllError                       code
├── InvalidInput                    validation_failed (carries pointer -> detail pairs)
│   ├── TemplateUnknown             template_unknown (carries those that would do)
│   └── TemplateMismatch            template_parameters (wrong number of them)
├── Unauthenticated                 unauthenticated
│   └── InvalidToken                invalid_token
├── NotPermitted                    not_permitted
│   └── InsufficientScope           insufficient_scope (of an API key)
├── NotFound                        not_found
│   ├── UserNotFound                user_not_found
│   ├── ConversationNotFound        conversation_not_found
│   ├── MessageNotFound             message_not_found
│   ├── ChannelNotFound             channel_not_found
│   ├── AccountNotFound             account_not_found
│   ├── KeyNotFound                 key_not_found
│   ├── RecordNotFound              record_not_found
│   ├── EndpointNotFound            endpoint_not_found
│   ├── FileNotFound                file_not_found
│   ├── FileGone                    file_gone (it was there; its bytes are not)
│   ├── UploadNotFound              upload_not_found
│   └── ObjectNotFound              object_not_found (object store only)
├── Conflict                        conflict (ContactChanged, of merges: contact_changed)
│   ├── MessageIdConflict           message_id_conflict
│   ├── TooLate                     too_late (a scheduled message is sent, or will never be)
│   ├── UsernameTaken               username_taken
│   ├── ChannelTaken                channel_taken
│   ├── StaleSequence               stale_sequence (router only: another writer was first)
│   ├── SessionWindowClosed         session_window_closed (carries the templates that would do)
│   ├── FileNotReady                file_not_ready
│   ├── OffsetConflict              offset_conflict
│   └── UploadBusy                  upload_busy
├── ChecksumMismatch                checksum_mismatch
├── HarmfulFile                     harmful_file
├── TooLarge                        too_large
│   └── QuotaExceeded               quota_exceeded
├── Unreachable                     no_channel (no way to reach a recipient)
├── RateLimited                     rate_limited (retry_after)
├── Unavailable                     unavailable (retry_after)
│   └── StorageFull                 storage_full
├── ChannelError                    channel_error (retry, retry_after, platform_error)
├── WebhookRejected                 webhook_rejected
├── UnreadableRecord                unreadable_record (a log record this version cannot read)
└── StartRefused                    start_refused
    ├── BadSettings                 bad_settings
    │   └── EngineMissing           engine_missing (a server that may come)
    ├── DataFolderInUse             data_folder_in_use
    ├── MoveRefused                 move_refused
    ├── SchemaTooNew                schema_too_new
    └── StorageCorrupt              storage_corrupt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from chat4all.domain.templates import Template


class Chat4AllError(Exception):
    """The root: catch it at an edge, never in between."""

    code: ClassVar[str] = "error"


class InvalidInput(Chat4AllError):
    """A value breaks a rule. `errors` are (JSON pointer, detail) pairs (RFC 6901)."""

    code = "validation_failed"

    def __init__(self, detail: str, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)


class TemplateUnknown(InvalidInput):
    """No platform account that would carry the message has this template approved."""

    code = "template_unknown"

    def __init__(self, detail: str, templates: Sequence[Template] = ()) -> None:
        super().__init__(detail, [("/payload/name", "no such template in this language")])
        self.templates = tuple(templates)


class TemplateMismatch(InvalidInput):
    """A template has another number of places than there are parameters."""

    code = "template_parameters"

    def __init__(self, detail: str, template: Template) -> None:
        super().__init__(detail, [("/payload/parameters", f"takes {len(template.places)}")])
        self.templates = (template,)


class Unauthenticated(Chat4AllError):
    """No credentials, or wrong ones."""

    code = "unauthenticated"


class InvalidToken(Unauthenticated):
    """A bearer token that is malformed, expired or revoked (RFC 6750 section 3.1)."""

    code = "invalid_token"


class NotPermitted(Chat4AllError):
    """The caller may see the thing, and may not do this to it."""

    code = "not_permitted"


class InsufficientScope(NotPermitted):
    """The API key is not good for this call (RFC 6750 section 3.1); `scope` is what it lacks."""

    code = "insufficient_scope"

    def __init__(self, detail: str, scope: str) -> None:
        super().__init__(detail)
        self.scope = scope


class NotFound(Chat4AllError):
    """It does not exist, or its existence is a secret from the caller."""

    code = "not_found"


class UserNotFound(NotFound):
    """No such user."""

    code = "user_not_found"


class ConversationNotFound(NotFound):
    """No such conversation, or the caller is not in it."""

    code = "conversation_not_found"


class MessageNotFound(NotFound):
    """No such message in a conversation of the caller."""

    code = "message_not_found"


class ChannelNotFound(NotFound):
    """No such channel of this user."""

    code = "channel_not_found"


class AccountNotFound(NotFound):
    """No such connector account."""

    code = "account_not_found"


class KeyNotFound(NotFound):
    """No such API key of this account."""

    code = "key_not_found"


class RecordNotFound(NotFound):
    """No such log record, such as a dead letter."""

    code = "record_not_found"


class EndpointNotFound(NotFound):
    """No such webhook endpoint, or somebody else's."""

    code = "endpoint_not_found"


class FileNotFound(NotFound):
    """No such file in a conversation of the caller."""

    code = "file_not_found"


class FileGone(NotFound):
    """The file was there; it was deleted, or its bytes have vanished."""

    code = "file_gone"


class UploadNotFound(NotFound):
    """No such upload: it is complete, was ended, or has expired."""

    code = "upload_not_found"


class ObjectNotFound(NotFound):
    """The object store has no such object."""

    code = "object_not_found"


class Conflict(Chat4AllError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class MessageIdConflict(Conflict):
    """The id was used for another message."""

    code = "message_id_conflict"


class TooLate(Conflict):
    """The scheduled message waits no more: it is on its way, was sent, failed or was cancelled."""

    code = "too_late"


class UsernameTaken(Conflict):
    """Somebody has this username."""

    code = "username_taken"


class ChannelTaken(Conflict):
    """The external identity belongs to another user."""

    code = "channel_taken"


class StaleSequence(Conflict):
    """Another writer gave this place in the conversation away: reload and retry."""

    code = "stale_sequence"


class SessionWindowClosed(Conflict):
    """All recipients are reached only where nothing but a template is taken now."""

    code = "session_window_closed"

    def __init__(self, detail: str, templates: Sequence[Template] = ()) -> None:
        super().__init__(detail)
        self.templates = tuple(templates)


class FileNotReady(Conflict):
    """The file has not all its bytes yet, or they were not found to be what was sent."""

    code = "file_not_ready"


class OffsetConflict(Conflict):
    """The upload stands elsewhere: ask for its offset and go on from there."""

    code = "offset_conflict"


class UploadBusy(Conflict):
    """Another request is writing to this upload."""

    code = "upload_busy"


class ChecksumMismatch(Chat4AllError):
    """The bytes that came are not those that were announced; they are not kept."""

    code = "checksum_mismatch"


class HarmfulFile(Chat4AllError):
    """A virus was found in the file; nothing of it was kept."""

    code = "harmful_file"


class TooLarge(Chat4AllError):
    """A body or a list over its stated limit."""

    code = "too_large"


class QuotaExceeded(TooLarge):
    """The files of this user would take more room than they may."""

    code = "quota_exceeded"


class Unreachable(Chat4AllError):
    """A recipient has no channel by which this message could go."""

    code = "no_channel"


class _Later(Chat4AllError):
    def __init__(self, detail: str, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(_Later):
    """Too many requests; `retry_after` is in seconds."""

    code = "rate_limited"


class Unavailable(_Later):
    """A part that is needed does not answer; nothing was accepted."""

    code = "unavailable"


class StorageFull(Unavailable):
    """The disk is full; nothing was accepted. Free space and repeat the request."""

    code = "storage_full"


class ChannelError(Chat4AllError):
    """A platform refused or did not answer.

    `retry` says whether the same send may succeed later, `retry_after` (seconds) is the platform's
    wish, `platform_error` its words without secrets, `reason` our own code, such as `blocked`. With
    `of_account` every chat of the account waits. `moved_to` is the address that the chat has now.
    """

    code = "channel_error"

    def __init__(
        self,
        detail: str,
        *,
        retry: bool,
        reason: str = "channel_error",
        retry_after: float | None = None,
        platform_error: Mapping[str, object] | None = None,
        of_account: bool = False,
        moved_to: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason, self.platform_error = reason, platform_error
        self.retry, self.retry_after = retry, retry_after
        self.of_account, self.moved_to = of_account, moved_to


class WebhookRejected(Chat4AllError):
    """A callback that does not prove that it comes from the platform."""

    code = "webhook_rejected"


class UnreadableRecord(Chat4AllError):
    """A log record that this version of the program cannot read: parked, never dropped."""

    code = "unreadable_record"


class StartRefused(Chat4AllError):
    """The program cannot start; the message says why and what to do."""

    code = "start_refused"


class BadSettings(StartRefused):
    """A setting is unknown, malformed or points to something that does not answer."""

    code = "bad_settings"


class EngineMissing(BadSettings):
    """A server that a setting names does not answer; the setting may be right."""

    code = "engine_missing"


class DataFolderInUse(StartRefused):
    """Another process holds the data folder."""

    code = "data_folder_in_use"


class MoveRefused(StartRefused):
    """What is kept cannot be moved as asked, or was not moved rightly; the source has it all."""

    code = "move_refused"


class SchemaTooNew(StartRefused):
    """The data was written by a newer version of the program."""

    code = "schema_too_new"


class StorageCorrupt(StartRefused):
    """A database file is damaged: see docs/howto/recover-a-corrupt-database.md."""

    code = "storage_corrupt"
