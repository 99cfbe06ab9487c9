"""OAuth 2.

https://www.rfc-editor.org/rfc/rfc6749
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Field = Annotated[str, Meta(min_length=1, max_length=4_096, pattern="^[^\\u0000]*\\Z")]


class TokenRequest(Struct, frozen=True, kw_only=True):
    """The form of the token endpoint; which fields are needed follows from `grant_type`.

    password: `username`, `password`. refresh_token: `refresh_token`. client_credentials:
    `client_id`, `client_secret`, here or by HTTP Basic. Unknown fields are ignored.
    """

    grant_type: Field
    username: Field | UnsetType = UNSET
    password: Field | UnsetType = UNSET
    refresh_token: Field | UnsetType = UNSET
    client_id: Field | UnsetType = UNSET
    client_secret: Field | UnsetType = UNSET
    scope: Field | UnsetType = UNSET


class TokenQuestion(Struct, frozen=True, kw_only=True):
    """The form of revocation and introspection."""

    token: Field
    token_type_hint: Field | UnsetType = UNSET


class IssuedTokens(Struct, frozen=True, kw_only=True):
    """Tokens; `expires_in` is the life of the access token in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class Introspection(Struct, frozen=True, kw_only=True):
    """What a token is good for (RFC 7662); only `active` when it is not."""

    active: bool
    sub: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    username: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    token_type: str | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    iss: str | UnsetType = UNSET


class AuthorizationServer(Struct, frozen=True, kw_only=True):
    """What this server can do (RFC 8414)."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    service_documentation: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]


class PublicKey(Struct, frozen=True, kw_only=True):
    """An Ed25519 key (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class PublicKeys(Struct, frozen=True, kw_only=True):
    """A JWK set (RFC 7517)."""

    keys: list[PublicKey]
