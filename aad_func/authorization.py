"""The decision whether a caller is accepted: `Authorizer`, and the decorator `requires_role`.

docs/extending.md contains examples. docs/security.md lists the source of each check.
"""

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import azure.functions as func

from aad_func import easy_auth
from aad_func.access_token import AccessTokenValidator
from aad_func.principal import Principal
from aad_func.signing_keys import SigningKeys
from common.problems import Problem, problem_response
from common.process_wide import process_wide
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings

Callers = Literal["applications", "users"]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Accepts callers from one tenant if they have a token for this API and an app role.

    It works with every web framework, because `authorize` needs only the headers of a request.
    """

    tenant_id: str
    audiences: frozenset[str]
    role: str
    scope: str
    allowed_callers: frozenset[str] | None
    role_assignments: Mapping[str, frozenset[str]]
    easy_auth: bool
    validator: AccessTokenValidator

    async def authorize(
        self, headers: Mapping[str, str], *roles: str, user_scope: str | None = None, callers: Callers | None = None
    ) -> Principal:
        """Return the caller of a request with these headers. Raises a problem if the caller is not authorized.

        The caller needs one of `roles`, by default the configured role. A user needs the configured scope as well. If
        `user_scope` is given, users need only this scope and no role. `callers` restricts the kind of caller.
        """
        # Authenticate. A setting selects the scheme; the request never does.
        if self.easy_auth:
            claims = easy_auth.parse_client_principal(_header(headers, easy_auth.HEADER))
            caller = Principal.from_claims(claims, "easy_auth")
        else:
            caller = await self.validator.validate(_header(headers, "authorization"))

        # Easy Auth can be configured to accept any tenant and audience.
        if caller.tenant_id != self.tenant_id:
            raise Problem("wrong_tenant", authenticated_by=caller.authenticated_by)
        if caller.audience not in self.audiences:
            raise Problem("wrong_audience", authenticated_by=caller.authenticated_by)

        # Authorize.
        caller = caller.with_assigned_roles(self.role_assignments)
        if callers is not None and callers != f"{caller.kind}s":
            raise caller.denied("caller_not_allowed", f"Only {callers} are accepted.")
        if caller.kind == "application" or user_scope is None:
            caller.require_role(*(roles or (self.role,)))
        if caller.kind == "user":
            caller.require_scope(self.scope if user_scope is None else user_scope)
        if self.allowed_callers is not None and not (
            caller.client_id in self.allowed_callers and caller.is_client_authenticated
        ):
            raise caller.denied("caller_not_allowed")
        return caller

    @classmethod
    def from_settings(cls) -> "Authorizer":
        """Read this app's settings. Raises `misconfigured`."""
        with Settings() as settings:
            tenant_id = settings.guid("ENTRA_TENANT_ID")
            authority = settings.url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY)
            client_id = settings.guid("AAD_FUNC_CLIENT_ID")
            scheme = settings.choice("AAD_FUNC_AUTHENTICATION", ("token", "easy_auth"))
            # WEBSITE_AUTH_ENABLED alone must not make the header trusted, because an app setting can have this name.
            if scheme == "easy_auth" and os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
                settings.add_error("AAD_FUNC_AUTHENTICATION", "is easy_auth, but Easy Auth is not enabled for this app")
            keys = {version: SigningKeys(authority, tenant_id, version) for version in ("1.0", "2.0")}
            return cls(
                tenant_id=tenant_id,
                audiences=frozenset(settings.string_list("AAD_FUNC_AUDIENCES", (client_id, f"api://{client_id}"))),
                role=settings.string("AAD_FUNC_REQUIRED_ROLE", "DoAll"),
                scope=settings.string("AAD_FUNC_REQUIRED_SCOPE", "user_impersonation"),
                allowed_callers=frozenset(settings.guid_list("AAD_FUNC_ALLOWED_CALLERS")) or None,
                role_assignments=settings.role_assignments("AAD_FUNC_ROLE_ASSIGNMENTS"),
                easy_auth=scheme == "easy_auth",
                validator=AccessTokenValidator(keys),
            )


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Return all values of a header, joined with commas as the Functions host joins them, or None if it is missing."""
    return ",".join(value for key, value in headers.items() if key.lower() == name) or None


# Returns this app's Authorizer. Reads the settings on first use.
authorizer = process_wide(Authorizer.from_settings)


def requires_role(
    *roles: str, user_scope: str | None = None, callers: Callers | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run the decorated handler only for authorized callers, and pass it the Principal as `caller`.

    The arguments are those of `Authorizer.authorize`. In addition to `caller`, the handler can have all parameters that
    the worker supports: the trigger under any name, `context` and bindings. A sync handler runs in a thread.
    """
    for name in roles if user_scope is None else (*roles, user_scope):
        if not isinstance(name, str) or name.split() != [name]:
            raise TypeError('write @requires_role() or @requires_role("Orders.Read"); names cannot contain white space')
    if callers not in (None, "applications", "users"):
        raise TypeError('write callers="applications" or callers="users"')

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        parameters = _parameters(handler)
        # The worker rejects functions with a parameter that is not a binding, so it must not see `caller`.
        del parameters["caller"]
        run = handler
        if not inspect.iscoroutinefunction(handler):
            run = _in_thread(handler, wants_context="context" in parameters)
            parameters.setdefault("context", inspect.Parameter("context", _BY_NAME[1], default=None))
        signature = inspect.Signature(list(parameters.values()))

        @functools.wraps(handler)
        async def authorized(*args: Any, **arguments: Any) -> Any:
            if args:  # A unit test passes positional arguments. The worker passes all arguments by name.
                arguments = signature.bind(*args, **arguments).arguments
            (request,) = (value for value in arguments.values() if isinstance(value, func.HttpRequest))
            try:
                caller = await authorizer().authorize(request.headers, *roles, user_scope=user_scope, callers=callers)
                return await run(**arguments, caller=caller)
            except Problem as problem:
                return problem_response(problem)

        # Annotations can be strings. The worker evaluates them in the handler's module, which it finds through
        # `__wrapped__` (set by functools.wraps).
        authorized.__signature__ = signature  # type: ignore[attr-defined]
        authorized.__annotations__ = {name: kind for name, kind in handler.__annotations__.items() if name != "caller"}
        return authorized

    return decorate


def _parameters(handler: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the handler's parameters. If the worker cannot call the handler, raises TypeError with instructions."""
    is_generator = inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler)
    if not inspect.isfunction(handler) or is_generator:
        raise TypeError("write @requires_role(...) below @blueprint.route(...), directly above a plain function")
    parameters = dict(inspect.signature(handler).parameters)
    if "caller" not in parameters or any(each.kind not in _BY_NAME for each in parameters.values()):
        raise TypeError(f"write {handler.__name__}(req, caller), with parameters that can be passed by name")
    return parameters


def _in_thread(handler: Callable[..., Any], *, wants_context: bool) -> Callable[..., Any]:
    """Return an async function that runs a sync handler in a thread, as part of the same invocation."""

    async def run(context: Any = None, **arguments: Any) -> Any:
        if wants_context:
            arguments["context"] = context

        def call() -> Any:
            # The worker did not start this thread, so it forwards log lines only if the thread has the invocation ID.
            if context is not None:
                context.thread_local_storage.invocation_id = context.invocation_id
            try:
                return handler(**arguments)
            except StopIteration as error:  # A future cannot raise StopIteration, so the request would never end.
                raise RuntimeError("the handler raised StopIteration") from error

        return await asyncio.to_thread(call)

    return run
