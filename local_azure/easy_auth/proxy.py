"""App Service authentication (Easy Auth) in front of an app, with Return401 for unauthenticated requests.

https://learn.microsoft.com/azure/app-service/overview-authentication-authorization. Only bearer tokens
are supported, no browser sign-in. App roles are left to the app.
"""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from local_azure.easy_auth import principal_headers
from local_azure.easy_auth.forwarder import Forwarder, Unreachable, end_to_end
from local_azure.entra.jwks_client import JwksClient, JwksUnavailable
from local_azure.entra.token_validation import InvalidToken, extract_bearer_token, validate
from local_azure.serving.request_body import BodyTooLarge, read_body
from local_azure.tenant.principals import Application

MAX_BODY_BYTES = 100 * 1024 * 1024

log = logging.getLogger(__name__)


class EasyAuthProxy:
    """An ASGI app that lets callers with a token for `api` through to the app at `to`, and says who they are.

    Its keys come from the tenant's metadata. Raises StartError where `to` is no address.
    """

    def __init__(self, to: str, api: Application, keys: JwksClient) -> None:
        self._forwarder = Forwarder(to)
        self._audiences = (api.client_id, *api.app_id_uris)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        await (await self._respond(request))(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            token = extract_bearer_token(request.headers.getlist("authorization"))
            claims = await run_in_threadpool(validate, token, self._keys.find, self._keys.issuer, self._audiences)
        except InvalidToken as bad:
            log.info("refused: %s", bad)
            realm = request.headers.get("host", "")
            return Response(status_code=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
        except JwksUnavailable:
            log.warning("refused: the tenant's keys cannot be had")
            return Response(status_code=503)
        if request.url.path.lower().startswith("/.auth/"):
            # Easy Auth's own pages, for people who sign in.
            return Response(status_code=404)
        return await self._forward(request, principal_headers.headers(claims))

    async def _forward(self, request: Request, ours: dict[str, str]) -> Response:
        try:
            body = await read_body(request, MAX_BODY_BYTES)
        except BodyTooLarge:
            return Response(status_code=413)
        theirs = [(name, value) for name, value in end_to_end(request.headers.items()) if _passes(name)]
        length = [("Content-Length", str(len(body)))] if body or request.method in ("POST", "PUT", "PATCH") else []
        path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        headers = [*theirs, *ours.items(), *length, ("Connection", "close")]
        try:
            answer = await run_in_threadpool(self._forwarder.send, request.method, target, headers, body)
        except Unreachable as error:
            log.warning("the app does not answer: %s", error)
            return Response(status_code=502)
        response = StreamingResponse(answer.body, answer.status)
        response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
        return response


def _passes(name: str) -> bool:
    return name.lower() != "content-length" and not principal_headers.is_ours(name)
