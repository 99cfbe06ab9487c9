"""The address of a bucket: `s3://bucket/prefix?endpoint=https://host&region=name`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from chat4all.domain.errors import BadSettings

_FORM = "s3://BUCKET[/PREFIX][?endpoint=https://HOST&region=NAME]"
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Where a bucket is. `prefix` is empty or ends with a slash; no credentials in it.

    Without an endpoint it is Amazon's; without a region it is what AWS_REGION or
    AWS_DEFAULT_REGION says, else us-east-1.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None

    @classmethod
    def read(cls, url: str) -> BucketAddress:
        """Read an address. Raises `BadSettings`, which does not repeat what may be secret."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
            if "@" in parts.netloc:
                raise BadSettings(_no_secrets("the address"))
            raise BadSettings(f"CHAT4ALL_OBJECTS_URL: the address of a bucket is {_FORM}")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        endpoint, region = options.pop("endpoint", None), options.pop("region", None)
        if options:
            raise BadSettings(
                f"CHAT4ALL_OBJECTS_URL: there is no option {min(options)!r}; use {_FORM}"
            )
        if endpoint is not None:
            _check_endpoint(endpoint)
        prefix = unquote(parts.path).strip("/")
        return cls(
            bucket=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=endpoint,
            region=region,
        )

    def __str__(self) -> str:
        """Return it for people."""
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"bucket {self.bucket}{at}"


def _check_endpoint(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if "@" in parts.netloc:
        raise BadSettings(_no_secrets("the endpoint"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSettings("CHAT4ALL_OBJECTS_URL: endpoint is an address such as https://s3.host")


def _no_secrets(where: str) -> str:
    return (
        f"CHAT4ALL_OBJECTS_URL: {where} holds credentials, and addresses get into logs; put them "
        "into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
