"""Sends a request with a token, and once more with a newer token if the API rejects the first token."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from common.problems import Problem
from common.settings import DEFAULT_SCOPE_ERROR, is_default_scope
from msi_func.app_registration import AppRegistration
from msi_func.credentials import AppIdentity, has_managed_identity
from msi_func.http_client import DownstreamResponse
from msi_func.on_behalf_of import SignedInUser
from msi_func.server_timing import ServerTiming
from msi_func.token_errors import problem_for
from msi_func.token_rejection import TokenRejection

NO_RESPONSE = "Entra or the managed identity did not respond within the time limit."

TokenSource = AppIdentity | AppRegistration | SignedInUser
Send = Callable[[str, float], Awaitable[DownstreamResponse]]  # takes a token, and a deadline on the event loop's clock


async def send_authenticated(
    send: Send, source: TokenSource, scope: str, seconds: float, timing: ServerTiming
) -> tuple[DownstreamResponse, tuple[str, ...]]:
    """Call `send` with a token for `scope` and return the response and all tokens that were sent.

    `seconds` is the time limit for all token requests and calls to `send` together. On a developer's machine, it does
    not include the initial token request. Raises `misconfigured` unless `scope` is <resource>/.default. Raises the
    problems of `source`.
    """
    if not is_default_scope(scope):
        raise Problem("misconfigured", f"The scope {DEFAULT_SCOPE_ERROR}.")
    started, now = time.monotonic(), asyncio.get_running_loop().time
    deadline = now() + seconds
    with timing.metric("token", source.kind):
        try:
            async with asyncio.timeout_at(deadline if has_managed_identity() else None):
                token = await source.get_token(scope)
        except TimeoutError as error:
            if not isinstance(source, AppIdentity):
                raise Problem("token_unavailable", NO_RESPONSE, scope=scope) from None
            raise problem_for(error, scope, source.client_id, is_managed=has_managed_identity()) from None
    if not has_managed_identity():
        deadline = now() + seconds
    response = await send(token, deadline)
    rejection = TokenRejection.from_response(response, token, started) if source.can_renew else None
    if rejection is not None:
        with timing.metric("renewal", source.kind):
            newer = await _newer_token(source, scope, rejection, deadline)
        if newer != token:
            return await send(newer, deadline), (token, newer)
    return response, (token,)


async def _newer_token(source: TokenSource, scope: str, rejection: TokenRejection, deadline: float) -> str:
    try:
        async with asyncio.timeout_at(deadline):
            return await source.renew_token(scope, rejection)
    except TimeoutError:
        return rejection.token
