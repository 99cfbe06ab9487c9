"""Administration."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType, convert

from chat4all.domain.directory import Account
from chat4all.gateway.rest.schemas.text import JsonObject, Name, Platform, Username, Uuid
from chat4all.gateway.rest.schemas.users import OwnUser
from chat4all.services.account_health import Health
from chat4all.services.audit.notes import Notes
from chat4all.services.roster import Process


class ConnectorInfo(Struct, frozen=True, kw_only=True):
    """An installed connector and what its channel can carry.

    `source` is the package it came with. `secret` is the key of its config that a person is
    to be asked for, null when there is none.
    """

    platform: str
    source: str
    secret: str | None
    payloads: list[str]
    max_text: int
    replies: bool
    edits: bool
    deletes: bool
    reactions: bool
    delivery_receipts: bool
    read_receipts: bool


class ConnectorInfos(Struct, frozen=True, kw_only=True):
    """The installed connectors; one page."""

    items: list[ConnectorInfo]
    next: str | None = None


class NewAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bot or number to connect; `owner_id` (the caller) gets messages from strangers."""

    platform: Platform
    name: Name
    config: JsonObject = {}
    owner_id: Uuid | None = None


class AccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; `config` replaces the keys that it names."""

    name: Name | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    config: JsonObject | UnsetType = UNSET


class ConnectorAccount(Struct, frozen=True, kw_only=True):
    """A connected bot or number; of its config only the keys are shown.

    `state` is one of starting, connected, degraded, deaf, logged_out, banned and disabled,
    or null where no server runs it; `reason` says why it is not connected.
    """

    id: str
    platform: str
    name: str
    owner_id: str
    enabled: bool
    config_keys: list[str]
    created_at: datetime
    updated_at: datetime
    state: str | None
    state_since: datetime | None
    reason: str
    last_inbound_at: datetime | None
    last_outbound_at: datetime | None

    @classmethod
    def of(cls, account: Account, health: Health | None) -> Self:
        """Return `account` without its secrets."""
        return cls(
            id=account.id,
            platform=account.platform,
            name=account.name,
            owner_id=account.owner_id,
            enabled=account.enabled,
            config_keys=sorted(account.config),
            created_at=account.created_at,
            updated_at=account.updated_at,
            state=health.state.value if health else None,
            state_since=health.since if health else None,
            reason=health.reason if health else "",
            last_inbound_at=health.last_inbound_at if health else None,
            last_outbound_at=health.last_outbound_at if health else None,
        )


class ConnectorAccounts(Struct, frozen=True, kw_only=True):
    """All accounts, oldest first; one page."""

    items: list[ConnectorAccount]
    next: str | None = None


class IntegrityFinding(Struct, frozen=True, kw_only=True):
    """One broken promise."""

    check: str
    conversation_id: str | None
    detail: str


class IntegrityReport(Struct, frozen=True, kw_only=True):
    """What was looked at, how many findings per check, and the first 100 of them."""

    counts: dict[str, int]
    findings: dict[str, int]
    first: list[IntegrityFinding]


class ProvenPart(Struct, frozen=True, kw_only=True):
    """One kind of what is stored, and how far it is proven.

    `looked` counts the records of the running pass; `cycle_seconds` is how long the last
    whole one took.
    """

    part: str
    proven_until: datetime | None
    cycle_seconds: float | None
    looked: int


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One broken promise; `seen_at` is when it was last there."""

    check: str
    conversation_id: str | None
    detail: str
    found_at: datetime
    seen_at: datetime


class CanaryMessage(Struct, frozen=True, kw_only=True):
    """The last message of the canary from one channel to another.

    `outcome` is one of delivered, late and failed; `seconds` is from accepted to delivered.
    """

    source: str
    target: str
    outcome: str
    seconds: float | None
    at: datetime


class Integrity(Struct, frozen=True, kw_only=True):
    """What the auditor knows.

    All that was accepted or stored before `proven_until` has been looked at; null until each
    part was gone through once. `looked_at` is when the auditor was last at work. `latest` has
    the findings that hold, the newest first, up to 100; `findings` counts all by check.
    """

    proven_until: datetime | None
    looked_at: datetime | None
    parts: list[ProvenPart]
    findings: dict[str, int]
    latest: list[AuditFinding]
    canary: list[CanaryMessage]

    @classmethod
    def of(cls, notes: Notes) -> Self:
        """Return `notes` for operators."""
        return cls(
            proven_until=notes.proven_until(),
            looked_at=notes.looked_at,
            parts=[
                ProvenPart(
                    part=name,
                    proven_until=one.proven_until,
                    cycle_seconds=one.cycle_seconds,
                    looked=one.looked,
                )
                for name, one in notes.courses.items()
            ],
            findings=notes.open_findings(),
            latest=convert(notes.latest, list[AuditFinding], from_attributes=True),
            canary=convert(notes.canary, list[CanaryMessage], from_attributes=True),
        )


class UserPage(Struct, frozen=True, kw_only=True):
    """All who can sign in, by id."""

    items: list[OwnUser]
    next: str | None


class NewService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that signs in with client_credentials."""

    username: Username
    display_name: Name
    admin: bool = False


class CreatedService(Struct, frozen=True, kw_only=True):
    """The program and its secret, which is shown only this once."""

    user: OwnUser
    client_id: str
    client_secret: str


class Node(Struct, frozen=True, kw_only=True):
    """A process of the deployment; `missing` is what it needs and does not reach, and why."""

    name: str
    version: str
    roles: Annotated[list[str], Meta(min_length=1)]
    started_at: datetime
    missing: dict[str, str]

    @classmethod
    def of(cls, process: Process) -> Self:
        """Return `process` as the API shows it."""
        return cls(
            name=process.name,
            version=process.version,
            roles=list(process.roles),
            started_at=process.started_at,
            missing=dict(process.missing),
        )


class Nodes(Struct, frozen=True, kw_only=True):
    """The processes that run; one page."""

    items: list[Node]
    next: str | None = None
