"""Where to find what, for OAuth 2 clients."""

from __future__ import annotations

from litestar import Controller, get

from chat4all.domain.api_keys import GRANTABLE
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.oauth import AuthorizationServer, PublicKey, PublicKeys

OPTIONS = {"public": True}


class Discovery(Controller):
    """`/.well-known`."""

    path = "/.well-known"
    tags = ("Authentication",)
    opt = OPTIONS

    @get("/oauth-authorization-server", operation_id="authorizationServer")
    async def authorization_server(self, deps: Deps) -> AuthorizationServer:
        """Tell clients what this authorization server can do (RFC 8414)."""
        issuer = deps.tokens.issuer
        return AuthorizationServer(
            issuer=issuer,
            token_endpoint=f"{issuer}/v1/auth/token",
            revocation_endpoint=f"{issuer}/v1/auth/revoke",
            introspection_endpoint=f"{issuer}/v1/auth/introspect",
            jwks_uri=f"{issuer}/.well-known/jwks.json",
            service_documentation=f"{issuer}/docs",
            grant_types_supported=["password", "refresh_token", "client_credentials"],
            response_types_supported=[],
            scopes_supported=["chat4all", *sorted(GRANTABLE)],
            token_endpoint_auth_methods_supported=[
                "none",
                "client_secret_basic",
                "client_secret_post",
            ],
            revocation_endpoint_auth_methods_supported=["none"],
            introspection_endpoint_auth_methods_supported=["bearer"],
        )

    @get("/jwks.json", operation_id="jwks")
    async def jwks(self, deps: Deps) -> PublicKeys:
        """Return the public keys that access tokens are signed with."""
        return PublicKeys(keys=[PublicKey(**key) for key in deps.tokens.jwks()["keys"]])
