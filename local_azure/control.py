"""The control plane, under /local-azure: what no cloud lets anybody do, and tests need.

Whoever can reach this port may use it, and a web page can, from the browser. So a request that another site's page
sent is refused: by its Host (see server.py), by its Origin, or because it is one that a browser sends without asking.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_azure import control_values as values_of
from local_azure import token_endpoint
from local_azure.control_values import BadRequest, Values
from local_azure.identity_tokens import IdentityTokens
from local_azure.keys import KeyRing
from local_azure.refusals import Refused
from local_azure.traffic import Fault, Traffic
from local_azure.user_tokens import AZURE_CLI, UserTokens

PREFIX = "/local-azure"

# https://fetch.spec.whatwg.org/#cors-safelisted-request-header: what a form or a script may send to another site.
_BROWSER_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")

log = logging.getLogger(__name__)

Command = Callable[[Values], Any]


class ControlPlane:
    """POST a command with its values as JSON or in the query; GET what is to be looked at."""

    def __init__(
        self, keys: KeyRing, identity_tokens: IdentityTokens, user_tokens: UserTokens, traffic: Traffic
    ) -> None:
        self._keys = keys
        self._identity_tokens = identity_tokens
        self._user_tokens = user_tokens
        self._traffic = traffic

    def routes(self) -> list[Route]:
        """For a Starlette app."""
        looks: dict[str, Command] = {"keys": self.keys, "counters": self.counters, "faults": self.faults}
        commands: dict[str, Command] = {
            "rotate-keys": self.rotate_keys,
            "withdraw-key": self.withdraw_key,
            "forget-tokens": self.forget_tokens,
            "fault": self.fault,
            "clear-faults": self.clear_faults,
            "user-token": self.user_token,
        }
        return [
            *(Route(f"{PREFIX}/{name}", _handler(look), methods=["GET"]) for name, look in looks.items()),
            *(Route(f"{PREFIX}/{name}", _handler(command), methods=["POST"]) for name, command in commands.items()),
        ]

    def keys(self, values: Values) -> Any:
        """The `kid` of each published key; the last one signs."""
        values_of.only(values)
        return {"keys": [key.kid for key in self._keys.keys]}

    def rotate_keys(self, values: Values) -> Any:
        """Publish a new key and sign with it. Kept tokens stay as they are until they are forgotten."""
        values_of.only(values)
        log.info("control: new tokens are signed with key %s", self._keys.rotate().kid)
        return self.keys({})

    def withdraw_key(self, values: Values) -> Any:
        """Stop publishing the key `kid`."""
        values_of.only(values, "kid")
        if not self._keys.withdraw(str(values.get("kid"))):
            raise BadRequest("kid: is not one of the published keys.", 404)
        log.info("control: key %s is withdrawn", values["kid"])
        return self.keys({})

    def forget_tokens(self, values: Values) -> Any:
        """Forget the kept tokens of managed identities: the stand-in for waiting a day."""
        values_of.only(values)
        forgotten = self._identity_tokens.forget()
        log.info("control: %s kept tokens are forgotten, as if a day had passed", forgotten)
        return {"forgotten": forgotten}

    def fault(self, values: Values) -> Any:
        """Put a fault in the way of the requests to `endpoint`: see traffic.Fault."""
        values_of.only(values, "endpoint", "delay", "status", "garbage", "reset", "count")
        endpoint = values.get("endpoint")
        if endpoint not in self._traffic.endpoints:
            raise BadRequest(f"endpoint: is not one of {', '.join(self._traffic.endpoints)}.")
        fault = Fault(
            delay=values_of.number(values, "delay", 0, 3600) or 0,
            status=values_of.whole(values, "status", 200, 599),
            garbage=values_of.flag(values, "garbage"),
            reset=values_of.flag(values, "reset"),
            count=values_of.whole(values, "count", 1, 1_000_000),
        )
        if not (fault.delay or fault.status or fault.garbage or fault.reset):
            raise BadRequest("Say what happens: status, delay, garbage or reset.")
        self._traffic.put(endpoint, fault)
        log.info("control: %s has a fault", endpoint)
        return self.faults({})

    def faults(self, values: Values) -> Any:
        """The faults in force, by endpoint."""
        values_of.only(values)
        return {endpoint: asdict(fault) for endpoint, fault in self._traffic.faults.items()}

    def clear_faults(self, values: Values) -> Any:
        """No faults any more."""
        values_of.only(values)
        self._traffic.clear()
        return self.faults({})

    def counters(self, values: Values) -> Any:
        """How many requests each endpoint had."""
        values_of.only(values)
        return dict(self._traffic.counters)

    def user_token(self, values: Values) -> Any:
        """What `az account get-access-token` prints for a user of the tenant."""
        values_of.only(values, "user", "scope", "client_id", "mfa")
        user, scope = str(values.get("user", "")), str(values.get("scope", ""))
        token = self._user_tokens.get(
            user, scope, str(values.get("client_id") or AZURE_CLI), mfa=values_of.flag(values, "mfa")
        )
        log.info("%s: token for %s, roles: %s (new)", user, token.resource, ", ".join(token.roles) or "none")
        return {"access_token": token.value, "expires_on": token.expires_on, "token_type": "Bearer"}


def _handler(command: Command) -> Callable[[Request], Any]:
    async def handle(request: Request) -> JSONResponse:
        try:
            _refuse_pages(request)
            return JSONResponse(command(await values_of.read(request)), headers={"Cache-Control": "no-store"})
        except BadRequest as bad:
            return JSONResponse({"message": str(bad)}, status_code=bad.status)
        except Refused as refused:
            return token_endpoint.error(refused)

    return handle


def _refuse_pages(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers['host']}":
        raise BadRequest("A page of another origin cannot drive the local tenant.", 403)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _BROWSER_FORMS:
        raise BadRequest("Send values in the query, or as JSON with Content-Type: application/json.", 415)
