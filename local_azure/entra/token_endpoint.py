"""The tenant's token endpoints: client credentials and on-behalf-of grants.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow. The v1.0 endpoint takes `resource`
instead of `scope` and returns all values as strings. Only the v2.0 endpoint supports on-behalf-of grants.
"""

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.entra.assertions import AssertionValidator
from local_azure.entra.client_authentication import ClientAuthenticator, Form, required
from local_azure.entra.errors import NO_STORE, TokenRequestError, error_response
from local_azure.entra.scopes import parse_scope
from local_azure.entra.token_issuer import LIFETIME, Token, TokenIssuer
from local_azure.serving.request_body import BodyTooLarge, read_body
from local_azure.tenant.directory import Directory

DEFAULT = "/.default"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

log = logging.getLogger(__name__)


class TokenEndpoint:
    """The token endpoints v1.0 and v2.0."""

    def __init__(self, directory: Directory, issuer: TokenIssuer, assertions: AssertionValidator) -> None:
        self._directory = directory
        self._issuer = issuer
        self._assertions = assertions
        self._clients = ClientAuthenticator(directory, assertions)

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app. A request for an unknown tenant gets an AADSTS error, not a 404."""
        return [
            Route("/{tenant}/oauth2/token", self.version_1, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/token", self.version_2, methods=["POST"]),
        ]

    async def version_1(self, request: Request) -> JSONResponse:
        """POST /{tenant id}/oauth2/token"""
        return await self._respond(request, {"client_credentials": self._by_resource}, _body_v1)

    async def version_2(self, request: Request) -> JSONResponse:
        """POST /{tenant id}/oauth2/v2.0/token"""
        grants = {"client_credentials": self._by_scope, JWT_BEARER: self._on_behalf_of}
        return await self._respond(request, grants, _body_v2)

    async def _respond(
        self,
        request: Request,
        grants: Mapping[str, Callable[[Form], Token]],
        body: Callable[[Token, int], dict[str, object]],
    ) -> JSONResponse:
        try:
            self._check_tenant(request.path_params["tenant"])
            form = await _form(request)
            _check_claims(form)
            grant = grants.get(required(form, "grant_type"))
            if grant is None:
                raise TokenRequestError(70003, grant=form["grant_type"])
            token = grant(form)
        except TokenRequestError as error:
            log.warning("token request rejected: %s", error.text)
            return error_response(error)
        return JSONResponse(body(token, token.expires_on - int(self._issuer.clock()) - 1), headers=NO_STORE)

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() != self._directory.tenant_id:
            raise TokenRequestError(90002, tenant=tenant)

    def _by_resource(self, form: Form) -> Token:
        return self._client_credentials(form, required(form, "resource"))

    def _by_scope(self, form: Form) -> Token:
        return self._client_credentials(form, _resource(form))

    def _client_credentials(self, form: Form, resource: str) -> Token:
        client, method = self._clients.authenticate(form)
        token = self._issuer.issue_app_token(client, resource, lifetime=LIFETIME, client_authentication=method)
        _log(client.name, token)
        return token

    def _on_behalf_of(self, form: Form) -> Token:
        assertion = required(form, "assertion")
        if required(form, "requested_token_use") != "on_behalf_of":
            raise TokenRequestError(90023)
        resource, scopes = parse_scope(required(form, "scope"))
        client, method = self._clients.authenticate(form)
        user = self._assertions.validate_user_assertion(client, assertion)
        token = self._issuer.issue_user_token(
            user.user, client.client_id, resource, scopes, mfa=user.mfa, client_authentication=method
        )
        _log(f"{client.name} on behalf of {user.user.name}", token)
        return token


def _check_claims(form: Form) -> None:
    """Require that the parameter `claims` is a JSON object, if present.

    The value is otherwise ignored, because it requests a new token, and this endpoint always returns one.
    """
    if "claims" not in form:
        return
    try:
        claims = json.loads(form["claims"])
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise TokenRequestError(50117)


def _log(client: str, token: Token) -> None:
    log.info("%s: token for %s, roles: %s (new)", client, token.resource, ", ".join(token.roles) or "none")


async def _form(request: Request) -> dict[str, str]:
    try:
        body = await read_body(request)
    except BodyTooLarge:
        body = b""
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    # RFC 6749 section 2.3.1: a client may authenticate with the Authorization header.
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise TokenRequestError(7000218) from None
        form |= {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}
    return form


def _resource(form: Form) -> str:
    if "resource" in form:
        raise TokenRequestError(901002)
    scope = required(form, "scope")
    if not scope.endswith(DEFAULT) or " " in scope:
        raise TokenRequestError(1002012, scope=scope)
    return scope.removesuffix(DEFAULT)


def _body_v1(token: Token, seconds: int) -> dict[str, object]:
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(token.expires_on),
        "not_before": str(token.not_before),
        "resource": token.resource,
        "access_token": token.value,
    }


def _body_v2(token: Token, seconds: int) -> dict[str, object]:
    scope = {"scope": " ".join(f"{token.resource}/{value}" for value in token.scopes)} if token.scopes else {}
    times = {"expires_in": seconds, "ext_expires_in": seconds}
    return {"token_type": "Bearer", **scope, **times, "access_token": token.value}
