"""ManagedIdentityAuth: the token alone, for people with their own HTTP client on `requests`."""

import requests
from requests.auth import AuthBase

from common.problems import Problem
from common.settings import DEFAULT_SCOPE_ERROR, HTTPS_OR_LOOPBACK_ERROR, is_default_scope, is_https_or_loopback
from msi_func.tokens import tokens


class ManagedIdentityAuth(AuthBase):
    """Adds this app's token to a request.

        requests.get(url, auth=ManagedIdentityAuth("api://.../.default"), timeout=10)

    Tokens are shared with DownstreamApi. The token goes to no other host: `requests` drops the header where a redirect
    leaves the host or https. `timeout`, in seconds, bounds the wait for a token.

    Raises `misconfigured` for a scope that is not <resource>/.default, and when used for a URL that is neither https
    nor on a loopback address; `token_unavailable` where the identity gives no token.
    """

    def __init__(self, scope: str, *, identity_client_id: str | None = None, timeout: float = 10) -> None:
        if not is_default_scope(scope):
            raise Problem("misconfigured", f"The scope {DEFAULT_SCOPE_ERROR}.")
        self._tokens = tokens(identity_client_id, scope)
        self._timeout = timeout

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by `requests` for each request."""
        if not is_https_or_loopback(request.url or ""):
            raise Problem("misconfigured", f"No token is sent there: the URL {HTTPS_OR_LOOPBACK_ERROR}.")
        request.headers["Authorization"] = f"Bearer {self._tokens.get(self._timeout)}"
        return request
