"""What an XMPP account needs to be told, and what it carries."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import PayloadType

CAPABILITIES = Capabilities(
    payloads=frozenset({PayloadType.TEXT}),
    max_text=10_000,
    replies=True,
    edits=True,
    deletes=True,
    reactions=True,
    typing=True,
    delivery_receipts=True,
    read_receipts=True,
)

_Jid = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[^@/\s]+@[^@/\s]+$")]


class XmppConfig(BaseModel):
    """One account. `host` is for servers that their domain's DNS does not name.

    `timeout` (seconds) limits one question to the server. Without `tls` all goes in clear:
    for a server on this machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    jid: _Jid
    password: SecretStr = Field(min_length=1)
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 5222
    tls: bool = True
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0

    def as_stored(self) -> dict[str, Any]:
        """Return the JSON object to keep as the account's config, the password in clear."""
        return {**self.model_dump(), "password": self.password.get_secret_value()}
