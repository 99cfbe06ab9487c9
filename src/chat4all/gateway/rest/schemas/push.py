"""Devices that take pushes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import ConversationId
from chat4all.domain.push import PushKind, PushPreferences, PushSubscription, QuietHours
from chat4all.gateway.rest.schemas.text import NO_NUL, Uuid
from chat4all.gateway.rest.schemas.webhooks import Address
from chat4all.ports.push import PushOutcome, PushResult

Conversations = Annotated[list[Uuid], Meta(max_length=1_000)]
TimeOfDay = Annotated[
    str,
    Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]\\Z", description="Hours and minutes, 22:30."),
]
Zone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern="^[A-Za-z0-9_+/-]+\\Z",
        description="A time zone of IANA, such as Europe/Lisbon.",
    ),
]
Device = Annotated[str, Meta(max_length=100, extra_json_schema=NO_NUL)]
PublicKey = Annotated[str, Meta(min_length=87, max_length=88, pattern="^[A-Za-z0-9_-]{87}=?\\Z")]
AuthSecret = Annotated[
    str, Meta(min_length=22, max_length=24, pattern="^[A-Za-z0-9_-]{22}(==)?\\Z")
]

AppToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=4_096,
        pattern="^[A-Za-z0-9_:.-]+\\Z",
        description="Of `fcm` the registration token, of `apns` the device token in hexadecimal.",
    ),
]
Topic = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern="^[A-Za-z0-9.-]+\\Z",
        description="The app's bundle id, such as `org.example.chat`.",
    ),
]
Environment = Literal["production", "sandbox"]
_NEEDED: Mapping[PushKind, Mapping[str, str]] = {
    PushKind.WEB: {
        "endpoint": "the address that the subscription names",
        "keys": "the keys that the subscription names",
    },
    PushKind.FCM: {"token": "the app's registration token"},
    PushKind.APNS: {"token": "the device token in hexadecimal", "topic": "the app's bundle id"},
}
_ALLOWED: Mapping[PushKind, frozenset[str]] = {PushKind.APNS: frozenset({"environment"})}


class PushKey(Struct, frozen=True, kw_only=True):
    """What a browser subscribes with, its `applicationServerKey`: base64url of 65 bytes."""

    public_key: str


class PushKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a browser's subscription, as its `toJSON()` gives them."""

    p256dh: PublicKey
    auth: AuthSecret


class PushQuietHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `start` to before `end` on the clock of `time_zone`; over midnight if it ends earlier.

    What waits then is pushed at the end, one notification for each conversation.
    """

    start: TimeOfDay
    end: TimeOfDay
    time_zone: Zone


class PushWishes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one device wants.

    Nothing of `muted_conversations`, and unless it is null nothing but of `only_conversations`.
    Without `show_content` the notification says neither who wrote nor what.
    """

    muted_conversations: Conversations = []
    only_conversations: Conversations | None = None
    show_content: bool = True
    quiet_hours: PushQuietHours | None = None

    @classmethod
    def of(cls, wishes: PushPreferences) -> Self:
        """Return `wishes`."""
        quiet = (
            None
            if wishes.quiet is None
            else PushQuietHours(
                start=wishes.quiet.start.strftime("%H:%M"),
                end=wishes.quiet.end.strftime("%H:%M"),
                time_zone=wishes.quiet.zone,
            )
        )
        return cls(
            muted_conversations=list(wishes.muted),
            only_conversations=None if wishes.only is None else list(wishes.only),
            show_content=wishes.show_content,
            quiet_hours=quiet,
        )

    def meant(self) -> PushPreferences:
        """Return them in the words of the domain."""
        only, quiet = self.only_conversations, self.quiet_hours
        return PushPreferences(
            muted=_ids(self.muted_conversations),
            only=None if only is None else _ids(only),
            show_content=self.show_content,
            quiet=None
            if quiet is None
            else QuietHours(
                start=time.fromisoformat(quiet.start),
                end=time.fromisoformat(quiet.end),
                zone=quiet.time_zone,
            ),
        )


class NewPushSubscription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device, by its `kind`.

    Of `web` it is a browser's subscription, `endpoint` and `keys` as its `toJSON()` gives
    them; of `fcm` an app's `token`; of `apns` an app's `token`, its `topic` and, for an app
    that Xcode installed, the `environment` `sandbox`. Of `device` and `preferences` what is
    left out keeps what it was, when the device is known already.
    """

    kind: PushKind = PushKind.WEB
    endpoint: Address | UnsetType = UNSET
    keys: PushKeys | UnsetType = UNSET
    token: AppToken | UnsetType = UNSET
    topic: Topic | UnsetType = UNSET
    environment: Environment | UnsetType = UNSET
    device: Device = ""
    preferences: PushWishes | None = None

    def place(self) -> tuple[str, Mapping[str, str]]:
        """Return the endpoint and the keys, in the words of the domain.

        Raises `InvalidInput` unless what the kind needs is given, and nothing of another.
        """
        self._fits_its_kind()
        if isinstance(self.endpoint, str) and isinstance(self.keys, PushKeys):
            return self.endpoint, {"p256dh": self.keys.p256dh, "auth": self.keys.auth}
        token = self.token if isinstance(self.token, str) else ""
        if isinstance(self.topic, str):
            environment = self.environment or "production"
            return token.lower(), {"topic": self.topic, "environment": environment}
        return token, {}

    def _fits_its_kind(self) -> None:
        needed = _NEEDED[self.kind]
        allowed = needed.keys() | _ALLOWED.get(self.kind, frozenset())
        wrong = []
        for name in ("endpoint", "keys", "token", "topic", "environment"):
            given = getattr(self, name) is not UNSET
            if given and name not in allowed:
                wrong.append((f"/{name}", f"a device of the kind {self.kind} has none"))
            elif not given and name in needed:
                wrong.append((f"/{name}", f"it is missing: {needed[name]}"))
        if wrong:
            told = "; ".join(f"{name.removeprefix('/')}: {why}" for name, why in wrong)
            raise InvalidInput(f"this registers no device of the kind {self.kind}: {told}", wrong)


class PushSubscriptionChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays. `preferences` are replaced as a whole."""

    device: Device | UnsetType = UNSET
    preferences: PushWishes | UnsetType = UNSET


class PushSubscriptionObject(Struct, frozen=True, kw_only=True):
    """A device. Its address and its keys are not shown: whoever has them could push to it."""

    id: str
    kind: PushKind
    device: str
    preferences: PushWishes
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, subscription: PushSubscription) -> Self:
        """Return `subscription` without what nobody needs to know."""
        return cls(
            id=subscription.id,
            kind=subscription.kind,
            device=subscription.device,
            preferences=PushWishes.of(subscription.preferences),
            created_at=subscription.created_at,
            updated_at=subscription.updated_at,
        )


class PushSubscriptionList(Struct, frozen=True, kw_only=True):
    """All devices of the caller, oldest first."""

    items: list[PushSubscriptionObject]
    next: None = None


class PushTrial(Struct, frozen=True, kw_only=True):
    """What the push service answered, and why.

    It was `taken`, the device is `gone` and forgotten, `later` it may be taken, or `refused`.
    """

    result: PushResult
    detail: str

    @classmethod
    def of(cls, outcome: PushOutcome) -> Self:
        """Return `outcome`."""
        return cls(result=outcome.result, detail=outcome.detail)


def _ids(names: list[str]) -> tuple[ConversationId, ...]:
    return tuple(dict.fromkeys(ConversationId(one.lower()) for one in names))
