"""App Service authentication (Easy Auth) in front of an app.

https://learn.microsoft.com/azure/app-service/overview-authentication-authorization. The proxy
supports bearer tokens but not browser sign-in, and does not check app roles.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import jwt
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from local_azure.easy_auth import principal_headers
from local_azure.easy_auth.forwarder import Forwarder, UpstreamUnreachable, without_hop_by_hop
from local_azure.easy_auth.policy import AuthPolicy, UnauthenticatedAction
from local_azure.entra.jwks_client import JwksClient, JwksUnavailable
from local_azure.entra.token_validation import InvalidToken, extract_bearer_token, validate
from local_azure.serving.request_body import BodyTooLarge, read_body
from local_azure.tenant.principals import Application

MAX_BODY_BYTES = 100 * 1024 * 1024

_NO_SIGN_IN = "local_azure does not emulate sign-in. Send a bearer token from python -m local_azure token.\n"

log = logging.getLogger(__name__)


class EasyAuthProxy:
    """An ASGI app that authenticates callers and forwards requests and claims to the app at `to`.

    A token's audience must be the client ID of `api` or an audience that `policy` allows. The default policy allows the
    App ID URIs of `api`, admits all callers with a valid token, and returns 401 for requests without a token. Raises
    StartError if `to` is not an http URL without a path.
    """

    def __init__(self, to: str, api: Application, keys: JwksClient, policy: AuthPolicy | None = None) -> None:
        self._forwarder = Forwarder(to)
        self._policy = policy or AuthPolicy(allowed_audiences=api.app_id_uris)
        self._audiences = (api.client_id, *self._policy.allowed_audiences)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        await (await self._respond(request))(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.url.path.lower().startswith("/.auth/"):
            return PlainTextResponse(_NO_SIGN_IN, status_code=404)
        if not _has_bearer_token(request):
            return await self._respond_unauthenticated(request)
        try:
            claims = await run_in_threadpool(self._validate, request.headers.getlist("authorization"))
        except InvalidToken as error:
            log.info("401: %s", error)
            return _unauthorized(request)
        except JwksUnavailable:
            log.warning("503: the tenant's signing keys are unavailable")
            return Response(status_code=503)
        if not self._policy.allows(claims):
            log.info("403: the policy does not allow the caller %s", claims.get("oid"))
            return Response(status_code=403)
        return await self._forward(request, principal_headers.headers(claims))

    async def _respond_unauthenticated(self, request: Request) -> Response:
        action = self._policy.action_for(_path(request))
        if action is UnauthenticatedAction.ALLOW:
            return await self._forward(request, {})
        log.info("request without a token: %s", action.value)
        if action is UnauthenticatedAction.RETURN_403:
            return Response(status_code=403)
        if action is UnauthenticatedAction.REDIRECT and "text/html" in request.headers.get("accept", ""):
            target = quote(_target(request), safe="")
            return Response(status_code=302, headers={"Location": f"/.auth/login/aad?post_login_redirect_uri={target}"})
        return _unauthorized(request)

    def _validate(self, authorization: list[str]) -> Mapping[str, Any]:
        token = extract_bearer_token(authorization)
        issuer = self._keys.issuer if self._policy.checks_issuer else _unverified_issuer(token)
        return validate(token, self._keys.find, issuer, self._audiences)

    async def _forward(self, request: Request, principal: Mapping[str, str]) -> Response:
        try:
            body = await read_body(request, MAX_BODY_BYTES)
        except BodyTooLarge:
            return Response(status_code=413)
        theirs = [(name, value) for name, value in without_hop_by_hop(request.headers.items()) if _is_forwarded(name)]
        length = [("Content-Length", str(len(body)))] if body or request.method in ("POST", "PUT", "PATCH") else []
        headers = [*theirs, *principal.items(), *length, ("Connection", "close")]
        try:
            upstream = await run_in_threadpool(self._forwarder.send, request.method, _target(request), headers, body)
        except UpstreamUnreachable as error:
            log.warning("502: no valid response from the app: %s", error)
            return Response(status_code=502)
        response = StreamingResponse(upstream.body, upstream.status)
        response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in upstream.headers]
        return response


def _has_bearer_token(request: Request) -> bool:
    values = request.headers.getlist("authorization")
    return any(value.partition(" ")[0].lower() == "bearer" for value in values)


def _unauthorized(request: Request) -> Response:
    realm = request.headers.get("host", "")
    return Response(status_code=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})


def _unverified_issuer(token: str) -> str:
    """Return the token's own issuer, so that the issuer check in `validate` always succeeds."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
    except jwt.PyJWTError:
        return ""


def _path(request: Request) -> str:
    """Return the undecoded path of the request."""
    path: bytes = request.scope["raw_path"]
    return path.partition(b"?")[0].decode("latin-1")


def _target(request: Request) -> str:
    query: str = request.scope["query_string"].decode("latin-1")
    return f"{_path(request)}?{query}" if query else _path(request)


def _is_forwarded(name: str) -> bool:
    return name.lower() != "content-length" and not principal_headers.is_reserved(name)
