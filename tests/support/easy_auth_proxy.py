"""Easy Auth's proxy with an app that echoes requests."""

import base64
import contextlib
import json
from collections.abc import Iterator

import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.policy import AuthPolicy
from local_azure.easy_auth.proxy import EasyAuthProxy
from local_azure.entra.jwks_client import JwksClient
from local_azure.serving.http_server import BackgroundServer, Listener, require_local_host
from local_azure.serving.ports import bind

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]


async def echo(request: Request) -> Response:
    """Return the received request, with a repeated header."""
    received = {
        "method": request.method,
        "target": request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
        "body": (await request.body()).decode(),
    }
    response = JSONResponse(received, status_code=int(request.query_params.get("status", "200")))
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2")
    return response


@contextlib.contextmanager
def serving(app) -> Iterator[str]:
    listener = bind(0)
    with BackgroundServer(app, [Listener(listener)]):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def easy_auth(
    azure: LocalAzure,
    to: str,
    api: str = "aad-func",
    policy: AuthPolicy | None = None,
    token_version: int | None = None,
) -> Iterator[str]:
    """Run Easy Auth's proxy for the app at `to` and yield its origin."""
    app = azure.directory.application(api)
    keys = JwksClient(azure.origin, azure.directory.tenant_id, token_version or app.token_version)
    with serving(require_local_host(EasyAuthProxy(to, app, keys, policy))) as origin:
        yield origin


@contextlib.contextmanager
def echoing_app() -> Iterator[str]:
    """Run an app that echoes requests and yield its origin."""
    with serving(Starlette(routes=[Route("/{path:path}", echo, methods=METHODS)])) as origin:
        yield origin


def seen(response: requests.Response) -> dict[str, list[str]]:
    """Return the headers that the app received, by lowercase name."""
    found: dict[str, list[str]] = {}
    for name, value in response.json()["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def principal(response: requests.Response) -> dict:
    (header,) = seen(response)["x-ms-client-principal"]
    return json.loads(base64.b64decode(header))


def call(url: str, token: str | None, method: str = "GET", **options) -> requests.Response:
    headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    return requests.request(method, url, headers=headers, timeout=10, **options)
