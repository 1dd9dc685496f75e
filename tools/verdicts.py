"""What aad-func would say of a token, check by check. The app's own code decides; this asks it, and adds the fix."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aad_func.access_token import AccessTokenValidator
from aad_func.principal import Principal
from aad_func.signing_keys import SigningKeys
from common.problems import Problem
from common.settings import PUBLIC_CLOUD_AUTHORITY, Settings, is_guid

State = Literal["ok", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check: its state, what was found, and what to do where it failed."""

    check: str
    state: State
    found: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Expected:
    """What aad-func is configured to want, as far as this machine's settings tell. Empty: not known here."""

    tenant_id: str
    authority: str
    audiences: tuple[str, ...]
    role: str
    scope: str
    allowed_callers: tuple[str, ...]
    role_assignments: Mapping[str, frozenset[str]]

    @classmethod
    def from_settings(cls, scope: str) -> "Expected":
        """From aad-func's settings where they are; else the audience from the scope that is asked for."""
        resource = scope.removesuffix("/.default")
        client_id = os.environ.get("AAD_FUNC_CLIENT_ID") or resource.removeprefix("api://")
        configured = os.environ.get("AAD_FUNC_AUDIENCES", "")
        default = (client_id, f"api://{client_id}") if is_guid(client_id.lower()) else (resource,)
        audiences = tuple(part.strip() for part in configured.split(",")) if configured else default
        # What would be `misconfigured` in aad-func must not be judged by here.
        with Settings() as settings:
            return cls(
                tenant_id=os.environ.get("ENTRA_TENANT_ID", "").lower(),
                authority=settings.url("ENTRA_AUTHORITY", PUBLIC_CLOUD_AUTHORITY),
                audiences=tuple(filter(None, audiences)),
                role=settings.string("AAD_FUNC_REQUIRED_ROLE", "DoAll"),
                scope=settings.string("AAD_FUNC_REQUIRED_SCOPE", "user_impersonation"),
                allowed_callers=settings.guid_list("AAD_FUNC_ALLOWED_CALLERS"),
                role_assignments=settings.role_assignments("AAD_FUNC_ROLE_ASSIGNMENTS"),
            )


def judge(token: str, claims: Mapping[str, Any], expected: Expected) -> list[Verdict]:
    """A verdict per thing that aad-func checks, in its order."""
    signature = _signature(token, claims, expected)
    try:
        principal = Principal.from_claims(dict(claims), "bearer_token")
        caller = principal.with_assigned_roles(expected.role_assignments)
    except Problem as problem:
        fix = "Ask for api://<client id>/.default and use the access token, not an ID token."
        return [*signature, Verdict("kind", "failed", problem.type.description, fix)]
    return [
        *signature,
        _tenant(caller, expected),
        _audience(caller, expected),
        _kind(caller),
        _role(caller, expected),
        *([_allowed(caller, expected)] if expected.allowed_callers else []),
        *([_scope(caller, expected)] if caller.kind == "user" else []),
    ]


def _signature(token: str, claims: Mapping[str, Any], expected: Expected) -> list[Verdict]:
    """Of signature, issuer and time, which are checked together, by the keys of the tenant."""
    if not is_guid(expected.tenant_id):
        return [
            Verdict("signature", "not checked", "ENTRA_TENANT_ID is not set here, so the tenant's keys are not known")
        ]
    keys = {version: SigningKeys(expected.authority, expected.tenant_id, version) for version in ("1.0", "2.0")}
    try:
        asyncio.run(AccessTokenValidator(keys).validate(f"Bearer {token}"))
    except Problem as problem:
        if problem.code == "signing_keys_unavailable":
            return [Verdict("signature", "not checked", f"the keys of {expected.authority} cannot be had from here")]
        check = _CHECKS.get(problem.code, "signature")
        fix = _FIXES.get(problem.code, "Look the code up in docs/troubleshooting.md.")
        return [Verdict(check, "failed", f"{problem.type.description} ({problem.code})", fix)]
    return [
        Verdict("signature", "ok", "signed with a key of the tenant"),
        Verdict("issuer", "ok", f"{claims['iss']} (version {claims['ver']})"),
        Verdict("time", "ok", "valid now"),
    ]


_CHECKS = {"wrong_issuer": "issuer", "token_expired": "time", "token_not_yet_valid": "time"}
_FIXES = {
    "token_expired": "Get a new token; if that has expired too, this machine's clock is wrong.",
    "token_not_yet_valid": "Compare this machine's clock with the real time.",
    "wrong_issuer": "Get the token from the tenant in ENTRA_TENANT_ID.",
    "unknown_key": "The token is of another tenant or cloud: compare ENTRA_AUTHORITY and ENTRA_TENANT_ID with its iss.",
}


def _tenant(caller: Principal, expected: Expected) -> Verdict:
    if not expected.tenant_id:
        return Verdict("tenant", "not checked", f"ENTRA_TENANT_ID is not set here; the token's is {caller.tenant_id}")
    if caller.tenant_id == expected.tenant_id:
        return Verdict("tenant", "ok", caller.tenant_id)
    fix = "Sign in to that tenant (az login --tenant), or correct ENTRA_TENANT_ID."
    return Verdict("tenant", "failed", f"{caller.tenant_id} instead of {expected.tenant_id}", fix)


def _audience(caller: Principal, expected: Expected) -> Verdict:
    if caller.audience in expected.audiences:
        return Verdict("audience", "ok", caller.audience)
    fix = "Ask for the scope of aad-func's own registration, or add this value to AAD_FUNC_AUDIENCES."
    return Verdict("audience", "failed", f"{caller.audience} instead of {' or '.join(expected.audiences)}", fix)


def _kind(caller: Principal) -> Verdict:
    return Verdict("kind", "ok", f"{caller.kind}, client id {caller.client_id}, object id {caller.object_id}")


def _role(caller: Principal, expected: Expected) -> Verdict:
    has = ", ".join(sorted(caller.roles)) or "none"
    fix = (
        f"python -m tools.roles assign --api {caller.audience} --identity {caller.object_id} --role {expected.role}; "
        "then a new token, which for a managed identity may take the platform up to 24 hours."
    )
    return _required("role", lambda: caller.require_role(expected.role), has, fix)


def _allowed(caller: Principal, expected: Expected) -> Verdict:
    if caller.client_id in expected.allowed_callers and caller.is_client_authenticated:
        return Verdict("caller", "ok", caller.client_id)
    if caller.client_id in expected.allowed_callers:
        fix = "Call from an application that authenticates: with a managed identity, a certificate or a secret."
        return Verdict("caller", "failed", f"{caller.client_id} did not authenticate (azpacr or appidacr)", fix)
    fix = "Add this client id to AAD_FUNC_ALLOWED_CALLERS of aad-func."
    return Verdict("caller", "failed", f"{caller.client_id} is not among the allowed callers", fix)


def _scope(caller: Principal, expected: Expected) -> Verdict:
    has = " ".join(sorted(caller.scopes)) or "none"
    fix = f"Expose the scope {expected.scope} on aad-func's registration, and ask for it."
    return _required("scope", lambda: caller.require_scope(expected.scope), has, fix)


def _required(check: str, require: Callable[[], None], has: str, fix: str) -> Verdict:
    try:
        require()
    except Problem as problem:
        return Verdict(check, "failed", f"{problem.detail} It has: {has}.", fix)
    return Verdict(check, "ok", has)
