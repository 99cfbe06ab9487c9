"""What a Telegram account needs to be told."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_PRODUCTION = "https://api.telegram.org"


def _new_secret() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


class TelegramConfig(BaseModel):
    """The config of one bot.

    `token` comes from @BotFather. `webhook_secret` is what Telegram shows us with every
    callback; one is made when it is left out, so keep `as_stored()`, not the input.
    `timeout` (seconds) limits one call. Telegram sends as many callbacks at a time as
    `webhook_connections` says: with more than 1, messages may arrive out of order.
    """

    # Without hiding, an error about a mistyped token would show the token.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr
    webhook_secret: SecretStr = Field(default_factory=_new_secret)
    api_base: Annotated[str, Field(pattern=r"^https?://[^\s{}]+$")] = _PRODUCTION
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    webhook_connections: Annotated[int, Field(ge=1, le=100)] = 1

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: SecretStr) -> SecretStr:
        number, _, tail = token.get_secret_value().partition(":")
        if not (number.isascii() and number.isdigit() and tail.isascii() and tail.isprintable()):
            raise ValueError("a bot token looks like 123456:ABC-DEF; copy it from @BotFather")
        if not tail or set(tail) & set(" /?#{}"):
            raise ValueError("a bot token has no spaces or slashes; copy it from @BotFather")
        return token

    @field_validator("webhook_secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr) -> SecretStr:
        # https://core.telegram.org/bots/api#setwebhook (secret_token)
        plain = secret.get_secret_value()
        bare = plain.replace("_", "").replace("-", "")
        if not (len(plain) <= 256 and bare.isascii() and bare.isalnum()):  # noqa: PLR2004 - Telegram's
            raise ValueError("a webhook secret is 1 to 256 of A-Z, a-z, 0-9, _ and -")
        return secret

    def as_stored(self) -> dict[str, Any]:
        """Return the JSON object to keep as the account's config, secrets in clear."""
        return {
            **self.model_dump(exclude={"token", "webhook_secret"}),
            "token": self.token.get_secret_value(),
            "webhook_secret": self.webhook_secret.get_secret_value(),
        }
