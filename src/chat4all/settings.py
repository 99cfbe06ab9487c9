"""Settings: URLs and numbers, read once from `CHAT4ALL_*` and an optional TOML file.

The environment wins over the file, and the options of a command over both. Every key has
its line in docs/reference/settings.md.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from chat4all.domain.errors import BadSettings

PREFIX = "CHAT4ALL_"
FILE_VARIABLE = "CHAT4ALL_CONFIG"
"""The environment variable that names the TOML file."""


class Settings(BaseSettings):
    """All settings of one process. A URL left empty means the embedded default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path("chat4all-data"), description="Folder of the embedded databases."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port; 0 takes a free one.")
    grpc_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of gRPC on the same address, 50051 by custom; 0 takes a free one, and "
        "without it gRPC is not served.",
    )
    grpc_tls_certificate: str = Field(
        default="",
        description="PEM file with the certificate chain of gRPC; empty: no TLS.",
    )
    grpc_tls_key: str = Field(default="", description="PEM file with the key of that certificate.")
    public_url: str = Field(
        default="",
        description="Address clients and platforms reach this server at, such as "
        "https://chat.example.org; empty: http://HOST:PORT.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses or networks of proxies, separated by commas, that are believed "
        "when they say who asks (X-Forwarded-For); empty: none.",
    )
    log_url: str = Field(
        default="",
        description="Event log: sqlite:///FILE, memory:// or "
        "kafka://[USER:PASSWORD@]HOST:9092/PREFIX?partitions=16.",
    )
    messages_url: str = Field(
        default="",
        description="Messages and records of files: sqlite:///FILE, memory:// or "
        "mongodb://[USER:PASSWORD@]HOST:27017/DATABASE.",
    )
    directory_url: str = Field(
        default="",
        description="Users and conversations: sqlite:///FILE, memory://, "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE or cockroachdb://...",
    )
    ephemeral_url: str = Field(
        default="memory://",
        description="Presence, limits, signals between nodes: memory://, "
        "redis://[USER:PASSWORD@]HOST:PORT/DB or rediss://...",
    )
    objects_url: str = Field(
        default="",
        description="Bytes of files: file:///FOLDER or s3://BUCKET?endpoint=https://HOST; empty: "
        "objects in the data folder.",
    )
    files_url: str = Field(
        default="",
        description="Address clients reach the role `files` at, where it runs by itself; "
        "empty: this server's own.",
    )
    media_workers: int = Field(
        default=2,
        ge=0,
        le=64,
        description="Files that are looked into at a time, each in a process of its own, for "
        "sizes and thumbnails; 0 tells their type alone.",
    )
    clamav_url: str = Field(
        default="",
        description="Virus scanner that is asked about every file: tcp://HOST:PORT or "
        "unix:///SOCKET of clamd; empty: none.",
    )
    file_quota_bytes: int = Field(
        default=20 * 1024**3,
        ge=0,
        description="Bytes that the files of one user may take; 0 sets no limit.",
    )
    file_link_hours: float = Field(
        default=168.0,
        gt=0,
        description="Hours that a link works which a channel gets instead of a file.",
    )
    upload_expiry_hours: float = Field(
        default=24.0, gt=0, description="Hours after which an unfinished upload is removed."
    )
    upload_stall_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Seconds within which 16 KiB of an upload must come, or the request ends.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(?i:debug|info|warning|error)$",
        description="Least severe log line: debug, info, warning or error.",
    )
    log_format: str = Field(
        default="auto",
        pattern="^(auto|json|text)$",
        description="json, text, or auto: text on a terminal and json elsewhere.",
    )
    otlp_endpoint: str = Field(
        default="",
        description="OpenTelemetry Collector that gets traces and metrics by OTLP over HTTP, "
        "such as http://collector:4318; empty: none, and nothing is traced.",
    )
    trace_ratio: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Part of the traces that begin here which is recorded, 0 to 1; one that a "
        "caller began is recorded when the caller says so.",
    )
    service_name: str = Field(
        default="chat4all",
        pattern="^[A-Za-z0-9._-]{1,64}$",
        description="Name of the service in traces, metrics and logs.",
    )
    environment: str = Field(
        default="",
        pattern="^[A-Za-z0-9._-]{0,64}$",
        description="Environment in traces, metrics and logs, such as production.",
    )
    telegram_api: str = Field(
        default="https://api.telegram.org",
        description="Address of the Bot API for accounts that name none; point it at "
        "`chat4all simulate telegram` to develop without an account.",
    )
    telegram_token: SecretStr | None = Field(
        default=None,
        description="Token of a bot to connect at the start, owned by the first administrator.",
    )
    whatsapp_api: str = Field(
        default="https://graph.facebook.com",
        description="Address of the Graph API for WhatsApp accounts that name none; point it "
        "at `chat4all simulate whatsapp` to develop without an account.",
    )
    phone_region: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country of phone numbers that name none, such as BR; empty: they are refused.",
    )
    sender_rate: float = Field(
        default=200.0, gt=0, description="Messages one user may send per second."
    )
    conversation_rate: float = Field(
        default=500.0, gt=0, description="Messages one conversation takes per second."
    )
    backlog: int = Field(
        default=50_000,
        gt=0,
        description="Messages that may wait to be stored before senders get 503.",
    )
    sign_in_per_minute: float = Field(
        default=20.0,
        gt=0,
        description="Sign-ins per minute that one address may try for one username.",
    )
    api_key_per_minute: int = Field(
        default=6_000, gt=0, description="Calls a minute that an API key may be made good for."
    )
    webhook_networks: str = Field(
        default="",
        description="Networks of your own, separated by commas, that webhook endpoints may lie "
        "in, also without TLS; empty: the public network alone.",
    )
    vapid_private_key: SecretStr | None = Field(
        default=None,
        description="Private key by which browsers know this server's pushes, 32 bytes in "
        "base64url; empty: one that is made at the first start.",
    )
    push_contact: str = Field(
        default="",
        pattern=r"^((mailto:|https://)\S+)?$",
        description="Where operators of push services may complain: mailto:ADDRESS or an https "
        "address; empty: CHAT4ALL_PUBLIC_URL where it is https.",
    )
    fcm_credentials: str = Field(
        default="",
        description="JSON file of the service account by which pushes go to apps by Firebase "
        "Cloud Messaging; empty: none do.",
    )
    fcm_api: str = Field(
        default="https://fcm.googleapis.com", description="Address of Firebase Cloud Messaging."
    )
    apns_key: str = Field(
        default="",
        description="File AuthKey_....p8 by which pushes go to apps by Apple; empty: none do.",
    )
    apns_key_id: str = Field(default="", description="Apple's id of that key.")
    apns_team_id: str = Field(default="", description="Apple's id of the team that has the key.")
    apns_topics: str = Field(default="", description="Bundle ids of the apps, separated by commas.")
    apns_api: str = Field(
        default="",
        description="Address of a stand-in for both of Apple's services; empty: Apple's own.",
    )
    audit_rate: float = Field(
        default=1_000.0,
        ge=0,
        description="Records a second that the auditor looks at, to prove that all promises are "
        "kept; 0 switches it off.",
    )
    audit_grace_seconds: float = Field(
        default=3_600.0,
        ge=0,
        description="Seconds past its deadline after which a status counts as stuck.",
    )
    canary: str = Field(
        default="",
        pattern=r"^\s*(?:[a-z0-9_-]+:\S+\s*)*$",
        description="Chats of your own, as PLATFORM:ADDRESS with spaces between, among which "
        "messages are sent to measure how long they take; empty: none.",
    )
    canary_seconds: float = Field(
        default=300.0, gt=0, description="Seconds between two rounds of the canary."
    )
    log_retention_days: float = Field(
        default=7.0, gt=0, description="Days for which processed log records are kept."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the options and the environment; the file is merged by `load_settings`."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def address(self) -> str:
        """Return the public address, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def can_be_called(self) -> bool:
        """Return whether a platform can call back: at an https address alone."""
        return self.public_url.startswith("https://")


def load_settings(
    options: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of this process.

    `options` are those given on the command line; None means not given. Raises
    `BadSettings` naming the key, also for one that does not exist.
    """
    environment = os.environ if environment is None else environment
    given = {
        **_from_file(environment.get(FILE_VARIABLE)),
        **_from_environment(environment),
        **{name: value for name, value in options.items() if value is not None},
    }
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise BadSettings("; ".join(_explain(one) for one in error.errors())) from error
    _check_urls(settings)
    _check_networks("trusted_proxies", settings.trusted_proxies)
    _check_networks("webhook_networks", settings.webhook_networks)
    if bool(settings.grpc_tls_certificate) != bool(settings.grpc_tls_key):
        raise BadSettings(
            f"{PREFIX}GRPC_TLS_CERTIFICATE and {PREFIX}GRPC_TLS_KEY go together: set both or none"
        )
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in Settings.model_fields:
            if name in _ELSEWHERE:
                continue
            raise BadSettings(
                f"there is no setting {variable}; `chat4all settings` lists those there are"
            )
        found[name] = value
    return found


_ELSEWHERE = frozenset({"require_backends", "test_cache", "username", "password", "token", "url"})
"""Variables of the test suite and of the command line, which are no settings of the program."""


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise BadSettings(f"{FILE_VARIABLE}: cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{FILE_VARIABLE}: {path} is not TOML: {error}") from error


def _explain(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"there is no setting {name}; `chat4all settings` lists those there are"
    return f"{PREFIX}{name.upper()}: {error['msg']}"


SCHEMES = {
    "log_url": ("sqlite", "memory", "kafka"),
    "messages_url": ("sqlite", "memory", "mongodb", "mongodb+srv"),
    "directory_url": ("sqlite", "memory", "postgresql", "cockroachdb"),
    "ephemeral_url": ("memory", "redis", "rediss"),
    "objects_url": ("file", "s3"),
    "clamav_url": ("tcp", "unix"),
    "otlp_endpoint": ("http", "https"),
}


def _check_urls(settings: Settings) -> None:
    for name, schemes in SCHEMES.items():
        url = getattr(settings, name)
        try:
            scheme = urlsplit(url).scheme
        except ValueError:  # its text may quote a password
            raise BadSettings(f"{PREFIX}{name.upper()} is no address") from None
        if url and scheme not in schemes:
            allowed = " or ".join(f"{one}://" for one in schemes)
            raise BadSettings(
                f"{PREFIX}{name.upper()}: {scheme or 'this'} is not supported; use {allowed}"
            )
    if settings.otlp_endpoint and not _names_a_place(settings.otlp_endpoint):
        raise BadSettings(
            f"{PREFIX}OTLP_ENDPOINT: {settings.otlp_endpoint} names no place; use http://HOST:4318"
        )
    if settings.clamav_url and not _names_a_place(settings.clamav_url):
        raise BadSettings(
            f"{PREFIX}CLAMAV_URL: {settings.clamav_url} names no place; use tcp://HOST:PORT or "
            "unix:///PATH"
        )


def _check_networks(name: str, addresses: str) -> None:
    for one in filter(None, addresses.split(",")):
        try:
            ip_network(one.strip())
        except ValueError as error:
            raise BadSettings(f"{PREFIX}{name.upper()}: {error}; write 10.0.0.0/8") from error


def _names_a_place(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.path if parts.scheme == "unix" else parts.hostname and parts.port != 0)
    except ValueError:  # a port that is no number
        return False
