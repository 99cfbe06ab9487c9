"""What a WhatsApp account needs to be told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_PRODUCTION = "https://graph.facebook.com"
_SECRETS = ("access_token", "app_secret", "verify_token")

MetaId = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
"""An id of Meta's: digits, kept as text."""


class WhatsAppConfig(BaseModel):
    """The config of one business phone number.

    `access_token` is that of a system user; `app_secret` (App settings, Basic) signs the
    callbacks; `verify_token` is made up by whoever sets the callback address at Meta.
    `phone_number_id` is not the phone number: API Setup shows both. `timeout` (seconds)
    limits one call.
    """

    # Without hiding, an error about a mistyped token would show the token.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_token: SecretStr
    app_secret: SecretStr
    verify_token: SecretStr
    phone_number_id: MetaId
    business_account_id: MetaId | None = None
    api_base: Annotated[str, Field(pattern=r"^https?://[^\s{}]+$")] = _PRODUCTION
    api_version: Annotated[str, Field(pattern=r"^v[0-9]{1,3}\.[0-9]{1,2}$")] = "v23.0"
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0

    @field_validator(*_SECRETS)
    @classmethod
    def _check_secret(cls, secret: SecretStr) -> SecretStr:
        plain = secret.get_secret_value()
        if not (plain and plain.isascii() and plain.isprintable() and " " not in plain):
            raise ValueError("tokens and secrets are printable ASCII without spaces")
        return secret

    def as_stored(self) -> dict[str, Any]:
        """Return the JSON object to keep as the account's config, secrets in clear."""
        return {
            **self.model_dump(exclude=set(_SECRETS)),
            **{name: getattr(self, name).get_secret_value() for name in _SECRETS},
        }
