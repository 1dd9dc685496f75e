"""The control plane under /local-azure, with which tests change the tenant. Azure has no equivalent.

Every process on this machine may use the control plane, but web pages of other origins may not. All endpoints reject
such pages (see serving/web_pages.py and, for DNS rebinding, serving/http_server.py). The control plane also rejects
content types that need no CORS preflight.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure.control import values as parse
from local_azure.control.fault_injection import Fault, FaultInjector
from local_azure.control.values import BadRequest, Values
from local_azure.entra.errors import TokenRequestError, error_response
from local_azure.entra.key_ring import KeyRing
from local_azure.entra.user_tokens import AZURE_CLI, UserTokens
from local_azure.managed_identity.token_cache import ManagedIdentityTokenCache
from local_azure.serving.clock import Clock
from local_azure.serving.errors import StartError

PREFIX = "/local-azure"

# Content types that a page can send to another origin without a CORS preflight:
# https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_CORS_SAFELISTED = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")

log = logging.getLogger(__name__)

Command = Callable[[Values], Any]


class ControlPlane:
    """Commands (POST) and queries (GET). Values are query parameters or members of a JSON body."""

    def __init__(
        self,
        keys: KeyRing,
        clock: Clock,
        token_cache: ManagedIdentityTokenCache,
        user_tokens: UserTokens,
        faults: FaultInjector,
        settings: Callable[..., dict[str, str]],
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._token_cache = token_cache
        self._user_tokens = user_tokens
        self._faults = faults
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return the routes for a Starlette app."""
        queries: dict[str, Command] = {
            "keys": self.keys,
            "counters": self.counters,
            "faults": self.faults,
            "settings": self.settings,
        }
        commands: dict[str, Command] = {
            "rotate-keys": self.rotate_keys,
            "remove-key": self.remove_key,
            "advance": self.advance,
            "clear-token-cache": self.clear_token_cache,
            "fault": self.fault,
            "clear-faults": self.clear_faults,
            "user-token": self.user_token,
        }
        return [
            *(Route(f"{PREFIX}/{name}", _handler(query), methods=["GET"]) for name, query in queries.items()),
            *(Route(f"{PREFIX}/{name}", _handler(command), methods=["POST"]) for name, command in commands.items()),
        ]

    def keys(self, values: Values) -> Any:
        """Return the `kid` of each published key. The last key signs new tokens."""
        parse.reject_unknown(values)
        return {"keys": [key.kid for key in self._keys.keys]}

    def rotate_keys(self, values: Values) -> Any:
        """Publish a new key and sign new tokens with it. Cached tokens remain cached."""
        parse.reject_unknown(values)
        log.info("control: new tokens are signed with key %s", self._keys.rotate().kid)
        return self.keys({})

    def remove_key(self, values: Values) -> Any:
        """Stop publishing the key `kid`."""
        parse.reject_unknown(values, "kid")
        if not self._keys.remove(str(values.get("kid"))):
            raise BadRequest("kid must be one of the published keys.", 404)
        log.info("control: removed key %s", values["kid"])
        return self.keys({})

    def advance(self, values: Values) -> Any:
        """Move the clock of the managed identity token cache forward by `duration`, such as 24h."""
        parse.reject_unknown(values, "duration")
        seconds = parse.duration(values, "duration")
        self._clock.advance(seconds)
        expired = self._token_cache.remove_expired()
        log.info("control: moved the clock forward by %s s; %s cached tokens expired", seconds, expired)
        return {"seconds": seconds, "expired_tokens": expired}

    def clear_token_cache(self, values: Values) -> Any:
        """Clear the managed identity token cache."""
        parse.reject_unknown(values)
        cleared = self._token_cache.clear()
        log.info("control: cleared %s cached tokens", cleared)
        return {"cleared": cleared}

    def fault(self, values: Values) -> Any:
        """Inject a fault into responses of `endpoint`."""
        parse.reject_unknown(values, "endpoint", "delay", "status", "truncate", "reset", "count")
        endpoint = values.get("endpoint")
        if endpoint not in self._faults.endpoints:
            raise BadRequest(f"endpoint must be one of {', '.join(self._faults.endpoints)}.")
        fault = Fault(
            delay=parse.number(values, "delay", 0, 3600) or 0,
            status=parse.integer(values, "status", 200, 599),
            truncate=parse.boolean(values, "truncate"),
            reset=parse.boolean(values, "reset"),
            count=parse.integer(values, "count", 1, 1_000_000),
        )
        if not (fault.delay or fault.status or fault.truncate or fault.reset):
            raise BadRequest("Specify at least one of status, delay, truncate and reset.")
        self._faults.inject(endpoint, fault)
        log.info("control: injected a fault into %s", endpoint)
        return self.faults({})

    def faults(self, values: Values) -> Any:
        """Return the current faults by endpoint."""
        parse.reject_unknown(values)
        return {endpoint: asdict(fault) for endpoint, fault in self._faults.faults.items()}

    def clear_faults(self, values: Values) -> Any:
        """Remove all faults."""
        parse.reject_unknown(values)
        self._faults.clear()
        return self.faults({})

    def counters(self, values: Values) -> Any:
        """Return the number of requests per endpoint."""
        parse.reject_unknown(values)
        return dict(self._faults.counters)

    def settings(self, values: Values) -> Any:
        """Return the environment variables for a process that runs as `site`. With `imds`, the process uses IMDS."""
        parse.reject_unknown(values, "site", "imds")
        try:
            return self._settings(values.get("site"), imds=parse.boolean(values, "imds"))
        except StartError as error:
            raise BadRequest(str(error), 404) from None

    def user_token(self, values: Values) -> Any:
        """Return an access token for a user, like `az account get-access-token`."""
        parse.reject_unknown(values, "user", "scope", "client_id", "mfa")
        user, scope = str(values.get("user", "")), str(values.get("scope", ""))
        token = self._user_tokens.get(
            user, scope, str(values.get("client_id") or AZURE_CLI), mfa=parse.boolean(values, "mfa")
        )
        log.info("%s: token for %s, roles: %s (new)", user, token.resource, ", ".join(token.roles) or "none")
        return {"access_token": token.value, "expires_on": token.expires_on, "token_type": "Bearer"}


def _handler(command: Command) -> Callable[[Request], Any]:
    async def handle(request: Request) -> JSONResponse:
        try:
            _reject_safelisted_content(request)
            return JSONResponse(command(await parse.read_values(request)), headers={"Cache-Control": "no-store"})
        except BadRequest as error:
            return JSONResponse({"message": str(error)}, status_code=error.status)
        except TokenRequestError as error:
            return error_response(error)

    return handle


def _reject_safelisted_content(request: Request) -> None:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _CORS_SAFELISTED:
        raise BadRequest("Send values in the query, or as JSON with Content-Type: application/json.", 415)
