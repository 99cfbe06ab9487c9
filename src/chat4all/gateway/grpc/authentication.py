"""Signing up, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chat4all.gateway.grpc import questions
from chat4all.gateway.grpc.calls import Call, asked
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.generated import auth_service_pb2 as pb
from chat4all.gateway.rest.schemas.users import OwnUser, Registration
from chat4all.services.sign_in import Grant

Result = Mapping[str, Any]


class AuthCalls:
    """`chat4all.v1.AuthService`."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._sign_up = deps.rest.sign_up
        self._sign_in = deps.rest.sign_in

    async def register(
        self, request: pb.RegisterRequest, call: Call[pb.RegisterResponse]
    ) -> Result:
        """Make an account."""
        wanted = asked(request, Registration)
        user = await self._sign_up(
            username=wanted.username,
            password=wanted.password,
            display_name=wanted.display_name,
            email=wanted.email,
            source=call.source,
        )
        return {"user": OwnUser.of(user)}

    async def sign_in(self, request: pb.SignInRequest, call: Call[pb.SignInResponse]) -> Result:
        """Trade a person's password for tokens."""
        proof = asked(request, questions.SignIn)
        grant = await self._sign_in.with_password(
            proof.username, proof.password, source=call.source
        )
        return _tokens(grant)

    async def sign_in_service(
        self, request: pb.SignInServiceRequest, call: Call[pb.SignInServiceResponse]
    ) -> Result:
        """Trade a service's secret for a token."""
        proof = asked(request, questions.SignInService)
        grant = await self._sign_in.with_client_secret(
            proof.client_id, proof.client_secret, source=call.source
        )
        return _tokens(grant)

    async def refresh_token(
        self, request: pb.RefreshTokenRequest, call: Call[pb.RefreshTokenResponse]
    ) -> Result:
        """Trade a refresh token for new tokens."""
        del call
        wanted = asked(request, questions.Refresh)
        return _tokens(await self._sign_in.with_refresh_token(wanted.refresh_token))

    async def revoke_token(
        self, request: pb.RevokeTokenRequest, call: Call[pb.RevokeTokenResponse]
    ) -> Result:
        """End the sign-in that a token stems from."""
        del call
        await self._sign_in.revoke(asked(request, questions.Revoke).token)
        return {}


def _tokens(grant: Grant) -> Result:
    told = {
        "access_token": grant.access_token,
        "expires_in": grant.expires_in,
        "scope": grant.scope,
        "refresh_token": grant.refresh_token,
    }
    return {"tokens": told}
