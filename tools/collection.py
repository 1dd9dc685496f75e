"""Collect the doctor's evidence with a few GET requests, within one time limit."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from common.problems import Problem
from common.settings import is_https_or_loopback
from msi_func.credentials import AppIdentity, has_managed_identity
from tools import http
from tools.commands import guid_in
from tools.diagnosis.evidence import Evidence, settings_for
from tools.forged import forged_claims, forged_client_principal, forged_token
from tools.fresh_token import FreshToken, request_fresh_token
from tools.probe import ProbeResult, mapping, probe, string

FIRST_SHARE = 0.6  # share of the time limit for the first two requests, which can cause cold starts
SECOND_LIMIT = 10  # seconds for each later request
PROGRESS_EVERY = 2  # seconds

T = TypeVar("T")
Report = Callable[[str, ProbeResult], None]


@dataclass(frozen=True, slots=True)
class Target:
    """The apps to examine. `headers` contains the function key and the user's token, which only msi-func receives."""

    msi_url: str
    aad_url: str
    headers: dict[str, str]
    seconds: float


async def collect(target: Target, report: Report, progress: Callable[[str], None]) -> Evidence:
    """Return the evidence. `report` is called after each probe, and `progress` every two seconds during a probe."""
    settings = settings_for(target.msi_url)
    configured = settings.get("AAD_FUNC_URL", "")
    aad_url = target.aad_url or (configured if is_https_or_loopback(configured) else "")
    deadline = asyncio.get_running_loop().time() + target.seconds

    async def send(name: str, url: str, headers: dict[str, str], limit: float) -> ProbeResult:
        left = max(deadline - asyncio.get_running_loop().time(), 0.1)
        result = await _with_progress(name, probe(url, min(left, limit), headers), progress)
        report(name, result)
        return result

    async def send_to(url: str, name: str, headers: dict[str, str], limit: float = SECOND_LIMIT) -> ProbeResult | None:
        return await send(name, url, headers, limit) if url else None

    first_limit = target.seconds * FIRST_SHARE
    call, direct = await asyncio.gather(
        send("msi-func", target.msi_url, target.headers, first_limit), send_to(aad_url, "aad-func", {}, first_limit)
    )
    claims = forged_claims(mapping(call.body, "claims"), settings)
    forged = aad_url if direct and direct.status else ""
    principal = {"X-MS-CLIENT-PRINCIPAL": forged_client_principal(claims), "X-MS-CLIENT-PRINCIPAL-IDP": "aad"}
    without_token, forged_principal, forged_signature, fresh = await asyncio.gather(
        send_to(_without_token(target.msi_url) if _is_msi_func(call) else "", "without a token", target.headers),
        send_to(forged, "forged principal", principal),
        send_to(forged, "forged token", {"Authorization": f"Bearer {forged_token(claims)}"}),
        _until(deadline, _fresh(call, settings)),
    )
    return Evidence(
        call,
        without_token,
        direct,
        forged_principal,
        forged_signature,
        fresh,
        settings,
        aad_url,
        has_key="x-functions-key" in target.headers,
        is_client_id_known=await _until(deadline, _is_client_id_known(call, settings)),
    )


async def _until(deadline: float, work: Awaitable[T]) -> T | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            return await work
    return None


async def _with_progress(name: str, work: Awaitable[T], progress: Callable[[str], None]) -> T:
    task = asyncio.ensure_future(work)
    waited = 0
    while True:
        done, _ = await asyncio.wait([task], timeout=PROGRESS_EVERY)
        if done:
            return task.result()
        waited += PROGRESS_EVERY
        progress(f"waiting for {name}: {waited} s ...")


def _without_token(url: str) -> str:
    query = urlsplit(url).query
    kept = "&".join(part for part in query.split("&") if part and not part.lower().startswith(("as=", "auth=")))
    return urlsplit(url)._replace(query=f"{kept}&auth=0" if kept else "auth=0").geturl()


def _is_msi_func(call: ProbeResult) -> bool:
    """Return whether msi-func tried to call aad-func. Otherwise a request with auth=0 shows nothing about aad-func."""
    return call.is_accepted or call.code.startswith("downstream_")


async def _fresh(call: ProbeResult, settings: Mapping[str, str]) -> FreshToken | None:
    """Return a new token if the role is missing and this machine can use the caller's managed identity."""
    scope = settings.get("AAD_FUNC_SCOPE", "")
    is_application = string(mapping(call.downstream, "caller"), "kind") == "application"
    if call.downstream_code != "missing_role" or not is_application or not scope or not _has_identity(settings):
        return None
    return await request_fresh_token(AppIdentity(settings.get("AAD_FUNC_IDENTITY_CLIENT_ID")), scope)


async def _is_client_id_known(call: ProbeResult, settings: Mapping[str, str]) -> bool | None:
    """Return whether Entra issues tokens for AAD_FUNC_CLIENT_ID, or None if this is unknown."""
    client_id = guid_in(settings.get("AAD_FUNC_CLIENT_ID", ""))
    if call.downstream_code != "wrong_audience" or not client_id or not _has_identity(settings):
        return None
    try:
        await http.token_for(AppIdentity(settings.get("AAD_FUNC_IDENTITY_CLIENT_ID")), f"{client_id}/.default")
    except Problem as problem:
        # For an unknown API, the identity endpoint returns a generic 500.
        return False if problem.members.get("endpoint_status") == 500 else None
    return True


def _has_identity(settings: Mapping[str, str]) -> bool:
    return bool(settings) and has_managed_identity()
