"""The tenant's token endpoints, where an application asks for itself, or on behalf of a user.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow (on the newer endpoint only here); the
older endpoint takes `resource` in place of `scope` and answers in texts.
"""

import base64
import binascii
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure import bodies
from local_azure.assertions import Assertions
from local_azure.clients import Clients, Form, required
from local_azure.directory import Directory
from local_azure.refusals import Refused
from local_azure.scopes import asked_for
from local_azure.tokens import LIFETIME, Issuer, Token

DEFAULT = "/.default"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

log = logging.getLogger(__name__)


class TokenEndpoint:
    """POST /{tenant id}/oauth2/token and /{tenant id}/oauth2/v2.0/token"""

    def __init__(self, directory: Directory, issuer: Issuer, assertions: Assertions) -> None:
        self._directory = directory
        self._issuer = issuer
        self._assertions = assertions
        self._clients = Clients(directory, assertions)

    def routes(self) -> list[Route]:
        """For a Starlette app. Any tenant's: that there is no such tenant is told, not a bare 404."""
        return [
            Route("/{tenant}/oauth2/token", self.version_1, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/token", self.version_2, methods=["POST"]),
        ]

    async def version_1(self, request: Request) -> JSONResponse:
        """The older endpoint: asked for by `resource`, answered in texts."""
        return await self._answer(request, {"client_credentials": self._by_resource}, _body_v1)

    async def version_2(self, request: Request) -> JSONResponse:
        """The newer endpoint: asked for by `scope`."""
        grants = {"client_credentials": self._by_scope, JWT_BEARER: self._on_behalf_of}
        return await self._answer(request, grants, _body_v2)

    async def _answer(
        self,
        request: Request,
        grants: Mapping[str, Callable[[Form], Token]],
        body: Callable[[Token, int], dict[str, object]],
    ) -> JSONResponse:
        try:
            self._check_tenant(request.path_params["tenant"])
            form = await _form(request)
            grant = grants.get(required(form, "grant_type"))
            if grant is None:
                raise Refused(70003, grant=form["grant_type"])
            token = grant(form)
        except Refused as refused:
            log.warning("no token: %s", refused.text)
            return error(refused)
        return JSONResponse(body(token, token.expires_on - int(self._issuer.clock()) - 1), headers=_NO_STORE)

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() != self._directory.tenant_id:
            raise Refused(90002, tenant=tenant)

    def _by_resource(self, form: Form) -> Token:
        return self._client_credentials(form, required(form, "resource"))

    def _by_scope(self, form: Form) -> Token:
        return self._client_credentials(form, _resource_of_scope(form))

    def _client_credentials(self, form: Form, resource: str) -> Token:
        client, proof = self._clients.authenticate(form)
        token = self._issuer.for_application(client, resource, lifetime=LIFETIME, proof=proof)
        _log(client.name, token)
        return token

    def _on_behalf_of(self, form: Form) -> Token:
        assertion = required(form, "assertion")
        if required(form, "requested_token_use") != "on_behalf_of":
            raise Refused(90023)
        resource, scopes = asked_for(required(form, "scope"))
        client, proof = self._clients.authenticate(form)
        whose = self._assertions.signed_in(client, assertion)
        token = self._issuer.for_user(whose.user, client.client_id, resource, scopes, mfa=whose.mfa, proof=proof)
        _log(f"{client.name} on behalf of {whose.user.name}", token)
        return token


def _log(who: str, token: Token) -> None:
    log.info("%s: token for %s, roles: %s (new)", who, token.resource, ", ".join(token.roles) or "none")


def error(refused: Refused, status: int | None = None) -> JSONResponse:
    """An error as Entra's token endpoint gives it."""
    now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    return JSONResponse(
        {
            "error": refused.error,
            "error_description": (
                f"{refused.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"  # one line
            ),
            "error_codes": [refused.code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
            **({"claims": refused.claims} if refused.claims else {}),
        },
        status_code=status or refused.status,
        headers=_NO_STORE,
    )


_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


async def _form(request: Request) -> dict[str, str]:
    try:
        body = await bodies.read(request)
    except bodies.TooLarge:
        body = b""
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    # RFC 6749 section 2.3.1: the client may name itself in a header instead.
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(7000218) from None
        form |= {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}
    return form


def _resource_of_scope(form: Form) -> str:
    if "resource" in form:
        raise Refused(901002)
    scope = required(form, "scope")
    if not scope.endswith(DEFAULT) or " " in scope:
        raise Refused(1002012, scope=scope)
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
