"""Who gets in: the whole decision, in one place.

    @blueprint.route(route="orders", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @protected(role="Orders.Read")
    async def orders(req: func.HttpRequest, caller: Principal) -> func.HttpResponse: ...

docs/security.md says for each step where it is from and where it is checked.
"""

import functools
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import azure.functions as func

from aad_func import easy_auth
from aad_func.principal import Principal
from common import problems
from common.problems import Problem
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings

if TYPE_CHECKING:
    from aad_func.bearer import BearerTokens


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in callers of one tenant that hold a token for this API and an app role. Raises a problem for all others."""

    tenant_id: str
    audiences: frozenset[str]
    role: str
    scope: str
    allowed_callers: frozenset[str] | None
    easy_auth: bool
    tokens: "BearerTokens"

    async def admit(self, headers: Mapping[str, str], role: str) -> Principal:
        """The caller of a request with these headers, if it may come in with `role`."""
        # Who is it? One of the two ways in, by what the platform says and never by what the request brought.
        if self.easy_auth:
            caller = Principal.from_claims(easy_auth.claims(headers.get(easy_auth.HEADER)), "easy_auth")
        else:
            caller = await self.tokens.caller(headers.get("authorization"))

        # Is it one of this tenant's callers, with a token meant for this API? Easy Auth may have left both open.
        if caller.tenant_id != self.tenant_id:
            raise Problem("wrong_tenant")
        if caller.audience not in self.audiences:
            raise Problem("wrong_audience")

        # May it?
        caller.require_role(role)
        if caller.kind == "user":
            caller.require_scope(self.scope)
        if self.allowed_callers is not None and caller.client_id not in self.allowed_callers:
            raise Problem("caller_not_allowed")
        return caller

    @classmethod
    def from_settings(cls) -> "Gate":
        """Raises `misconfigured` naming every setting that is missing or malformed."""
        from aad_func.bearer import BearerTokens
        from aad_func.signing_keys import SigningKeys

        with Settings() as settings:
            tenant_id = settings.guid("ENTRA_TENANT_ID")
            authority = settings.url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY)
            client_id = settings.guid("AAD_FUNC_CLIENT_ID")
            audiences = settings.string_list("AAD_FUNC_AUDIENCES", (client_id, f"api://{client_id}"))
            role = settings.string("AAD_FUNC_REQUIRED_ROLE", "DoAll")
            scope = settings.string("AAD_FUNC_REQUIRED_SCOPE", "user_impersonation")
            allowed = settings.guids("AAD_FUNC_ALLOWED_CALLERS")
        return cls(
            tenant_id=tenant_id,
            audiences=frozenset(audiences),
            role=role,
            scope=scope,
            allowed_callers=frozenset(allowed) or None,
            # Set by the platform, True or False in any case; anything else is off.
            easy_auth=os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
            tokens=BearerTokens({version: SigningKeys(authority, tenant_id, version) for version in ("1.0", "2.0")}),
        )


def gate() -> Gate:
    """This app's gate. Settings are read on first use; a failure is not kept, and names the setting each time."""
    with _reading:  # else threads that come first all at once have a gate, and keys to fetch, each
        return _gate()


_reading = threading.Lock()


@functools.cache
def _gate() -> Gate:
    return Gate.from_settings()


Handler = Callable[[func.HttpRequest, Principal], Awaitable[func.HttpResponse]]
HttpFunction = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def protected(role: str | None = None) -> Callable[[Handler], HttpFunction]:
    """Make an HTTP function of a handler that is given the caller too, and runs only where the gate lets it in.

    `role` is the app role that a caller needs, by default the one named by AAD_FUNC_REQUIRED_ROLE.
    """

    def decorate(handler: Handler) -> HttpFunction:
        # Not functools.wraps: the worker matches parameter names against bindings and would see the handler's.
        async def guarded(req: func.HttpRequest) -> func.HttpResponse:
            try:
                caller = await _admitted(req.headers, role)
                return await handler(req, caller)
            except Problem as problem:
                return problems.problem_response(problem)

        guarded.__name__ = handler.__name__
        guarded.__doc__ = handler.__doc__
        return guarded

    return decorate


async def _admitted(headers: Mapping[str, str], role: str | None) -> Principal:
    try:
        return await gate().admit(headers, gate().role if role is None else role)
    except ImportError as error:
        raise problems.missing_dependency(error) from None
