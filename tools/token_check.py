"""Check a token with aad-func's own Authorizer, and report the result of each check."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aad_func.access_token import AccessTokenValidator
from aad_func.authorization import Authorizer
from aad_func.compact_jws import CompactJws
from aad_func.principal import Principal
from common.bearer_token import extract_bearer_token
from common.problems import Problem
from common.remediations import VALIDATION_STEPS
from common.settings import is_guid
from tools.commands import guid_in
from tools.console import CheckResult

_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_VERIFIED_WITH_KEYS = ("unknown_key", "bad_signature", "wrong_issuer", "token_expired")
_SHOWN = {"wrong_issuer": "iss", "wrong_tenant": "tid", "wrong_audience": "aud", "missing_scope": "scp"}


@dataclass(frozen=True, slots=True)
class TokenReport:
    """The results of aad-func's checks, in order. `problem` is None if no check failed."""

    checks: tuple[CheckResult, ...]
    problem: Problem | None

    @property
    def is_verified(self) -> bool:
        """Whether the signature was verified, so that the claims can be trusted."""
        name = next(name for name, codes in VALIDATION_STEPS if "bad_signature" in codes)
        return any(check.name == name and check.state == "ok" for check in self.checks)

    @property
    def code(self) -> str:
        """The code of the problem, or ""."""
        return self.problem.code if self.problem else ""


async def check_token(token: str, claims: Mapping[str, Any], scope: str, *, audience: str = "") -> TokenReport:
    """Apply aad-func's checks to a token that was requested for `scope`, with the settings on this machine.

    If `audience` is given, it replaces the accepted audiences. Raises `misconfigured` if a setting is invalid.
    """
    skipped: dict[str, str] = {}
    with _settings(claims, scope, audience, skipped):
        authorizer = Authorizer.from_settings()
    headers = {"Authorization": f"Bearer {token}"}
    problem = None if skipped.get("wrong_tenant") else await _problem(authorizer, headers)
    if problem is not None and problem.code == "signing_keys_unavailable":
        skipped |= dict.fromkeys(_VERIFIED_WITH_KEYS, problem.detail)
    if "bad_signature" in skipped:
        problem = await _problem(replace(authorizer, validator=_ClaimsReader({})), headers)
    return TokenReport(tuple(_checks(problem, skipped, claims)), problem)


async def _problem(authorizer: Authorizer, headers: Mapping[str, str]) -> Problem | None:
    try:
        await authorizer.authorize(headers)
    except Problem as problem:
        return problem
    return None


class _ClaimsReader(AccessTokenValidator):
    """Reads the claims of a token whose signature cannot be verified."""

    async def validate(self, header: str | None) -> Principal:
        """Return the principal in the unverified claims."""
        return Principal.from_claims(CompactJws.parse(extract_bearer_token(header)).claims, "bearer_token")


@contextlib.contextmanager
def _settings(claims: Mapping[str, Any], scope: str, audience: str, skipped: dict[str, str]) -> Iterator[None]:
    """Within the block, take aad-func's missing settings from `scope` or the token, and skip checks that need them."""
    changes = {"AAD_FUNC_AUTHENTICATION": "token"}
    if "ENTRA_TENANT_ID" not in os.environ:
        tenant = str(claims.get("tid", "")).lower()
        changes["ENTRA_TENANT_ID"] = tenant if is_guid(tenant) else _UNKNOWN
        reason = "ENTRA_TENANT_ID is not set on this machine"
        skipped |= dict.fromkeys((*_VERIFIED_WITH_KEYS, "wrong_tenant"), reason)
    if "AAD_FUNC_CLIENT_ID" not in os.environ:
        changes["AAD_FUNC_CLIENT_ID"] = guid_in(scope) or _UNKNOWN
        if not guid_in(scope) and "AAD_FUNC_AUDIENCES" not in os.environ:
            changes["AAD_FUNC_AUDIENCES"] = str(claims.get("aud") or _UNKNOWN)
            skipped["wrong_audience"] = "AAD_FUNC_CLIENT_ID is not set on this machine"
    if audience:
        changes["AAD_FUNC_AUDIENCES"] = audience
    saved = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _step(problem: Problem | None) -> int:
    """Return the index of the step that fails with this problem, or the number of steps if none fails."""
    places = (place for place, (_, codes) in enumerate(VALIDATION_STEPS) if problem and problem.code in codes)
    return next(places, len(VALIDATION_STEPS))


def _checks(problem: Problem | None, skipped: Mapping[str, str], claims: Mapping[str, Any]) -> Iterator[CheckResult]:
    failed = _step(problem)
    for place, (name, codes) in enumerate(VALIDATION_STEPS):
        reason = next((skipped[code] for code in codes if code in skipped), "")
        if problem and place == failed:
            yield CheckResult(name, "failed", f"{problem.detail} ({problem.code})", problem.code)
        elif codes == ("missing_scope",) and "scp" not in claims:
            continue
        elif place > failed:
            yield CheckResult(name, "skipped", "an earlier check failed")
        elif reason:
            yield CheckResult(name, "skipped", reason)
        else:
            yield CheckResult(name, "ok", _shown(codes, claims))


def _shown(codes: tuple[str, ...], claims: Mapping[str, Any]) -> str:
    if "missing_role" in codes:
        roles = claims.get("roles", [])
        return ", ".join(map(str, roles)) if roles else "granted by AAD_FUNC_ROLE_ASSIGNMENTS"
    return str(claims.get(_SHOWN.get(codes[0], ""), ""))
