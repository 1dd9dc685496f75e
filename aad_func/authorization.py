"""Authentication and authorization: the whole decision in one place.

    @blueprint.route(route="orders", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @requires_role("Orders.Read")
    async def orders(req: func.HttpRequest, caller: Principal) -> func.HttpResponse: ...

docs/security.md gives the source and the test of each step.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import azure.functions as func

from aad_func import easy_auth
from aad_func.access_token import AccessTokenValidator
from aad_func.principal import Principal
from aad_func.signing_keys import SigningKeys
from common.problems import Problem, problem_response
from common.process_wide import process_wide
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Accepts callers of one tenant with a token for this API and an app role. `role` is the default one."""

    tenant_id: str
    audiences: frozenset[str]
    role: str
    scope: str
    allowed_callers: frozenset[str] | None
    easy_auth: bool
    validator: AccessTokenValidator

    async def authorize(self, headers: Mapping[str, str], role: str | None = None) -> Principal:
        """Return the caller of a request with these headers. Raises a problem unless it may call with `role`."""
        # Authenticate: the platform, never the request, selects the scheme.
        if self.easy_auth:
            claims = easy_auth.parse_client_principal(headers.get(easy_auth.HEADER))
            caller = Principal.from_claims(claims, "easy_auth")
        else:
            caller = await self.validator.validate(headers.get("authorization"))

        # Easy Auth can be configured to accept any tenant and audience.
        if caller.tenant_id != self.tenant_id:
            raise Problem("wrong_tenant")
        if caller.audience not in self.audiences:
            raise Problem("wrong_audience")

        # Authorize.
        caller.require_role(self.role if role is None else role)
        if caller.kind == "user":
            caller.require_scope(self.scope)
        if self.allowed_callers is not None and caller.client_id not in self.allowed_callers:
            raise Problem("caller_not_allowed")
        return caller

    @classmethod
    def from_settings(cls) -> "Authorizer":
        """Raise `misconfigured` if settings are missing or malformed."""
        with Settings() as settings:
            tenant_id = settings.guid("ENTRA_TENANT_ID")
            authority = settings.url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY)
            client_id = settings.guid("AAD_FUNC_CLIENT_ID")
            keys = {version: SigningKeys(authority, tenant_id, version) for version in ("1.0", "2.0")}
            return cls(
                tenant_id=tenant_id,
                audiences=frozenset(settings.string_list("AAD_FUNC_AUDIENCES", (client_id, f"api://{client_id}"))),
                role=settings.string("AAD_FUNC_REQUIRED_ROLE", "DoAll"),
                scope=settings.string("AAD_FUNC_REQUIRED_SCOPE", "user_impersonation"),
                allowed_callers=frozenset(settings.guid_list("AAD_FUNC_ALLOWED_CALLERS")) or None,
                # Set by the platform to True or False, in any case; anything else means off.
                easy_auth=os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
                validator=AccessTokenValidator(keys),
            )


@process_wide
def authorizer() -> Authorizer:
    """Return this app's Authorizer. Settings are read on first use."""
    return Authorizer.from_settings()


Handler = Callable[[func.HttpRequest, Principal], Awaitable[func.HttpResponse]]
HttpFunction = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def requires_role(role: str | None = None) -> Callable[[Handler], HttpFunction]:
    """Run the decorated handler, which also receives the caller, only for callers with an app role.

    `role` defaults to AAD_FUNC_REQUIRED_ROLE.
    """

    def decorate(handler: Handler) -> HttpFunction:
        # Not functools.wraps, because the worker matches parameter names to bindings and would see the handler's.
        async def authorized(req: func.HttpRequest) -> func.HttpResponse:
            try:
                caller = await authorizer().authorize(req.headers, role)
                return await handler(req, caller)
            except Problem as problem:
                return problem_response(problem)

        authorized.__name__ = handler.__name__
        authorized.__doc__ = handler.__doc__
        return authorized

    return decorate
