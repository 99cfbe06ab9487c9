"""Signing up, in and out: OAuth 2 with JSON answers."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from urllib.parse import unquote_plus

from litestar import Controller, MediaType, Response, post
from litestar.enums import RequestEncodingType
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, URLEncodedBody
from msgspec import UNSET, UnsetType

from chat4all.domain.errors import InsufficientScope, Unauthenticated
from chat4all.gateway.rest.bearer import Caller
from chat4all.gateway.rest.deps import Deps, RestDeps
from chat4all.gateway.rest.problems import OAuthError
from chat4all.gateway.rest.request import ApiRequest, check_media_type
from chat4all.gateway.rest.schemas.oauth import (
    Introspection,
    IssuedTokens,
    TokenQuestion,
    TokenRequest,
)
from chat4all.gateway.rest.schemas.users import OwnUser, Registration
from chat4all.services.sign_in import Grant

FORM = RequestEncodingType.URL_ENCODED
EMPTY = {200: ResponseSpec(None, description="The token is good for nothing now.")}
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TokenForm = URLEncodedBody[TokenRequest]
QuestionForm = URLEncodedBody[TokenQuestion]


class Authentication(Controller):
    """`/v1/auth`."""

    path = "/v1/auth"
    tags = ("Authentication",)

    @post("/register", operation_id="register", public=True, problems=(409,))
    async def register(
        self, request: ApiRequest, data: JSONBody[Registration], deps: Deps
    ) -> OwnUser:
        """Make an account."""
        user = await deps.sign_up(
            username=data.username,
            password=data.password,
            display_name=data.display_name,
            email=data.email,
            source=_source(request),
        )
        return OwnUser.of(user)

    @post(
        "/token",
        operation_id="token",
        public=True,
        oauth=True,
        status_code=200,
        problems=(401,),
    )
    async def token(
        self, request: ApiRequest, data: TokenForm, deps: Deps
    ) -> Response[IssuedTokens]:
        """Trade a password, a refresh token, a client secret or an API key for tokens."""
        check_media_type(request, FORM.value)
        try:
            grant = await _grant(request, data, deps)
        except InsufficientScope as error:
            raise OAuthError("invalid_scope", str(error)) from error
        except Unauthenticated as error:
            if data.grant_type == "client_credentials":
                basic = "authorization" in request.headers
                status = HTTPStatus.UNAUTHORIZED
                raise OAuthError("invalid_client", str(error), status, basic=basic) from error
            raise OAuthError("invalid_grant", str(error)) from error
        answer = IssuedTokens(
            access_token=grant.access_token,
            token_type="Bearer",  # noqa: S106 - a kind, not a secret
            expires_in=grant.expires_in,
            scope=grant.scope,
            refresh_token=grant.refresh_token or UNSET,
        )
        return Response(answer, headers=NO_STORE)

    @post("/revoke", operation_id="revokeToken", public=True, status_code=200, responses=EMPTY)
    async def revoke(self, request: ApiRequest, data: QuestionForm, deps: Deps) -> Response[bytes]:
        """End an API key, or the sign-in that a token stems from; an unknown one is no error."""
        check_media_type(request, FORM.value)
        await deps.sign_in.revoke(data.token)
        return Response(b"", media_type=MediaType.TEXT, headers=NO_STORE)

    @post("/introspect", operation_id="introspectToken", status_code=200)
    async def introspect(
        self, request: ApiRequest, data: QuestionForm, deps: Deps, caller: Caller
    ) -> Response[Introspection]:
        """Tell what a token is good for: one's own; services may ask about any."""
        check_media_type(request, FORM.value)
        facts = await deps.sign_in.introspect(data.token, by=caller)
        if facts is None:
            return Response(Introspection(active=False), headers=NO_STORE)
        return Response(
            Introspection(
                active=True,
                sub=facts.user_id,
                scope=facts.scope,
                exp=facts.exp,
                username=facts.username or UNSET,
                token_type=facts.token_type,
                jti=facts.token_id or UNSET,
                iss=deps.tokens.issuer,
            ),
            headers=NO_STORE,
        )


async def _grant(request: ApiRequest, form: TokenRequest, deps: RestDeps) -> Grant:
    source = _source(request)
    if form.grant_type == "password":
        username, password = _need(username=form.username, password=form.password)
        return await deps.sign_in.with_password(username, password, source=source)
    if form.grant_type == "refresh_token":
        [refresh_token] = _need(refresh_token=form.refresh_token)
        return await deps.sign_in.with_refresh_token(refresh_token)
    if form.grant_type == "client_credentials":
        client_id, secret = _basic(request) or (form.client_id, form.client_secret)
        client_id, secret = _need(client_id=client_id, client_secret=secret)
        scope = None if isinstance(form.scope, UnsetType) else form.scope
        return await deps.sign_in.with_client_secret(client_id, secret, scope=scope, source=source)
    known = "password, refresh_token or client_credentials"
    raise OAuthError("unsupported_grant_type", f"`grant_type` is {known}")


def _need(**fields: str | UnsetType) -> list[str]:
    missing = [name for name, value in fields.items() if isinstance(value, UnsetType)]
    if missing:
        raise OAuthError("invalid_request", f"this grant needs {' and '.join(missing)}")
    return [value for value in fields.values() if not isinstance(value, UnsetType)]


def _basic(request: ApiRequest) -> tuple[str, str] | None:
    """Return the client credentials of HTTP Basic (RFC 6749 section 2.3.1), if given."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        status = HTTPStatus.UNAUTHORIZED
        raise OAuthError("invalid_client", "malformed HTTP Basic", status, basic=True) from error
    return unquote_plus(name), unquote_plus(secret)


def _source(request: ApiRequest) -> str:
    return request.client.host if request.client else "unknown"
