import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliveryStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATUS_UNSPECIFIED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_ACCEPTED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_SENT: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_DELIVERED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_READ: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_FAILED: _ClassVar[DeliveryStatus]
DELIVERY_STATUS_UNSPECIFIED: DeliveryStatus
DELIVERY_STATUS_ACCEPTED: DeliveryStatus
DELIVERY_STATUS_SENT: DeliveryStatus
DELIVERY_STATUS_DELIVERED: DeliveryStatus
DELIVERY_STATUS_READ: DeliveryStatus
DELIVERY_STATUS_FAILED: DeliveryStatus

class TextPayload(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class FilePayload(_message.Message):
    __slots__ = ("file_id", "caption", "name")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    caption: str
    name: str
    def __init__(self, file_id: _Optional[str] = ..., caption: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class LocationPayload(_message.Message):
    __slots__ = ("latitude", "longitude", "name")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    name: str
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., name: _Optional[str] = ...) -> None: ...

class ContactPayload(_message.Message):
    __slots__ = ("name", "phone", "email")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    phone: str
    email: str
    def __init__(self, name: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class TemplatePayload(_message.Message):
    __slots__ = ("name", "language", "parameters", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    language: str
    parameters: _containers.RepeatedScalarFieldContainer[str]
    text: str
    def __init__(self, name: _Optional[str] = ..., language: _Optional[str] = ..., parameters: _Optional[_Iterable[str]] = ..., text: _Optional[str] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ("text", "image", "video", "audio", "document", "location", "contact", "template")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    text: TextPayload
    image: FilePayload
    video: FilePayload
    audio: FilePayload
    document: FilePayload
    location: LocationPayload
    contact: ContactPayload
    template: TemplatePayload
    def __init__(self, text: _Optional[_Union[TextPayload, _Mapping]] = ..., image: _Optional[_Union[FilePayload, _Mapping]] = ..., video: _Optional[_Union[FilePayload, _Mapping]] = ..., audio: _Optional[_Union[FilePayload, _Mapping]] = ..., document: _Optional[_Union[FilePayload, _Mapping]] = ..., location: _Optional[_Union[LocationPayload, _Mapping]] = ..., contact: _Optional[_Union[ContactPayload, _Mapping]] = ..., template: _Optional[_Union[TemplatePayload, _Mapping]] = ...) -> None: ...

class Failover(_message.Message):
    __slots__ = ("deliver_within", "read_within")
    DELIVER_WITHIN_FIELD_NUMBER: _ClassVar[int]
    READ_WITHIN_FIELD_NUMBER: _ClassVar[int]
    deliver_within: float
    read_within: float
    def __init__(self, deliver_within: _Optional[float] = ..., read_within: _Optional[float] = ...) -> None: ...

class NewMessage(_message.Message):
    __slots__ = ("conversation_id", "payload", "message_id", "to", "channels", "reply_to", "failover", "metadata")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    FAILOVER_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    payload: Payload
    message_id: str
    to: _containers.RepeatedScalarFieldContainer[str]
    channels: _containers.RepeatedScalarFieldContainer[str]
    reply_to: str
    failover: Failover
    metadata: _struct_pb2.Struct
    def __init__(self, conversation_id: _Optional[str] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ..., message_id: _Optional[str] = ..., to: _Optional[_Iterable[str]] = ..., channels: _Optional[_Iterable[str]] = ..., reply_to: _Optional[str] = ..., failover: _Optional[_Union[Failover, _Mapping]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("emoji", "user_ids")
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    emoji: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, emoji: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("message_id", "conversation_id", "seq", "sender_id", "channel", "payload", "to", "reply_to", "metadata", "status", "created_at", "edited_at", "deleted_at", "reactions")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SENDER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EDITED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_AT_FIELD_NUMBER: _ClassVar[int]
    REACTIONS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    conversation_id: str
    seq: int
    sender_id: str
    channel: str
    payload: Payload
    to: _containers.RepeatedScalarFieldContainer[str]
    reply_to: str
    metadata: _struct_pb2.Struct
    status: DeliveryStatus
    created_at: _timestamp_pb2.Timestamp
    edited_at: _timestamp_pb2.Timestamp
    deleted_at: _timestamp_pb2.Timestamp
    reactions: _containers.RepeatedCompositeFieldContainer[Reaction]
    def __init__(self, message_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., seq: _Optional[int] = ..., sender_id: _Optional[str] = ..., channel: _Optional[str] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ..., to: _Optional[_Iterable[str]] = ..., reply_to: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., status: _Optional[_Union[DeliveryStatus, str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., edited_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reactions: _Optional[_Iterable[_Union[Reaction, _Mapping]]] = ...) -> None: ...

class DeliveryError(_message.Message):
    __slots__ = ("code", "text", "platform_error")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_ERROR_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    platform_error: _struct_pb2.Struct
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., platform_error: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class StatusLine(_message.Message):
    __slots__ = ("user_id", "channel", "status", "at", "external_id", "error", "note")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    channel: str
    status: DeliveryStatus
    at: _timestamp_pb2.Timestamp
    external_id: str
    error: DeliveryError
    note: str
    def __init__(self, user_id: _Optional[str] = ..., channel: _Optional[str] = ..., status: _Optional[_Union[DeliveryStatus, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., external_id: _Optional[str] = ..., error: _Optional[_Union[DeliveryError, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...
