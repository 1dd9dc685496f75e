"""The links of a call through msi-func, in order, read from its one answer: which hold, and which is broken."""

from collections.abc import Iterator

from common.problems import PROBLEM_TYPES
from common.remediations import REMEDIATIONS
from tools.probe import Seen
from tools.verdicts import Verdict

KEY = "MSI_FUNC_KEY"


_UNREACHED = {
    "downstream_unreachable": "Check AAD_FUNC_URL, and network rules between the two apps.",
    "downstream_timeout": "Raise AAD_FUNC_TIMEOUT_SECONDS, or keep an instance of aad-func always ready.",
    "downstream_invalid_response": "AAD_FUNC_URL leads to something else than aad-func: correct it.",
}
# Errors of the identity that the request selects: the app's or the user's.
IDENTITY_CODES = (
    *(code for code in PROBLEM_TYPES if code.startswith("user_")),
    *("call_mode_not_allowed", "interaction_required", "federated_credential_mismatch"),
)
OF_MSI_FUNC = ("bad_request", "misconfigured", "token_unavailable", "downstream_error", *IDENTITY_CODES, *_UNREACHED)


def walk(seen: Seen) -> Iterator[Verdict]:
    """A verdict per link; once one is broken, those after it are not checked."""
    links = (_reachable, _settings, _identity, _called, _validated, _audience, _role)
    broken = ""
    for link in links:
        name = link.__name__.strip("_")
        if broken:
            yield Verdict(name, "not checked", f"{broken} failed")
            continue
        verdict = link(seen)
        if verdict.state == "failed":
            broken = name
        yield verdict


def _reachable(seen: Seen) -> Verdict:
    took = f"msi-func answered {seen.status} in {seen.milliseconds:.0f} ms"
    if not seen.status:
        return Verdict(
            "reachable", "failed", seen.why, "Check the URL, and that the app (locally: its host) is running."
        )
    if seen.status == 404:
        fix = "Check the path (/api/msi-func) and that AzureWebJobs.msi_func.Disabled is not set on this app."
        return Verdict("reachable", "failed", took, fix)
    if seen.status in (401, 403) and not seen.code:
        return Verdict("reachable", "failed", took, f"msi-func wants a function key: put it into {KEY}.")
    if "caller" not in seen.body and seen.code not in OF_MSI_FUNC:
        fix = "Check the URL: msi-func's is wanted, not aad-func's. Then look at the app's log."
        return Verdict("reachable", "failed", f"{took}, and not as msi-func does", fix)
    return Verdict("reachable", "ok", took)


def _settings(seen: Seen) -> Verdict:
    for answer, app in ((seen.body, "msi-func"), (seen.downstream, "aad-func")):
        if answer.get("code") == "misconfigured":
            return Verdict("settings", "failed", f"{app}: {answer.get('detail', '')}", f"Correct them on {app}.")
    return Verdict("settings", "ok", "complete")


def _identity(seen: Seen) -> Verdict:
    if seen.code in IDENTITY_CODES:
        return Verdict("identity", "failed", str(seen.body.get("detail", "")), REMEDIATIONS[seen.code])
    if seen.code == "token_unavailable":
        return Verdict(
            "identity", "failed", str(seen.body.get("detail", "")), "See token_unavailable in docs/troubleshooting.md."
        )
    timing = seen.headers.get("Server-Timing", "")
    kind = timing.partition('desc="')[2].partition('"')[0]
    return Verdict("identity", "ok", f"a token from the {kind}" if kind else "a token")


def _called(seen: Seen) -> Verdict:
    if seen.code in _UNREACHED:
        return Verdict("called", "failed", str(seen.body.get("detail", "")), _UNREACHED[seen.code])
    status = seen.downstream.get("status", 200)
    if status == 404:
        return Verdict(
            "called", "failed", "aad-func answered 404", "Check AAD_FUNC_URL, and that aad_func is not disabled."
        )
    if status >= 500 and not seen.downstream.get("code"):
        fix = "Look at the log of aad-func: its code failed, or the platform in front of it."
        return Verdict("called", "failed", f"aad-func answered {status}, and not as it refuses", fix)
    return Verdict("called", "ok", f"aad-func answered {status}")


def _validated(seen: Seen) -> Verdict:
    """Who let the token in or refused it: the code, or Easy Auth in front of it."""
    how = seen.body.get("authenticated_by")
    if how:
        return Verdict("validated", "ok", "by Easy Auth" if how == "easy_auth" else "by the code")
    status, code = seen.downstream.get("status"), seen.downstream.get("code")
    if not code:
        fix = "Easy Auth refused, before the code: see Easy Auth in docs/troubleshooting.md."
        return Verdict("validated", "failed", f"{status} without a code of aad-func's", fix)
    if status in (401, 503) and code != "wrong_audience":
        return Verdict(
            "validated",
            "failed",
            f"{code}: {seen.downstream.get('detail', '')}",
            f"See {code} in docs/troubleshooting.md.",
        )
    return Verdict("validated", "ok", "by the code")


def _audience(seen: Seen) -> Verdict:
    if seen.downstream.get("code") == "wrong_audience":
        fix = "AAD_FUNC_SCOPE of msi-func and AAD_FUNC_CLIENT_ID of aad-func must name the same registration."
        return Verdict("audience", "failed", "the token is meant for another API", fix)
    return Verdict("audience", "ok", "the token is meant for aad-func")


def _role(seen: Seen) -> Verdict:
    status, code = seen.downstream.get("status"), seen.downstream.get("code")
    if status is None:
        return Verdict("role", "ok", ", ".join(map(str, seen.body.get("roles", []))))
    fix = {
        "missing_role": (
            "python -m tools.roles assign --api <aad-func> --identity <msi-func>; "
            "a new token may take the platform up to 24 hours."
        ),
        "caller_not_allowed": "Add the client id of msi-func's identity to AAD_FUNC_ALLOWED_CALLERS.",
    }.get(str(code), f"See {code} in docs/troubleshooting.md.")
    return Verdict("role", "failed", f"{code}: {seen.downstream.get('detail', '')}", fix)
